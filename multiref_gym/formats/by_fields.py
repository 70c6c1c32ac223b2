"""Records of any form: which one it is shows by the fields that it has."""

from __future__ import annotations

from collections.abc import Sequence

from multiref_gym.formats.interaction_rows import InteractionRows
from multiref_gym.formats.jsonl import GameRecords
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.formats.records import Record, RecordFormat
from multiref_gym.formats.turn_rows import TurnRows


class ByFields(GameRecords):
    """Records of games in the human games' schema, which it writes, and rows of the public data set."""

    def game_of(self, record: Record) -> str | None:
        """Returns what the record's own format says."""
        return _format(record).game_of(record)

    def to_game(self, records: Sequence[Record]) -> LoggedGame:
        """Returns the game that the format of its first record reads."""
        return _format(records[0]).to_game(records)


def _format(record: Record) -> RecordFormat:
    if "chats" in record.value:
        return TurnRows()
    rows = "dataset_alias" in record.value and "context_listener" not in record.value
    return InteractionRows() if rows else GameRecords()
