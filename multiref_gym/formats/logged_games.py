"""Games that were played by anybody, read for a replay: from files or the hub, each line checked field by field.

A record is a game of the human games' schema (also what `multiref export` writes), an `interaction` row or a `turn` row
of the public data set; which one it is shows by its fields. Records come as JSON Lines, as one JSON list, as Parquet,
or from the Hugging Face hub. What is bad is named by file, line and field; rows of a list, a Parquet file or a data
set of the hub are counted as lines.

Any record may carry explicit `feedback` as well: of a game a list with a label for each turn but the last, of a turn
row one label, or null. Labels are "positive", "neutral", "negative", or 1, 0, -1.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.formats.public_rows import from_interaction_row, from_turn_rows
from multiref_gym.game import CONTEXT_SIZE
from multiref_gym.interaction import Interaction, MalformedInteraction
from multiref_gym.tangrams import Tangram, TangramSet, load_tangrams
from multiref_gym.tangrams.kilogram import read_svg

EXTRA = "pip install 'multiref-gym[datasets]'"
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
LABELS = {label: value for value in Feedback for label in (value.name.lower(), int(value))}

FIELDS = {
    "game": ("game_id", "context", "context_listener", "targets", "chat", "clicks"),
    "interaction": ("game_id", "context", "targets", "chat", "clicks"),
    "turn": (
        *("game_id", "context", "targets", "chats", "clicks"),
        *("currently_selected", "selected", "deselected", "chat_feedback", "prob_action"),
    ),
}
"""What a record of each kind cannot do without."""


class BadGame(UserError):
    """A record that cannot be replayed; the message names the file, the line and, where it is one, the field."""


@dataclass(frozen=True, slots=True)
class LoggedGame:
    """A game that was played, and what its record says besides.

    Attributes:
        game: The game.
        reply: What was said after the last turn of the record where the game went on, "" if it did not.
        labels: Explicit feedback on each turn, None for a turn that has none.
    """

    game: Interaction
    reply: str
    labels: tuple[Feedback | None, ...]

    def exchanges(self) -> list[Exchange]:
        """Returns an exchange for every turn that was replied to: all, or all but the last."""
        exchanges = self.game.exchanges()
        if self.reply:
            *before, last = self.game.turns
            exchanges.append(Exchange(before[-1].action if before else None, last.utterance, last.action, self.reply))
        return exchanges


@dataclass(frozen=True, slots=True)
class _Record:
    """A record, where it is from and, if it cannot be read at all, why."""

    place: str
    value: Any
    unreadable: str = ""

    def bad(self, what: object, field: str = "") -> BadGame:
        """Returns the error that says what is wrong here."""
        return BadGame(f"{self.place}" + (f", field {field!r}" if field else "") + f": {what}")


def read_games(source: str, tangrams: TangramSet, skip_bad: bool = False) -> tuple[list[LoggedGame], list[BadGame]]:
    """Reads logged games.

    Args:
        source: A file, or the id or folder of a data set of the hub that has a configuration `turn`.
        tangrams: The set that every tangram of a game must be in.
        skip_bad: Whether bad games are left out. A bad turn row spoils its game.

    Returns:
        The games, and an error for each that was left out.

    Raises:
        BadGame: At the first bad game if they are not left out, or if no game is left.
        UserError: If there is no such file or data set, or reading it takes an extra that is not installed.
    """
    # A game is one record, or all turn rows with its id, wherever they are.
    records_of: dict[str | int, list[_Record]] = {}
    for number, record in enumerate(_records(source)):
        records_of.setdefault(_game_of_turn_row(record.value) or number, []).append(record)
    games, errors = [], []
    for records in records_of.values():
        try:
            games.append(_read_game(records, tangrams))
        except BadGame as error:
            if not skip_bad:
                raise
            errors.append(error)
    if not games:
        raise BadGame(f"{source}: no games" + (f", as all {len(errors)} are bad; {errors[0]}" if errors else ""))
    return games, errors


def drawn_tangrams(spec: str) -> TangramSet:
    """Returns what `load_tangrams` does, and of KiloGram also what is drawn but not described: people got those, too.

    Raises:
        TangramError: As `load_tangrams`, or if a drawing is malformed.
    """
    described = load_tangrams(spec)
    source, _, path = spec.partition(":")
    if not source.startswith("kilogram"):
        return described
    folder = Path(path).expanduser()
    folder = folder.parent if folder.is_file() else folder / "dataset" if (folder / "dataset").is_dir() else folder
    files = sorted((folder / "tangrams-svg").glob("*.svg"))
    others = [
        Tangram(f"{file.stem}.png", tuple(read_svg(file).values()), frozenset(), (), ())
        for file in files
        if f"{file.stem}.png" not in described
    ]
    return TangramSet(spec, (*described, *others), split_by="id")


def fingerprint(games: Sequence[LoggedGame]) -> str:
    """Returns a short hash of what is replayed, the same for games in any order and for any kind of record."""
    digests = []
    for logged in games:
        game = logged.game
        said = [[turn.utterance, sorted(turn.action.clicks)] for turn in game.turns]
        seen = [game.context.listener_order, sorted(game.targets), said, logged.reply, logged.labels]
        digests.append(hashlib.sha256(json.dumps(seen).encode()).hexdigest())
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()[:16]


# Where records come from.


def _records(source: str) -> Iterator[_Record]:
    path = Path(source)
    if path.is_dir() or (not path.exists() and not path.suffix and HUB_ID.fullmatch(source)):
        rows = _hub_rows(source)
    elif path.suffix == ".parquet":
        rows = _parquet_rows(path)
    else:
        text = path.read_bytes()
        if path.suffix != ".json" or not text.lstrip().startswith(b"["):
            yield from _lines(path, text)
            return
        try:
            rows = json.loads(text)
        except ValueError as error:
            raise BadGame(f"{path}: not JSON ({error})") from error
    for number, row in enumerate(rows, start=1):
        yield _Record(f"{source}, line {number}", row)


def _lines(path: Path, text: bytes) -> Iterator[_Record]:
    for number, line in enumerate(text.splitlines(), start=1):
        place = f"{path}, line {number}"
        try:
            yield _Record(place, json.loads(line))
        except UnicodeDecodeError as error:
            yield _Record(place, None, f"not UTF-8 ({error.reason})")
        except json.JSONDecodeError as error:
            yield _Record(place, None, f"not JSON ({error.msg})")


def _parquet_rows(path: Path) -> list[Any]:
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError as error:
        raise UserError(f"{path}: Parquet files need the extra 'datasets': {EXTRA}") from error
    try:
        rows: list[Any] = parquet.ParquetFile(path).read().to_pylist()
    except ValueError as error:  # what pyarrow raises for a file that is none
        raise BadGame(f"{path}: {error}") from error
    return rows


def _hub_rows(name: str) -> list[Any]:
    try:
        load_dataset = import_module("datasets").load_dataset
    except ImportError as error:
        raise UserError(
            f"{name}: no such file, and if it is a data set of the hub, that needs the extra 'datasets': {EXTRA}"
        ) from error
    try:
        return [row for split in load_dataset(name, "turn").values() for row in split]
    except (OSError, ValueError) as error:
        raise UserError(
            f"{name}: no such file, and no data set of the hub with a configuration 'turn': {error}"
        ) from error


# What is in a record.


def _game_of_turn_row(value: Any) -> str | None:
    if isinstance(value, dict) and "chats" in value and isinstance(value.get("game_id"), str):
        return str(value["game_id"])
    return None


def _read_game(records: Sequence[_Record], tangrams: TangramSet) -> LoggedGame:
    """Reads a game from its record or from its turn rows."""
    for record in records:
        _check(record, tangrams)
    first = records[0].value
    kind = _kind(first)
    if kind == "turn":
        return _read_turn_rows(records)
    try:
        game = Interaction.from_json(first) if kind == "game" else from_interaction_row(first)
    except MalformedInteraction as error:
        raise records[0].bad(error) from error
    labels = [_label(label) for label in first.get("feedback") or ()]
    return LoggedGame(game, "", (*labels, *[None] * (len(game.turns) - len(labels))))


def _read_turn_rows(records: Sequence[_Record]) -> LoggedGame:
    try:
        (game,) = from_turn_rows(record.value for record in records)
    except MalformedInteraction as error:
        # It counts the rows that it was given.
        number, _, message = str(error).removeprefix("line ").partition(": ")
        raise records[int(number) - 1].bad(message) from error
    order, selections = game.context.listener_order, game.selections
    for record in records:
        if set(record.value["currently_selected"]) != {order[i] for i in selections[len(record.value["chats"]) - 1]}:
            raise record.bad("not what the earlier 'clicks' selected", "currently_selected")
    row_of = {len(record.value["chats"]): record.value for record in records}
    labels = (_label(row_of.get(turn, {}).get("feedback")) for turn in range(1, len(game.turns) + 1))
    return LoggedGame(game, row_of[len(game.turns)]["chat_feedback"], tuple(labels))


def _label(label: Any) -> Feedback | None:
    return None if label is None else LABELS[label]


def _check(record: _Record, tangrams: TangramSet) -> None:
    """Raises BadGame, naming the field, for all that a game may be wrong in on its own."""
    value = record.value
    if record.unreadable:
        raise record.bad(record.unreadable)
    if not isinstance(value, dict):
        raise record.bad(f"a game is one JSON object, not {value!r:.60}")
    kind = _kind(value)
    for field in FIELDS[kind]:
        if field not in value:
            raise record.bad("missing", field)
    if not isinstance(value.get("round", 0), int):
        raise record.bad(f"expected a whole number, not {value['round']!r:.60}", "round")
    chat = "chats" if kind == "turn" else "chat"
    for field in ("game_id", *(("chat_feedback",) if kind == "turn" else ())):
        if not isinstance(value[field], str):
            raise record.bad(f"expected a text, not {value[field]!r:.60}", field)
    for field in ("context", "context_listener", "targets", chat, "currently_selected", "selected", "deselected"):
        if field in FIELDS[kind] and not _is_texts(value[field]):
            raise record.bad(f"expected a list of texts, not {value[field]!r:.60}", field)
    if not (isinstance(value["clicks"], list) and all(map(_is_texts, value["clicks"]))):
        raise record.bad(f"expected a list of lists of texts, not {value['clicks']!r:.60}", "clicks")

    context = value["context"]
    for field in ("context", "context_listener"):
        if field not in FIELDS[kind]:
            continue
        if len(value[field]) != CONTEXT_SIZE or len(set(value[field])) != CONTEXT_SIZE:
            told = f"{len(value[field])}, of them {len(set(value[field]))} distinct"
            raise record.bad(f"expected {CONTEXT_SIZE} distinct tangrams, got {told}", field)
        if set(value[field]) != set(context):
            raise record.bad("not the tangrams of 'context'", field)
    if missing := [name for name in context if name not in tangrams]:
        raise record.bad(f"no tangram {missing[0]!r} in {tangrams.name}; {len(missing)} missing", "context")
    if not value["targets"]:
        raise record.bad("expected one target or more", "targets")
    if not value[chat] or len(value[chat]) != len(value["clicks"]):
        told = f"{len(value['clicks'])} for {len(value[chat])} utterances in {chat!r}"
        raise record.bad(f"expected one item a turn and a turn or more, got {told}", "clicks")
    named = {"targets": [value["targets"]], "clicks": value["clicks"]}
    if kind == "turn":
        named |= {field: [value[field]] for field in ("currently_selected", "selected", "deselected")}
    for field, lists in named.items():
        for number, names in enumerate(lists):
            if others := sorted(set(names) - set(context)):
                turn = f" of turn {number}" if field == "clicks" else ""
                raise record.bad(f"{others[0]!r}{turn} is not in the context", field)
    _check_labels(record, kind)


def _kind(value: dict[str, Any]) -> str:
    """Returns which of `FIELDS` a record is to have, by the fields that it does have."""
    if "chats" in value:
        return "turn"
    return "interaction" if "dataset_alias" in value and "context_listener" not in value else "game"


def _check_labels(record: _Record, kind: str) -> None:
    feedback = record.value.get("feedback")
    if feedback is None:
        return
    if kind == "turn":
        feedback = [feedback]
    elif not isinstance(feedback, list) or len(feedback) != len(record.value["chat"]) - 1:
        raise record.bad("expected a list with a label for each turn but the last", "feedback")
    for label in feedback:
        if label is not None and (not isinstance(label, str | int) or label not in LABELS):
            allowed = ", ".join(repr(allowed) for allowed in LABELS)
            raise record.bad(f"unknown label {label!r:.60}: expected {allowed} or null", "feedback")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
