"""Games as records: objects of JSON in a file, rows of a Parquet file or of a data set of the Hugging Face hub.

A format of records says which fields it has, and how records become a game and a game becomes records. Where records
come from, what their fields may hold, and how they are written is said here, for all of them. What is bad is named by
file, line and field; rows of a list, a Parquet file or a data set of the hub are counted as lines.

Any record may carry explicit `feedback` as well. Labels are "positive", "neutral", "negative", or 1, 0, -1, or null.
"""

from __future__ import annotations

import json
import re
import sys
from abc import ABC, abstractmethod
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar

from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.files import write_lines_atomically
from multiref_gym.formats.logged_game import BadGame, LoggedGame
from multiref_gym.game import LETTERS, Action, Context
from multiref_gym.interaction import Interaction, Turn

EXTRA = "pip install 'multiref-gym[datasets]'"
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
HALF_CHARACTER = re.compile("[\ud800-\udfff]")
"""Half of a pair of UTF-16, which JSON can spell and no text holds."""

LABELS = {label: value for value in Feedback for label in (value.name.lower(), int(value))}
LARGEST = 2**31 - 1
"""The largest number that every database takes."""
ROUNDING = 1e-4
"""How far above 0 the logarithm of a probability may be, when it is a sum of many rounded ones."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record, and the checks of what its fields hold. Each raises BadGame, with the place and the field.

    Attributes:
        place: Where it is, such as "FILE, line 3".
        value: Its fields; none if it cannot be read at all.
        unreadable: Why it cannot.
    """

    place: str
    value: dict[str, Any]
    unreadable: str = ""

    def bad(self, what: object, field: str = "") -> BadGame:
        """Returns the error that says what is wrong here."""
        return BadGame(what, self.place, field)

    def need(self, fields: Iterable[str]) -> None:
        """Makes sure that these fields are there."""
        if self.unreadable:
            raise self.bad(self.unreadable)
        for field in fields:
            if field not in self.value:
                raise self.bad("missing", field)

    def text(self, field: str, default: str | None = None) -> str:
        """Returns a text."""
        return str(self._expect("a text", _is_text, field, default))

    def texts(self, field: str) -> list[str]:
        """Returns a list of texts."""
        return list(self._expect("a list of texts", _is_texts, field))

    def whole(self, field: str, default: int) -> int:
        """Returns a whole number."""
        fits = f"a whole number between -{LARGEST} and {LARGEST}"
        return int(self._expect(fits, lambda value: is_number(value, int) and abs(value) <= LARGEST, field, default))

    def log_prob(self, value: Any, field: str) -> float | None:
        """Returns a log-probability of a field, None if it is null."""
        if value is None:
            return None
        if not is_number(value) or not -sys.float_info.max <= value <= ROUNDING:
            raise self.bad(f"expected a finite number of at most 0 or null, not {value!r:.60}", field)
        return float(value)

    def label(self, value: Any) -> Feedback | None:
        """Returns what a label of `feedback` says, None if it is null."""
        if value is None:
            return None
        if not (isinstance(value, str) or is_number(value)) or value not in LABELS:
            allowed = ", ".join(map(repr, LABELS))
            raise self.bad(f"unknown label {value!r:.60}: expected {allowed} or null", "feedback")
        return LABELS[value]

    def context(self, speaker_order: str, listener_order: str) -> Context:
        """Returns the context whose orders are in these fields and whose targets are in `targets`."""
        orders = [self._order(field) for field in (speaker_order, listener_order)]
        if set(orders[0]) != set(orders[1]):
            raise self.bad(f"not the tangrams of {speaker_order!r}", listener_order)
        targets = self.positions("targets", self.texts("targets"), orders[1])
        if not targets:
            raise self.bad("expected one target or more", "targets")
        return Context(orders[0], orders[1], frozenset(orders[1][i] for i in targets))

    def positions(self, field: str, names: Iterable[str], order: Sequence[str], where: str = "") -> frozenset[int]:
        """Returns where the tangrams that a field names are in an order."""
        position = {name: i for i, name in enumerate(order)}
        if others := sorted(set(names) - position.keys()):
            raise self.bad(f"{others[0]!r}{where} is not in the context", field)
        return frozenset(position[name] for name in names)

    def clicks(self, chat: str, order: Sequence[str]) -> list[frozenset[int]]:
        """Returns the positions that each item of `clicks` names, one item for each utterance of the field `chat`."""
        clicks, utterances = self._expect("a list of lists of texts", _is_lists, "clicks"), self.texts(chat)
        if not clicks or len(clicks) != len(utterances):
            told = f"{len(clicks)} for {len(utterances)} utterances in {chat!r}"
            raise self.bad(f"expected one item a turn and a turn or more, got {told}", "clicks")
        return [self.positions("clicks", names, order, f" of turn {turn}") for turn, names in enumerate(clicks)]

    def interaction(
        self,
        context: Context,
        chat: Sequence[str],
        selections: Iterable[frozenset[int]],
        log_probs: Sequence[float | None],
    ) -> Interaction:
        """Returns the game with these utterances, the selection after each turn, and the record's other fields."""
        actions = [Action(after - before, before - after) for before, after in pairwise([frozenset(), *selections])]
        turns = tuple(map(Turn, chat, actions, log_probs))
        return Interaction(
            game_id=self.text("game_id"),
            context=context,
            turns=turns,
            speaker=self.text("speaker", ""),
            policy=self.text("policy_name", ""),
            round=self.whole("round", 0),
            closing=self.text("closing", ""),
        )

    def _expect(self, what: str, holds: Callable[[Any], bool], field: str, default: Any = None) -> Any:
        value = self.value.get(field, default)
        if not holds(value):
            raise self.bad(f"expected {what}, not {value!r:.60}", field)
        return value

    def _order(self, field: str) -> tuple[str, ...]:
        names = self.texts(field)
        if len(set(names)) != len(names) or len(names) > len(LETTERS):
            told = f"{len(names)}, of them {len(set(names))} distinct"
            raise self.bad(f"expected at most {len(LETTERS)} distinct tangrams, got {told}", field)
        return tuple(names)


class RecordFormat(ABC):
    """A format whose games are one record each, or several each."""

    fields: ClassVar[tuple[str, ...]]
    """What a record cannot do without."""

    configuration: ClassVar[str] = "turn"
    """Which configuration of a data set of the hub has such records."""

    def game_of(self, record: Record) -> str | None:
        """Returns the id of the game that this record and others are of, None if it is one game by itself."""
        return None

    @abstractmethod
    def to_game(self, records: Sequence[Record]) -> LoggedGame:
        """Returns the game of these records, which have all `fields`.

        Raises:
            BadGame: If they are no game.
        """

    @abstractmethod
    def to_records(self, logged: LoggedGame) -> Iterator[dict[str, Any]]:
        """Yields the records of a game, fit for JSON."""

    def game(self, records: Sequence[Record]) -> LoggedGame:
        """Returns what `to_game` does, once it is sure that no field is missing."""
        for record in records:
            record.need(self.fields)
        return self.to_game(records)

    def read(self, where: str) -> Iterator[LoggedGame | BadGame]:
        """Yields the games of a file, of a data set of the hub by its id, or of a folder that holds such a data set."""
        # The records of a game may be anywhere.
        records_of: dict[str | int, list[Record]] = {}
        for number, record in enumerate(_records(where, self.configuration)):
            game = self.game_of(record)
            records_of.setdefault(number if game is None else game, []).append(record)
        for records in records_of.values():
            try:
                yield self.game(records)
            except BadGame as error:
                yield error

    def write(self, where: str, games: Iterable[LoggedGame]) -> None:
        """Writes a file of JSON Lines."""
        records = (record for game in games for record in self.to_records(game))
        write_lines_atomically(Path(where), (json.dumps(record, ensure_ascii=False) for record in records))


def is_number(value: Any, kinds: UnionType | type = int | float) -> bool:
    """Returns whether a value of JSON is a number, which true and false are not."""
    return isinstance(value, kinds) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not HALF_CHARACTER.search(value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_lists(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_texts, value))


# Where records come from.


def _records(where: str, configuration: str) -> Iterator[Record]:
    path = Path(where)
    if path.is_dir() or (not path.exists() and not path.suffix and HUB_ID.fullmatch(where)):
        rows = _hub_rows(where, configuration)
    elif path.suffix == ".parquet":
        rows = _parquet_rows(path)
    elif path.suffix == ".json" and path.read_bytes().removeprefix(BOM_UTF8).lstrip().startswith(b"["):
        rows = _list(path)
    else:
        yield from _lines(path)
        return
    for number, row in enumerate(rows, start=1):
        yield _record(f"{where}, line {number}", row)


def _record(place: str, value: Any) -> Record:
    if isinstance(value, dict):
        return Record(place, value)
    return Record(place, {}, f"a game is one JSON object, not {value!r:.60}")


def _lines(path: Path) -> Iterator[Record]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            place = f"{path}, line {number}"
            try:
                yield _record(place, json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8")))
            except UnicodeDecodeError as error:
                yield Record(place, {}, f"not UTF-8 ({error.reason})")
            except (ValueError, RecursionError) as error:  # a number or a nesting may be too long, too
                yield Record(place, {}, f"not JSON ({getattr(error, 'msg', error)})")


def _list(path: Path) -> list[Any]:
    try:
        rows: list[Any] = json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadGame(f"not JSON ({error})", str(path)) from error
    return rows


def _parquet_rows(path: Path) -> list[Any]:
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError as error:
        raise UserError(f"{path}: Parquet files need the extra 'datasets': {EXTRA}") from error
    try:
        rows: list[Any] = parquet.ParquetFile(path).read().to_pylist()
    except ValueError as error:  # what pyarrow raises for a file that is none
        raise BadGame(error, str(path)) from error
    return rows


def _hub_rows(name: str, configuration: str) -> list[Any]:
    try:
        load_dataset = import_module("datasets").load_dataset
    except ImportError as error:
        raise UserError(
            f"{name}: no such file, and if it is a data set of the hub, that needs the extra 'datasets': {EXTRA}"
        ) from error
    try:
        return [row for split in load_dataset(name, configuration).values() for row in split]
    except (OSError, ValueError) as error:
        raise UserError(
            f"{name}: no such file, and no data set of the hub with a configuration {configuration!r}: {error}"
        ) from error
