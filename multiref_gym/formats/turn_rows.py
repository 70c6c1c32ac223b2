"""Rows of the configuration `turn` of the public data set of human games (arXiv 2410.13852): a row is one turn as the
listener saw it, with the dialogue so far.

The rows lack the speaker's order, so the listener's is used in its place; they also lack the speaker's name and the
closing remark. Log-probabilities are stored as probabilities, so they are rounded.

`chats` and `clicks` hold the turns up to this one and this one; an item of `clicks` is the clicks of one turn.
`turn_id` counts from 0. `end` is 1 in all rows of a won game. The last turn has no reply, so its `chat_feedback` is "".
`prob_action` is null if the probability is unknown; a value of 0 or below, which no action that was taken can have,
counts as unknown, too. `feedback` is one label.

The columns after `round` are not in the public data set, but the paper's code learns from them
(github.com/lil-lab/respect): the actions and selections so far, whether the turn was good, and who acted with which
probability. They follow from the others, and are not read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from operator import xor
from typing import Annotated, Any

from pydantic import Field

from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.formats.records import Fields, Label, Record, RecordFormat, Text, interaction
from multiref_gym.interaction import Interaction


class TurnFields(Fields):
    """The fields of a row; `prob_action` is this turn's probability only."""

    chats: list[Text]
    currently_selected: list[str]
    selected: list[str]
    deselected: list[str]
    chat_feedback: Text
    prob_action: Annotated[float, Field(le=1)] | None
    feedback: Label = None


class TurnRows(RecordFormat):
    """Games as rows in any order, one for each turn; `date` stays unknown.

    The longest row of a game holds its whole dialogue, so other rows may be missing: their turns then have an unknown
    probability.
    """

    def game_of(self, record: Record) -> str | None:
        """Returns the row's `game_id`; a row without one is a game by itself."""
        game_id = record.value.get("game_id")
        return game_id if isinstance(game_id, str) else None

    def to_game(self, records: Sequence[Record]) -> LoggedGame:
        """Returns the game of its rows."""
        row_of: dict[int, tuple[Record, TurnFields, Interaction]] = {}
        for record in records:
            fields = record.read(TurnFields)
            so_far = _so_far(record, fields)
            if len(so_far.turns) in row_of:
                there = row_of[len(so_far.turns)][0].place
                raise record.bad(f"turn {len(so_far.turns) - 1} of game {so_far.game_id!r} is already in {there}")
            if row_of:
                _check_same_game(record, so_far, row_of[max(row_of)][2])
            row_of[len(so_far.turns)] = record, fields, so_far
        _, last, longest = row_of[max(row_of)]
        numbers = range(1, len(longest.turns) + 1)
        turns = tuple(
            replace(turn, log_prob=row_of[number][2].turns[-1].log_prob if number in row_of else None)
            for number, turn in zip(numbers, longest.turns, strict=True)
        )
        return LoggedGame(
            replace(longest, turns=turns),
            last.chat_feedback,
            tuple(row_of[number][1].feedback if number in row_of else None for number in numbers),
            last.dataset_alias,
            records[0].place,
        )

    def to_records(self, logged: LoggedGame) -> Iterator[dict[str, Any]]:
        """Yields the rows of a game, in their order."""
        game, order = logged.interaction, logged.interaction.context.listener_order

        def names(positions: Iterable[int]) -> list[str]:
            return [order[i] for i in sorted(positions)]

        chats = [turn.utterance for turn in game.turns]
        clicks = [names(turn.action.clicks) for turn in game.turns]
        select = [names(turn.action.select) for turn in game.turns]
        deselect = [names(turn.action.deselect) for turn in game.turns]
        selected = [names(selected) for selected in game.selections]
        replies = [*chats[1:], logged.reply]
        for i, (turn, label) in enumerate(zip(game.turns, logged.labels, strict=True)):
            # Rounding may lift the logarithm of 1 a little above 0.
            probability = None if turn.log_prob is None else math.exp(min(0.0, turn.log_prob))
            row = {
                "chats": chats[: i + 1],
                "clicks": clicks[: i + 1],
                "targets": names(game.targets),
                "game_id": game.game_id,
                "end": int(game.success),
                "context": list(order),
                "turn_id": i,
                "currently_selected": selected[i],
                "selected": select[i],
                "deselected": deselect[i],
                "chat_feedback": replies[i],
                "game_turn_id": f"{game.game_id}_{i}",
                "prob_action": probability,
                "dataset_alias": logged.system,
                "policy_name": game.policy,
                "date": "",
                "round": game.round,
                "select_accum": select[: i + 1],
                "deselect_accum": deselect[: i + 1],
                "pre_click_selected_accum": selected[: i + 1],
                "is_good_select": bool(select[i]) and turn.action.select <= game.targets,
                "is_good_deselect": bool(deselect[i]) and turn.action.deselect.isdisjoint(game.targets),
                "prob_action_poor": probability,
                "policy_id": game.policy,
            }
            yield row | ({} if label is None else {"feedback": label})


def _so_far(row: Record, fields: TurnFields) -> Interaction:
    """Returns the game up to this row's turn, included; only this turn's probability is known."""
    context, chats, probability = row.context(fields), fields.chats, fields.prob_action
    order = context.listener_order
    selections = list(accumulate(row.clicks(fields, chats, order), xor))
    log_prob = math.log(probability) if probability and probability > 0 else None
    so_far = interaction(fields, context, chats, selections, [*[None] * (len(chats) - 1), log_prob])
    action = so_far.turns[-1].action
    said = {"currently_selected": so_far.selections[-2], "selected": action.select, "deselected": action.deselect}
    for field, positions in said.items():
        if row.positions(field, getattr(fields, field), order) != positions:
            raise row.bad("does not agree with 'clicks'", field)
    return so_far


def _check_same_game(row: Record, one: Interaction, other: Interaction) -> None:
    """Raises BadGame unless one game is the beginning of the other, except for probabilities."""
    game = f"of game {one.game_id!r} differs from an earlier row"
    for attribute, field in (("context", "context"), ("policy", "policy_name"), ("round", "round")):
        if getattr(one, attribute) != getattr(other, attribute):
            raise row.bad(f"the {attribute} {game}", field)
    for number, (turn, earlier) in enumerate(zip(one.turns, other.turns, strict=False)):
        if replace(turn, log_prob=None) != replace(earlier, log_prob=None):
            raise row.bad(f"turn {number} {game}", "chats" if turn.utterance != earlier.utterance else "clicks")
