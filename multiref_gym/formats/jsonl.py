"""The schema of the published human games, a record a game: nothing of a game is lost.

`chat` holds one utterance a turn and `clicks` the set selected *after* each turn, so an action is the difference of two
neighbours. `log_probs`, `closing` and `feedback`, a label for each turn but the last, may be missing, as they are in
the human games. `end` and `turn` follow from the rest and are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.formats.records import Record, RecordFormat


class GameRecords(RecordFormat):
    """Games in the human games' schema."""

    fields: ClassVar[tuple[str, ...]] = ("game_id", "context", "context_listener", "targets", "chat", "clicks")
    listener_order: ClassVar = "context_listener"

    def to_game(self, records: Sequence[Record]) -> LoggedGame:
        """Returns the game of a record."""
        [record] = records
        context = record.context("context", self.listener_order)
        chat, selections = record.texts("chat"), record.clicks("chat", context.listener_order)
        log_probs = [record.log_prob(value, "log_probs") for value in _items(record, "log_probs", len(chat), "turn")]
        labels = _items(record, "feedback", len(chat) - 1, "turn but the last")
        return LoggedGame(
            record.interaction(context, chat, selections, log_probs),
            labels=tuple(map(record.label, labels)),
            system=record.text("dataset_alias", ""),
            place=record.place,
        )

    def to_records(self, logged: LoggedGame) -> Iterator[dict[str, Any]]:
        """Yields the record of a game."""
        game, order = logged.interaction, logged.interaction.context.listener_order
        record = {
            "game_id": game.game_id,
            "speaker": game.speaker,
            "policy_name": game.policy,
            "round": game.round,
            "end": "successful" if game.success else "unsuccessful",
            "turn": len(game.turns),
            "context": list(game.context.speaker_order),
            "context_listener": list(order),
            "targets": [order[i] for i in sorted(game.targets)],
            "chat": [turn.utterance for turn in game.turns],
            "clicks": [[order[i] for i in sorted(selected)] for selected in game.selections[1:]],
            "log_probs": [turn.log_prob for turn in game.turns],
            "closing": game.closing,
        }
        labels = logged.labels[:-1]
        yield record | ({"feedback": list(labels)} if any(label is not None for label in labels) else {})


def _items(record: Record, field: str, length: int, each: str) -> list[Any]:
    """Returns the items of a field, None for each if it is missing or null."""
    items = record.value.get(field)
    if items is None:
        return [None] * length
    if not isinstance(items, list) or len(items) != length:
        raise record.bad(f"expected a list with one item for each {each}, {length}, not {items!r:.60}", field)
    return items
