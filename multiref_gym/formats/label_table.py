"""Feedback as a table of exchanges, in a CSV file: to be read in a spreadsheet, corrected, and learned from.

A row is an exchange: what was said, what the listener did, and the reply. `feedback` is what was decoded, or what
somebody wrote in its place; where it is empty, nobody knows. A row that was taken out is one of which nobody knows.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.formats.logged_game import LoggedGame

COLUMNS = ("game_id", "turn", "utterance", "action", "reply", "feedback", "probability", "against")
READ = ("game_id", "turn", "action", "feedback")
"""The columns that are read again; the others are for people."""

VALUES = {value.name.lower(): value for value in Feedback} | {"": None}


class Decoded(NamedTuple):
    """What is said of the exchanges of a game beside its labels, an item for each.

    Attributes:
        probabilities: How likely each action was wholly good; empty if the decoder does not say.
        against: What another decoder says; empty if there is none.
    """

    probabilities: Sequence[float] = ()
    against: Sequence[Feedback] = ()


def write_table(path: Path, games: Iterable[tuple[LoggedGame, Decoded]]) -> None:
    """Writes the labels of games, a row for each exchange."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for logged, decoded in games:
            game_id, exchanges = logged.interaction.game_id, logged.exchanges()
            likely = [f"{said:.4f}" for said in decoded.probabilities] or [""] * len(exchanges)
            others = [value.name.lower() for value in decoded.against] or [""] * len(exchanges)
            labels = ["" if label is None else label.name.lower() for label in logged.labels[: len(exchanges)]]
            for turn, (exchange, *more) in enumerate(zip(exchanges, labels, likely, others, strict=True)):
                table.writerow([game_id, turn, exchange.utterance, str(exchange.action), exchange.reply, *more])


def holds_table(path: Path) -> bool:
    """Whether a file holds a table of feedback, and nothing else."""
    try:
        LabelTable(path)
    except (UserError, OSError):
        return False
    return True


class Row(NamedTuple):
    """What a row of a table says of an exchange: the action, the feedback on it, and the line in the file."""

    action: str
    feedback: Feedback | None
    line: int


class LabelTable:
    """The labels of a table, for the games that it is of.

    Args:
        path: The file. Its columns may be in any order, and there may be others.

    Raises:
        UserError: If it is no such table, or an exchange comes twice: one line on the row.
        OSError: If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[str, dict[int, Row]] = {}
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                table = csv.DictReader(file, strict=True)
                if missing := [name for name in READ if name not in (table.fieldnames or ())]:
                    raise UserError(f"{path}: no column {missing[0]!r}: expected {', '.join(READ)}")
                for row in table:
                    self._add(row, table.line_num)
        except (UnicodeDecodeError, csv.Error) as error:
            raise UserError(f"{path}: no table in UTF-8: {error}") from error

    def _add(self, row: Mapping[str, str | None], line: int) -> None:
        place = f"{self._path}, line {line}"
        game_id, turn, action, value = ((row[name] or "").strip() for name in READ)
        if not (turn.isascii() and turn.isdigit()):
            raise UserError(f"{place}, field 'turn': {turn!r:.40} is no number of a turn, counted from 0")
        if value.lower() not in VALUES:
            raise UserError(
                f"{place}, field 'feedback': {value!r:.40} is none of {', '.join(filter(None, VALUES))}, and not empty"
            )
        rows = self._rows.setdefault(game_id, {})
        if int(turn) in rows:
            raise UserError(f"{place}: turn {turn} of game {game_id!r} is there already: an exchange comes once")
        rows[int(turn)] = Row(action, VALUES[value.lower()], line)

    def of(self, games: Iterable[LoggedGame]) -> Iterator[LoggedGame]:
        """Yields games with the labels of the table in place of their own.

        Raises:
            UserError: If a row is of no exchange of these games, or of one in which the listener did something else.
        """
        left = dict(self._rows)
        for logged in games:
            rows = left.pop(logged.interaction.game_id, {})
            actions = [str(exchange.action) for exchange in logged.exchanges()]
            labels: list[Feedback | None] = [None] * len(actions)
            for turn, (action, value, line) in rows.items():
                if turn >= len(actions):
                    told = (
                        f"game {logged.interaction.game_id!r} has {len(actions)} exchanges, and no turn {turn} of one"
                    )
                    raise UserError(f"{self._path}, line {line}: {told}")
                if action != actions[turn]:
                    told = f"in turn {turn} of {logged.interaction.game_id!r} the action was {actions[turn]!r}"
                    raise UserError(f"{self._path}, line {line}: {told}, not {action!r:.60}: labels of other games")
                labels[turn] = value
            yield replace(logged, labels=tuple(labels))
        for game_id, rows in left.items():
            line = min(row.line for row in rows.values())
            raise UserError(f"{self._path}, line {line}: no game {game_id!r} among the games: labels of other games")
