"""Games in the schema of the published human games, to JSON Lines and back."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import games, interactions, texts

from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.formats import read_games, read_interactions, write_games
from multiref_gym.formats.jsonl import GameRecords
from multiref_gym.formats.logged_game import BadGame, LoggedGame
from multiref_gym.formats.records import Record
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn

HUMAN_GAMES = Path("../shared/data/human_games/dev.jsonl")
RECORD: dict[str, Any] = {
    "game_id": "1",
    "speaker": "someone",
    "policy_name": "base",
    "round": 2,
    "end": "successful",
    "turn": 2,
    "context": ["c", "a", "b"],
    "context_listener": ["a", "b", "c"],
    "targets": ["b", "c"],
    "chat": ["the bird", "no, the boat and the fish"],
    "clicks": [["a"], ["b", "c"]],
}


def read(record: dict[str, Any]) -> LoggedGame:
    return GameRecords().to_game([Record("games.jsonl, line 7", record)])


def written(interaction: Interaction, **known: Any) -> dict[str, Any]:
    [record] = GameRecords().to_records(LoggedGame(interaction, **known))
    return record


def test_clicks_are_the_selection_after_each_turn() -> None:
    interaction = read(RECORD).interaction
    first, second = interaction.turns
    assert first == Turn("the bird", Action(select=frozenset({0})))
    assert second.action == Action(select=frozenset({1, 2}), deselect=frozenset({0}))
    assert interaction.success


def test_a_position_is_counted_in_the_listeners_order() -> None:
    context = Context(("c", "a", "b"), ("a", "b", "c"), frozenset({"c"}))
    interaction = Interaction("1", context, (Turn("the boat", Action(select=frozenset({2}))),))
    assert written(interaction)["clicks"] == [["c"]]


@given(interactions())
def test_a_record_says_how_the_game_ended(interaction: Interaction) -> None:
    assert written(interaction)["end"] == ("successful" if interaction.success else "unsuccessful")


def test_a_game_that_somebody_left_is_neither_won_nor_lost() -> None:
    left = LoggedGame(replace(read(RECORD).interaction, turns=read(RECORD).interaction.turns[:1]), abandoned=True)
    assert written(left.interaction, abandoned=True)["end"] == "abandoned"
    assert written(left.interaction)["end"] == "unsuccessful"


@given(interactions(), st.data())
def test_json_round_trip(interaction: Interaction, data: st.DataObject) -> None:
    labels = data.draw(st.lists(st.none() | st.sampled_from(Feedback), max_size=len(interaction.turns) - 1))
    logged = LoggedGame(interaction, "", tuple(labels), data.draw(texts), abandoned=data.draw(st.booleans()))
    [record] = GameRecords().to_records(logged)
    assert read(json.loads(json.dumps(record))) == logged


@given(interactions=games(min_size=1))
@settings(max_examples=30)
def test_json_lines_round_trip(interactions: list[Interaction], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("games") / "games.jsonl"
    write_games("jsonl", path, map(LoggedGame, interactions))
    assert read_interactions(path) == interactions
    assert len(path.read_bytes().splitlines()) == len(interactions)


def test_a_file_that_cannot_be_written_whole_stays_as_it_was(tmp_path: Path) -> None:
    games, interaction = tmp_path / "games.jsonl", read(RECORD).interaction
    write_games("jsonl", games, [LoggedGame(interaction)])
    before = games.read_bytes()
    with pytest.raises(UserError, match=r"game '1', '\\ud800': character 1 is '\\ud800'"):
        write_games("jsonl", games, (LoggedGame(replace(interaction, closing=text)) for text in ("bye", "\ud800")))
    assert games.read_bytes() == before
    assert list(tmp_path.iterdir()) == [games]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda item: st.lists(item), max_leaves=9))
def test_any_json_in_any_field_is_read_or_refused(value: object) -> None:
    for key in (*RECORD, "log_probs", "closing", "feedback", "dataset_alias"):
        with suppress(BadGame):
            read(RECORD | {key: value})


@pytest.mark.parametrize(
    ("change", "field", "complaint"),
    [
        ({"chat": [], "clicks": []}, "clicks", "expected one item for each turn and at least one turn, got 0 for 0"),
        ({"chat": "hi"}, "chat", "input should be a valid list, got 'hi'"),
        ({"chat": ["a", 2]}, "chat[1]", "input should be a valid string, got 2"),
        ({"clicks": [["a"]]}, "clicks", "got 1 for 2 utterances"),
        ({"clicks": [["a"], ["x"]]}, "clicks", "'x' of turn 1 is not in the context"),
        ({"clicks": [["a"], "b"]}, "clicks[1]", "input should be a valid list, got 'b'"),
        ({"log_probs": [-1.0]}, "log_probs", "expected 2 items for 2 turns, got 1"),
        ({"log_probs": 0}, "log_probs", "input should be a valid list, got 0"),
        ({"log_probs": ["low", None]}, "log_probs[0]", "input should be a valid number, got 'low'"),
        ({"log_probs": [True, None]}, "log_probs[0]", "got True"),
        ({"log_probs": [0.5, None]}, "log_probs[0]", "less than or equal to 0.0001, got 0.5"),
        ({"log_probs": [-math.inf, None]}, "log_probs[0]", "finite number, got -inf"),
        ({"log_probs": [-(10**400), None]}, "log_probs[0]", "got -1000"),
        ({"log_probs": [math.nan, None]}, "log_probs[0]", "got nan"),
        ({"targets": ["d"]}, "targets", "'d' is not in the context"),
        ({"targets": []}, "targets", "list should have at least 1 item"),
        ({"context": ["a", "b", "d"]}, "context_listener", "not the tangrams of 'context'"),
        ({"context": ["a", "a", "b"]}, "context", "expected distinct tangrams, got ['a', 'a', 'b']"),
        ({"context": list(map(str, range(27)))}, "context", "at most 26 items"),
        ({"game_id": 7}, "game_id", "input should be a valid string, got 7"),
        ({"speaker": None}, "speaker", "input should be a valid string, got None"),
        ({"closing": ["bye"]}, "closing", "input should be a valid string"),
        ({"round": "two"}, "round", "input should be a valid integer, got 'two'"),
        ({"round": 1.5}, "round", "input should be a valid integer, got 1.5"),
        ({"round": 2**31}, "round", "less than or equal to 2147483647, got 2147483648"),
        ({"round": True}, "round", "input should be a valid integer, got True"),
    ],
)
def test_a_malformed_record_says_what_is_wrong(change: dict[str, Any], field: str, complaint: str) -> None:
    with pytest.raises(BadGame) as raised:
        read(RECORD | change)
    assert str(raised.value).startswith(f"games.jsonl, line 7, field '{field}': ")
    assert complaint in str(raised.value)


def test_a_log_probability_may_be_rounded_to_above_0() -> None:
    assert read(RECORD | {"log_probs": [1e-7, None]}).interaction.turns[0].log_prob == 1e-7


@pytest.mark.parametrize("key", ["game_id", "context", "context_listener", "targets", "chat", "clicks"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(BadGame, match=f"line 7, field '{key}': missing"):
        read({k: value for k, value in RECORD.items() if k != key})


@pytest.mark.skipif(not HUMAN_GAMES.exists(), reason=f"no {HUMAN_GAMES}")
def test_the_human_games_are_read_and_written_as_they_are() -> None:
    records = [json.loads(line) for line in HUMAN_GAMES.read_text().splitlines()]
    for record, logged in zip(records, read_games(HUMAN_GAMES)[0], strict=True):
        again = written(logged.interaction)
        for key, value in record.items():
            if key == "clicks":
                assert [set(state) for state in again[key]] == [set(state) for state in value]
            elif key == "targets":
                assert set(again[key]) == set(value)
            else:
                assert again[key] == value
