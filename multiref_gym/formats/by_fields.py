"""Records of any form, recognised by their fields."""

from __future__ import annotations

from collections.abc import Sequence

from multiref_gym.formats.interaction_rows import InteractionRows
from multiref_gym.formats.jsonl import GameRecords
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.formats.records import Record, RecordFormat
from multiref_gym.formats.turn_rows import TurnRows


class ByFields(GameRecords):
    """Reads records in the human games' schema and rows of the public data set; writes the human games' schema."""

    def game_of(self, record: Record) -> str | None:
        """Returns the game's id, as the record's own format finds it."""
        return _format(record).game_of(record)

    def to_game(self, records: Sequence[Record]) -> LoggedGame:
        """Returns the game, as read by the format of its first record."""
        return _format(records[0]).to_game(records)


def _format(record: Record) -> RecordFormat:
    if "chats" in record.value:
        return TurnRows()
    rows = "dataset_alias" in record.value and "context_listener" not in record.value
    return InteractionRows() if rows else GameRecords()
