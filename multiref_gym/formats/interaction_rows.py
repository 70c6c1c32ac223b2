"""Rows of the configuration `interaction` of the public data set of human games (arXiv 2410.13852): a row is a game as
its speaker saw it.

The rows lack the listener's order, so the speaker's is used in its place; they also lack log-probabilities and the
closing remark.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from multiref_gym.formats.jsonl import GameRecords, RowFields
from multiref_gym.formats.logged_game import LoggedGame

COLUMNS = (
    *("game_id", "turn", "end", "speaker", "clicks", "context", "targets", "chat", "dataset_alias", "policy_name"),
    *("date", "round"),
)


class InteractionRows(GameRecords):
    """Games as rows; `clicks` is the selection after each turn, and `date` stays unknown."""

    fields: ClassVar[type[RowFields]] = RowFields
    configuration: ClassVar = "interaction"

    def to_records(self, logged: LoggedGame) -> Iterator[dict[str, Any]]:
        """Yields the row of a game."""
        for record in super().to_records(logged):
            record |= {"dataset_alias": logged.system, "date": ""}
            yield {column: record[column] for column in (*COLUMNS, "feedback") if column in record}
