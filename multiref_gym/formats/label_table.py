"""Feedback as a CSV table of exchanges, to read and correct in a spreadsheet, and to learn from.

A row is an exchange: the utterance, the listener's action, and the reply. `feedback` is the decoded value, or a
person's correction; empty means unknown. A deleted row means unknown, too.
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
"""The columns that are read back; the others are for people."""

VALUES = {value.name.lower(): value for value in Feedback} | {"": None}


class Decoded(NamedTuple):
    """Further columns for a game's exchanges, besides the labels: one item for each exchange.

    Attributes:
        probabilities: The probability that each action was entirely right; empty if the decoder does not give it.
        against: Another decoder's feedback; empty if there is none.
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
    """A row of a table: the action of an exchange, the feedback on it, and the line in the file."""

    action: str
    feedback: Feedback | None
    line: int


class LabelTable:
    """The labels in a table, and the games that they belong to.

    Args:
        path: The file. Its columns may be in any order, and there may be others.

    Raises:
        UserError: If the file is not such a table, or an exchange occurs twice; the message names the row.
        OSError: If the file cannot be read.
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
            raise UserError(f"{path}: not a table in UTF-8: {error}") from error

    def _add(self, row: Mapping[str, str | None], line: int) -> None:
        place = f"{self._path}, line {line}"
        game_id, turn, action, value = ((row[name] or "").strip() for name in READ)
        if not (turn.isascii() and turn.isdigit()):
            raise UserError(f"{place}, field 'turn': {turn!r:.40} is not the number of a turn, counted from 0")
        if value.lower() not in VALUES:
            raise UserError(
                f"{place}, field 'feedback': {value!r:.40} is none of {', '.join(filter(None, VALUES))}, and not empty"
            )
        rows = self._rows.setdefault(game_id, {})
        if int(turn) in rows:
            raise UserError(f"{place}: turn {turn} of game {game_id!r} exists already: each exchange comes once")
        rows[int(turn)] = Row(action, VALUES[value.lower()], line)

    def of(self, games: Iterable[LoggedGame]) -> Iterator[LoggedGame]:
        """Yields games with the labels of the table in place of their own.

        Raises:
            UserError: If a row does not belong to an exchange of these games, or the listener did something else in it.
        """
        left = dict(self._rows)
        for logged in games:
            rows = left.pop(logged.interaction.game_id, {})
            actions = [str(exchange.action) for exchange in logged.exchanges()]
            labels: list[Feedback | None] = [None] * len(actions)
            for turn, (action, value, line) in rows.items():
                if turn >= len(actions):
                    problem = (
                        f"game {logged.interaction.game_id!r} has {len(actions)} exchanges, and none in turn {turn}"
                    )
                    raise UserError(f"{self._path}, line {line}: {problem}")
                if action != actions[turn]:
                    problem = f"in turn {turn} of {logged.interaction.game_id!r} the action was {actions[turn]!r}"
                    raise UserError(f"{self._path}, line {line}: {problem}, not {action!r:.60}: labels of other games")
                labels[turn] = value
            yield replace(logged, labels=tuple(labels))
        for game_id, rows in left.items():
            line = min(row.line for row in rows.values())
            raise UserError(f"{self._path}, line {line}: no game {game_id!r} among the games: labels of other games")
