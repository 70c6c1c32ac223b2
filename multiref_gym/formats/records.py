"""Games as records: JSON objects in a file, or rows of a Parquet file or of a data set on the Hugging Face hub.

A format of records defines its fields, and how records become a game and a game becomes records. This module defines
the allowed values of the fields, and how they are written, for all formats. Errors name the place as in
`multiref_gym.formats.rows`; rows of a data set on the hub are counted as lines, too.

Any record may also have explicit `feedback`. Its labels are "positive", "neutral", "negative", or 1, 0, -1, or null.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import AfterValidator, BaseModel, Field, PlainValidator

from multiref_gym.checking import checked, storable
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.files import write_lines_atomically
from multiref_gym.formats.logged_game import BadGame, LoggedGame
from multiref_gym.formats.rows import EXTRA, placed, rows_of
from multiref_gym.game import LETTERS, Action, Context
from multiref_gym.interaction import Interaction, Turn
from multiref_gym.listener import ROUNDING

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")

LABELS = {None: None} | {label: value for value in Feedback for label in (value.name.lower(), int(value))}
LARGEST = 2**31 - 1
"""The largest number that every database takes."""


def _distinct(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("expected distinct tangrams")
    return names


def _label(value: object) -> Feedback | None:
    if isinstance(value, str | int | float | None) and not isinstance(value, bool) and value in LABELS:
        return LABELS[value]  # type: ignore[index]
    raise ValueError(f"expected one of {', '.join(map(repr, LABELS))}")


Text = Annotated[str, AfterValidator(storable)]
Tangrams = Annotated[list[Text], Field(max_length=len(LETTERS)), AfterValidator(_distinct)]
LogProb = Annotated[float, Field(le=ROUNDING, allow_inf_nan=False)] | None
Label = Annotated[Feedback | None, PlainValidator(_label)]


class Fields(BaseModel, strict=True):
    """The fields that every record of games may have."""

    game_id: Text
    context: Tangrams
    context_listener: Tangrams = Field(alias="context")
    targets: Annotated[list[str], Field(min_length=1)]
    clicks: list[list[str]]
    speaker: Text = ""
    policy_name: Text = ""
    round: Annotated[int, Field(ge=-LARGEST, le=LARGEST)] = 0
    closing: Text = ""
    dataset_alias: Text = ""


AnyFields = TypeVar("AnyFields", bound=Fields)


@dataclass(frozen=True, slots=True)
class Record:
    """A record, and the parts of a game in it. Each method raises BadGame, with the place and the field.

    Attributes:
        place: The place, such as "FILE, line 3".
        value: The fields; empty if the record cannot be read at all.
        unreadable: The reason in that case.
    """

    place: str
    value: dict[str, Any]
    unreadable: BadGame | None = None

    def bad(self, what: object, field: str = "") -> BadGame:
        """Returns an error that names this place."""
        return BadGame(what, self.place, field)

    def read(self, kind: type[AnyFields]) -> AnyFields:
        """Returns the fields."""
        if self.unreadable:
            raise self.unreadable
        return checked(kind, self.value, self.place, BadGame)

    def context(self, fields: Fields) -> Context:
        """Returns the context."""
        orders = tuple(fields.context), tuple(fields.context_listener)
        if set(orders[0]) != set(orders[1]):
            raise self.bad("not the tangrams of 'context'", "context_listener")
        targets = self.positions("targets", fields.targets, orders[1])
        return Context(*orders, frozenset(orders[1][i] for i in targets))

    def positions(self, field: str, names: Iterable[str], order: Sequence[str], where: str = "") -> frozenset[int]:
        """Returns the positions, in an order, of the tangrams that a field names."""
        position = {name: i for i, name in enumerate(order)}
        if others := sorted(set(names) - position.keys()):
            raise self.bad(f"{others[0]!r}{where} is not in the context", field)
        return frozenset(position[name] for name in names)

    def clicks(self, fields: Fields, chat: Sequence[str], order: Sequence[str]) -> list[frozenset[int]]:
        """Returns the positions that each item of `clicks` names; there must be one item for each utterance."""
        clicks = fields.clicks
        if not clicks or len(clicks) != len(chat):
            problem = f"{len(clicks)} for {len(chat)} utterances"
            raise self.bad(f"expected one item for each turn and at least one turn, got {problem}", "clicks")
        return [self.positions("clicks", names, order, f" of turn {turn}") for turn, names in enumerate(clicks)]


def interaction(
    fields: Fields,
    context: Context,
    chat: Sequence[str],
    selections: Iterable[frozenset[int]],
    log_probs: Sequence[float | None],
) -> Interaction:
    """Returns the game with these utterances, selections after each turn, and the record's other fields."""
    actions = [Action(after - before, before - after) for before, after in pairwise([frozenset(), *selections])]
    return Interaction(
        game_id=fields.game_id,
        context=context,
        turns=tuple(map(Turn, chat, actions, log_probs)),
        speaker=fields.speaker,
        policy=fields.policy_name,
        round=fields.round,
        closing=fields.closing,
    )


class RecordFormat(ABC):
    """A format in which a game is one record, or several."""

    configuration: ClassVar[str] = "turn"
    """The configuration of a data set on the hub that has such records."""

    def game_of(self, record: Record) -> str | None:
        """Returns the id of the game that this record belongs to, None if it is a game by itself."""
        return None

    @abstractmethod
    def to_game(self, records: Sequence[Record]) -> LoggedGame:
        """Returns the game of these records.

        Raises:
            BadGame: If they do not make a game.
        """

    @abstractmethod
    def to_records(self, logged: LoggedGame) -> Iterator[dict[str, Any]]:
        """Yields the records of a game, ready for JSON."""

    def read(self, where: str) -> Iterator[LoggedGame | BadGame]:
        """Yields the games of a file, of a data set on the hub by its id, or of a folder that holds such a data set."""
        # The records of a game may be in any place. Games come in the order of their first records.
        records_of: dict[str | int, list[Record]] = {}
        for number, record in enumerate(_records(where, self.configuration)):
            game = self.game_of(record)
            if game is None and not records_of:
                yield self._read([record])
            else:
                records_of.setdefault(number if game is None else game, []).append(record)
        yield from map(self._read, records_of.values())

    def _read(self, records: Sequence[Record]) -> LoggedGame | BadGame:
        try:
            return self.to_game(records)
        except BadGame as error:
            return error

    def write(self, where: str, games: Iterable[LoggedGame]) -> None:
        """Writes a file of JSON Lines."""
        records = (record for game in games for record in self.to_records(game))
        write_lines_atomically(Path(where), (json.dumps(record, ensure_ascii=False) for record in records))


# The sources of records.


def _records(where: str, configuration: str) -> Iterator[Record]:
    path = Path(where)
    is_hub = path.is_dir() or (not path.exists() and not path.suffix and HUB_ID.fullmatch(where))
    for place, row in placed(_hub_rows(where, configuration) if is_hub else rows_of(path, BadGame), where):
        try:
            yield Record(place, checked(dict[str, Any], row, place, BadGame))
        except BadGame as error:
            yield Record(place, {}, error)


def _hub_rows(name: str, configuration: str) -> list[Any]:
    no_file = f"{name}: a folder, not a file" if Path(name).is_dir() else f"{name}: no such file"
    try:
        datasets = import_module("datasets")
    except ImportError as error:
        raise UserError(f"{no_file}, and reading a data set on the hub needs the extra 'datasets': {EXTRA}") from error
    try:
        return [row for split in datasets.load_dataset(name, configuration).values() for row in split]
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise UserError(
            f"{no_file}, and no data set on the hub with a configuration {configuration!r}: {error}"
        ) from error
