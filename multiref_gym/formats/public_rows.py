"""The rows of the public data set of human games, written and read (arXiv 2410.13852; configurations
`interaction` and `turn`).

A row is a plain dict that JSON can hold. An interaction row is a game as its speaker saw it, a turn row one turn as
the listener saw it, with the dialogue so far. Each leaves something out that the other has:

| | interaction row | turn rows |
|---|---|---|
| the listener's order | no: the speaker's is read in its place | yes |
| the speaker's order | yes | no: the listener's is read in its place |
| the speaker's name | yes | no: "" |
| log-probabilities | no: None | yes, as probabilities, so up to rounding |
| the closing remark | no: "" | no: "" |
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from multiref_gym.interaction import Interaction, MalformedInteraction

INTERACTION_COLUMNS = (
    "game_id",
    "turn",
    "end",
    "speaker",
    "clicks",
    "context",
    "targets",
    "chat",
    "dataset_alias",
    "policy_name",
    "date",
    "round",
)
TURN_COLUMNS = (
    "chats",
    "clicks",
    "targets",
    "game_id",
    "end",
    "context",
    "turn_id",
    "currently_selected",
    "selected",
    "deselected",
    "chat_feedback",
    "game_turn_id",
    "prob_action",
    "dataset_alias",
    "policy_name",
    "date",
    "round",
)


def to_interaction_row(interaction: Interaction, dataset_alias: str = "", date: str = "") -> dict[str, Any]:
    """Returns a game as one row; `clicks` is the selection after each turn.

    Args:
        interaction: The game.
        dataset_alias: The part of the data set that the game belongs to.
        date: When it was played.
    """
    record = interaction.to_json() | {"dataset_alias": dataset_alias, "date": date}
    return {column: record[column] for column in INTERACTION_COLUMNS}


def from_interaction_row(row: dict[str, Any]) -> Interaction:
    """Reads a game from an interaction row.

    Raises:
        MalformedInteraction: If a column is missing, of the wrong type, or contradicts another one.
    """
    return Interaction.from_json(row | {"context_listener": _column(row, "context")})


def to_turn_rows(interaction: Interaction, dataset_alias: str = "", date: str = "") -> list[dict[str, Any]]:
    """Returns a game as one row a turn.

    `chats` and `clicks` hold the turns up to and with this one, `clicks` what was clicked in each. `turn_id` counts
    from 0. `end` is 1 on the game's last turn, which has no reply, so that `chat_feedback` is "". `prob_action` is
    None where the probability is unknown.

    Args:
        interaction: The game.
        dataset_alias: The part of the data set that the game belongs to.
        date: When it was played.
    """
    order = interaction.context.listener_order

    def names(positions: Iterable[int]) -> list[str]:
        return [order[i] for i in sorted(positions)]

    chats = [turn.utterance for turn in interaction.turns]
    clicks = [names(turn.action.clicks) for turn in interaction.turns]
    rows = []
    for i, (turn, selected) in enumerate(zip(interaction.turns, interaction.selections, strict=False)):
        last = i == len(interaction.turns) - 1
        row = {
            "chats": chats[: i + 1],
            "clicks": clicks[: i + 1],
            "targets": names(interaction.targets),
            "game_id": interaction.game_id,
            "end": int(last),
            "context": list(order),
            "turn_id": i,
            "currently_selected": names(selected),
            "selected": names(turn.action.select),
            "deselected": names(turn.action.deselect),
            "chat_feedback": "" if last else chats[i + 1],
            "game_turn_id": f"{interaction.game_id}_{i}",
            # Rounding may put the logarithm of 1 a little above 0.
            "prob_action": None if turn.log_prob is None else min(1.0, math.exp(min(0.0, turn.log_prob))),
            "dataset_alias": dataset_alias,
            "policy_name": interaction.policy,
            "date": date,
            "round": interaction.round,
        }
        rows.append(row)
    return rows


def from_turn_rows(rows: Iterable[dict[str, Any]]) -> list[Interaction]:
    """Reads games from turn rows, in any order; the games come in the order of their first rows.

    The longest row of a game holds its dialogue, so rows may be missing: their turns are there then, with an unknown
    probability. A probability of 0 or below, which no action that was taken has, is unknown as well.

    Raises:
        MalformedInteraction: If a column is missing, of the wrong type, or contradicts another one or another row;
            with the number of the row, a line of a file, counted from 1.
    """
    rows_of: dict[str, dict[int, Interaction]] = {}
    for number, row in enumerate(rows, start=1):
        try:
            so_far = _read_turn_row(row)
            others = rows_of.setdefault(so_far.game_id, {})
            if len(so_far.turns) in others:
                raise MalformedInteraction(f"game {so_far.game_id!r} has another row for turn {len(so_far.turns) - 1}")
            for other in others.values():
                _check_same_game(so_far, other)
        except MalformedInteraction as error:
            raise MalformedInteraction(f"line {number}: {error}") from error
        others[len(so_far.turns)] = so_far
    return [_join(others) for others in rows_of.values()]


def _read_turn_row(row: dict[str, Any]) -> Interaction:
    """Returns the game up to and with the row's turn; only this turn's probability is known."""
    chats = _column(row, "chats")
    try:
        selected: frozenset[str] = frozenset()
        states = [sorted(selected := selected ^ frozenset(clicked)) for clicked in _column(row, "clicks")]
        said = frozenset(_column(row, "selected")), frozenset(_column(row, "deselected"))
        log_probs = [None] * (len(chats) - 1) + [_log(_column(row, "prob_action"))]
    except TypeError as error:
        raise MalformedInteraction(str(error)) from error
    context = _column(row, "context")
    record = {"context": context, "context_listener": context, "chat": chats, "clicks": states, "log_probs": log_probs}
    so_far = Interaction.from_json(row | record)
    action = so_far.turns[-1].action
    if said != tuple(frozenset(context[i] for i in clicked) for clicked in (action.select, action.deselect)):
        raise MalformedInteraction("the last of 'clicks' is not what 'selected' and 'deselected' say")
    return so_far


def _column(row: dict[str, Any], column: str) -> Any:
    if not isinstance(row, dict):
        raise MalformedInteraction(f"a row is one JSON object, not {row!r:.60}")
    if column not in row:
        raise MalformedInteraction(f"no column {column!r}")
    return row[column]


def _log(probability: object) -> float | None:
    if probability is None:
        return None
    if not isinstance(probability, int | float) or not probability <= 1:
        raise MalformedInteraction(f"'prob_action' must be a probability or null, not {probability!r:.60}")
    return math.log(probability) if probability > 0 else None


def _check_same_game(one: Interaction, other: Interaction) -> None:
    """Raises MalformedInteraction unless one is the beginning of the other, probabilities aside."""
    game = f"of game {one.game_id!r} is another one than in an earlier row"
    for attribute in ("context", "policy", "round"):
        if getattr(one, attribute) != getattr(other, attribute):
            raise MalformedInteraction(f"the {attribute} {game}")
    for number, (turn, earlier) in enumerate(zip(one.turns, other.turns, strict=False)):
        if replace(turn, log_prob=None) != replace(earlier, log_prob=None):
            raise MalformedInteraction(f"turn {number} {game}")


def _join(rows: dict[int, Interaction]) -> Interaction:
    """Returns the game whose beginnings, by their length, are given."""
    longest = rows[max(rows)]
    turns = tuple(
        replace(turn, log_prob=rows[length].turns[-1].log_prob if length in rows else None)
        for length, turn in enumerate(longest.turns, start=1)
    )
    return replace(longest, turns=turns)
