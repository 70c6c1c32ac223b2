"""The rows of the public data set, and back."""

from __future__ import annotations

import json
import math
import random
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import interactions, texts

from multiref_gym.feedback import Feedback
from multiref_gym.formats import read_interactions
from multiref_gym.formats.interaction_rows import COLUMNS, InteractionRows
from multiref_gym.formats.logged_game import BadGame, LoggedGame
from multiref_gym.formats.records import Record
from multiref_gym.formats.turn_rows import TurnFields, TurnRows
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn

REQUIRED = {field.alias or name for name, field in TurnFields.model_fields.items() if field.is_required()}
HUMAN_GAMES = Path("../shared/data/human_games/dev.jsonl")
GAME = Interaction(
    game_id="g",
    context=Context(("c", "a", "b"), ("a", "b", "c"), frozenset("bc")),
    turns=(
        Turn("the bird", Action(frozenset({0})), math.log(0.25)),
        Turn("no, the boat", Action(frozenset({1}), frozenset({0})), None),
        Turn("yes, and the fish", Action(frozenset({2})), math.log(0.5)),
    ),
    speaker="someone",
    policy="B-SUP 2",
    round=2,
    closing="great",
)


def to_interaction_row(game: Interaction, system: str = "") -> dict[str, Any]:
    [row] = InteractionRows().to_records(LoggedGame(game, system=system))
    return row


def from_interaction_row(row: dict[str, Any]) -> Interaction:
    return InteractionRows().to_game([Record("rows.jsonl, line 1", row)]).interaction


def to_turn_rows(game: Interaction, **known: Any) -> list[dict[str, Any]]:
    return list(TurnRows().to_records(LoggedGame(game, **known)))


def from_turn_rows(rows: list[dict[str, Any]]) -> LoggedGame:
    return TurnRows().to_game([Record(f"rows.jsonl, line {number}", row) for number, row in enumerate(rows, start=1)])


def test_an_interaction_row_is_the_game_as_the_speaker_saw_it() -> None:
    assert to_interaction_row(GAME, system="B-SUP") == {
        "game_id": "g",
        "turn": 3,
        "end": "successful",
        "speaker": "someone",
        "clicks": [["a"], ["b"], ["b", "c"]],
        "context": ["c", "a", "b"],
        "targets": ["b", "c"],
        "chat": ["the bird", "no, the boat", "yes, and the fish"],
        "dataset_alias": "B-SUP",
        "policy_name": "B-SUP 2",
        "date": "",
        "round": 2,
    }


def test_a_turn_row_is_the_turn_as_the_listener_saw_it() -> None:
    first, second, third = to_turn_rows(GAME, system="B-SUP")
    assert second == {
        "chats": ["the bird", "no, the boat"],
        "clicks": [["a"], ["a", "b"]],
        "targets": ["b", "c"],
        "game_id": "g",
        "end": 1,
        "context": ["a", "b", "c"],
        "turn_id": 1,
        "currently_selected": ["a"],
        "selected": ["b"],
        "deselected": ["a"],
        "chat_feedback": "yes, and the fish",
        "game_turn_id": "g_1",
        "prob_action": None,
        "dataset_alias": "B-SUP",
        "policy_name": "B-SUP 2",
        "date": "",
        "round": 2,
        "select_accum": [["a"], ["b"]],
        "deselect_accum": [[], ["a"]],
        "pre_click_selected_accum": [[], ["a"]],
        "is_good_select": True,
        "is_good_deselect": True,
        "prob_action_poor": None,
        "policy_id": "B-SUP 2",
    }
    assert first["prob_action"] == first["prob_action_poor"] == pytest.approx(0.25)
    assert (first["is_good_select"], third["is_good_select"], third["is_good_deselect"]) == (False, True, False)
    assert (third["end"], third["chat_feedback"], third["clicks"][-1]) == (1, "", ["c"])


@given(interactions())
def test_rows_have_the_data_sets_columns_and_are_json(interaction: Interaction) -> None:
    row, turn_rows = to_interaction_row(interaction), to_turn_rows(interaction)
    assert tuple(row) == COLUMNS
    assert all(turn_row.keys() == turn_rows[0].keys() for turn_row in turn_rows)
    assert json.loads(json.dumps([row, turn_rows], allow_nan=False)) == [row, turn_rows]


def named_clicks(interaction: Interaction) -> list[tuple[set[str], set[str]]]:
    """What each turn selects and deselects, whatever the listener's order."""
    order = interaction.context.listener_order
    return [
        ({order[i] for i in turn.action.select}, {order[i] for i in turn.action.deselect}) for turn in interaction.turns
    ]


@given(interactions())
def test_an_interaction_row_loses_only_the_listeners_side(interaction: Interaction) -> None:
    read = from_interaction_row(to_interaction_row(interaction))
    assert named_clicks(read) == named_clicks(interaction)
    assert [turn.utterance for turn in read.turns] == [turn.utterance for turn in interaction.turns]
    context = replace(interaction.context, listener_order=interaction.context.speaker_order)
    assert read == replace(interaction, context=context, turns=read.turns, closing="")
    assert all(turn.log_prob is None for turn in read.turns)


@given(interactions(), st.randoms(), texts, st.data())
@settings(max_examples=50)
def test_turn_rows_in_any_order_lose_only_the_speakers_side(
    game: Interaction, rng: random.Random, reply: str, data: st.DataObject
) -> None:
    labels = data.draw(st.lists(st.none() | st.sampled_from(Feedback), max_size=len(game.turns)))
    rows = to_turn_rows(game, reply=reply, labels=tuple(labels), system="S")
    rng.shuffle(rows)
    logged = from_turn_rows(rows)
    read = logged.interaction
    for turn, original in zip(read.turns, game.turns, strict=True):
        assert replace(turn, log_prob=None) == replace(original, log_prob=None)
        assert turn.log_prob == (original.log_prob and pytest.approx(original.log_prob, abs=1e-12))
    context = replace(game.context, speaker_order=game.context.listener_order)
    assert read == replace(game, context=context, turns=read.turns, speaker="", closing="")
    assert logged == LoggedGame(read, reply, tuple(labels), "S")


@given(interactions())
def test_the_last_row_of_a_game_is_enough(interaction: Interaction) -> None:
    read = from_turn_rows(to_turn_rows(interaction)[-1:]).interaction
    assert named_clicks(read) == named_clicks(interaction)
    assert all(turn.log_prob is None for turn in read.turns[:-1])


@pytest.mark.parametrize(("probability", "log_prob"), [(-1, None), (-3.0, None), (0, None), (1, 0.0), (None, None)])
def test_probabilities_that_no_action_has_are_unknown(probability: float | None, log_prob: float | None) -> None:
    read = from_turn_rows([to_turn_rows(GAME)[0] | {"prob_action": probability}]).interaction
    assert read.turns[0].log_prob == log_prob


def test_a_log_probability_rounded_to_above_0_is_a_probability_of_1() -> None:
    certain = replace(GAME, turns=(replace(GAME.turns[0], log_prob=1e-7),))
    assert to_turn_rows(certain)[0]["prob_action"] == 1.0


def test_all_rows_of_a_game_say_whether_it_was_won() -> None:
    lost = replace(GAME, turns=GAME.turns[:2])
    assert [[row["end"] for row in to_turn_rows(game)] for game in (GAME, lost)] == [[1, 1, 1], [0, 0]]


def test_a_reply_after_the_last_row_is_kept() -> None:
    *_, last = to_turn_rows(GAME, reply="no")
    assert last["chat_feedback"] == "no"


@pytest.mark.parametrize(
    ("change", "field", "complaint"),
    [
        ({"chats": []}, "clicks", "got 2 for 0 utterances"),
        ({"chats": ["the bird"]}, "clicks", "got 2 for 1 utterances"),
        ({"clicks": [["a"], ["z"]]}, "clicks", "'z' of turn 1 is not in the context"),
        ({"clicks": 7}, "clicks", "input should be a valid list, got 7"),
        ({"selected": ["c"]}, "selected", "does not agree with 'clicks'"),
        ({"deselected": []}, "deselected", "does not agree with 'clicks'"),
        ({"currently_selected": ["c"]}, "currently_selected", "does not agree with 'clicks'"),
        ({"prob_action": 1.5}, "prob_action", "input should be less than or equal to 1, got 1.5"),
        ({"prob_action": "high"}, "prob_action", "input should be a valid number, got 'high'"),
        ({"prob_action": True}, "prob_action", "input should be a valid number, got True"),
        ({"prob_action": math.nan}, "prob_action", "got nan"),
        ({"chat_feedback": None}, "chat_feedback", "input should be a valid string, got None"),
        ({"feedback": 2}, "feedback", "expected one of None, 'negative', -1, 'neutral', 0, 'positive', 1, got 2"),
        ({"feedback": True}, "feedback", "got True"),
        ({"round": 2.0}, "round", "input should be a valid integer, got 2.0"),
        ({"context": ["b", "a", "c"]}, "context", "the context of game 'g' differs"),
        ({"round": 3}, "round", "the round of game 'g' differs"),
        ({"policy_name": "base"}, "policy_name", "the policy of game 'g' differs"),
        ({"chats": ["the cat", "no, the boat"]}, "chats", "turn 0 of game 'g' differs"),
        (
            {"clicks": [["c"], ["a"]], "currently_selected": ["c"], "selected": ["a"], "deselected": []},
            "clicks",
            "turn 0 of game 'g' differs",
        ),
    ],
)
def test_a_turn_row_that_cannot_be_is_named(change: dict[str, Any], field: str, complaint: str) -> None:
    rows = to_turn_rows(GAME)
    with pytest.raises(BadGame) as raised:
        from_turn_rows([rows[0], rows[1] | change, rows[2]])
    assert str(raised.value).startswith(f"rows.jsonl, line 2, field '{field}': ")
    assert complaint in str(raised.value)


def test_a_turn_row_that_comes_twice_is_named_with_the_other_one() -> None:
    first, second, third = to_turn_rows(GAME)
    with pytest.raises(BadGame, match=r"line 4: turn 1 of game 'g' is already in rows\.jsonl, line 2"):
        from_turn_rows([first, second, third, second])


@pytest.mark.parametrize("column", sorted(REQUIRED))
def test_a_missing_column_is_named(column: str) -> None:
    row = {name: value for name, value in to_turn_rows(GAME)[0].items() if name != column}
    with pytest.raises(BadGame, match=f"line 1, field '{column}': missing"):
        from_turn_rows([row])


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9))
def test_any_json_in_any_column_is_read_or_refused(value: Any) -> None:
    row = to_turn_rows(GAME)[1]
    for column in (*row, "feedback"):
        with suppress(BadGame):
            from_turn_rows([row | {column: value}])
    for column in (*COLUMNS, "feedback"):
        with suppress(BadGame):
            from_interaction_row(to_interaction_row(GAME) | {column: value})


@pytest.mark.skipif(not HUMAN_GAMES.exists(), reason=f"no {HUMAN_GAMES}")
def test_human_games_survive_both_kinds_of_rows() -> None:
    for game in read_interactions(HUMAN_GAMES):
        assert named_clicks(from_interaction_row(to_interaction_row(game))) == named_clicks(game)
        assert from_turn_rows(to_turn_rows(game)).interaction.turns == game.turns
