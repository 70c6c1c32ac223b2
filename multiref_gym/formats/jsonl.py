"""The schema of the published human games: one record for each game, which keeps all of it.

`chat` holds one utterance for each turn and `clicks` the selection *after* each turn, so an action is the difference of
two neighbours. `log_probs`, `closing` and `feedback` (a label for each turn but the last) may be missing, as they are
in the human games. `turn` and `end` follow from the rest and are not read, unless `end` is "abandoned".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.formats.records import Fields, Label, LogProb, Record, RecordFormat, Tangrams, Text, interaction

ABANDONED = "abandoned"


class RowFields(Fields):
    """The fields of a record without the listener's order."""

    chat: list[Text]
    end: Any = None
    log_probs: list[LogProb] | None = None
    feedback: list[Label] | None = None


class GameFields(RowFields):
    """The fields of a record in the human games' schema."""

    context_listener: Tangrams


class GameRecords(RecordFormat):
    """Games in the human games' schema."""

    fields: ClassVar[type[RowFields]] = GameFields

    def to_game(self, records: Sequence[Record]) -> LoggedGame:
        """Returns the game of a record."""
        [record] = records
        fields = record.read(self.fields)
        context, turns = record.context(fields), len(fields.chat)
        selections = record.clicks(fields, fields.chat, context.listener_order)
        for field, items, length in ("log_probs", fields.log_probs, turns), ("feedback", fields.feedback, turns - 1):
            if items is not None and len(items) != length:
                raise record.bad(f"expected {length} items for {turns} turns, got {len(items)}", field)
        return LoggedGame(
            interaction(fields, context, fields.chat, selections, fields.log_probs or [None] * turns),
            labels=tuple(fields.feedback or ()),
            system=fields.dataset_alias,
            abandoned=fields.end == ABANDONED,
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
            "end": ABANDONED if logged.abandoned else "successful" if game.success else "unsuccessful",
            "turn": len(game.turns),
            "context": list(game.context.speaker_order),
            "context_listener": list(order),
            "targets": [order[i] for i in sorted(game.targets)],
            "chat": [turn.utterance for turn in game.turns],
            "clicks": [[order[i] for i in sorted(selected)] for selected in game.selections[1:]],
            "log_probs": [turn.log_prob for turn in game.turns],
            "closing": game.closing,
        }
        if logged.system:
            record["dataset_alias"] = logged.system
        if any(label is not None for label in logged.labels[:-1]):
            record["feedback"] = list(logged.labels[:-1])
        yield record
