"""The record of a game, to JSON Lines and back."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from human_like import People
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import games, interactions

from multiref_gym.game import Action, Context, Game
from multiref_gym.interaction import Interaction, MalformedInteraction, Turn, read_jsonl, write_jsonl

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


def test_clicks_are_the_selection_after_each_turn() -> None:
    interaction = Interaction.from_json(RECORD)
    first, second = interaction.turns
    assert first == Turn("the bird", Action(select=frozenset({0})))
    assert second.action == Action(select=frozenset({1, 2}), deselect=frozenset({0}))
    assert interaction.selections == [frozenset(), frozenset({0}), frozenset({1, 2})]
    assert interaction.success
    assert interaction.targets == {1, 2}


def test_an_exchange_has_the_action_before_and_the_reply_after() -> None:
    interaction = Interaction.from_json(RECORD)
    (exchange,) = interaction.exchanges()
    assert exchange.previous_action is None
    assert exchange.utterance == "the bird"
    assert exchange.action == interaction.turns[0].action
    assert exchange.reply == "no, the boat and the fish"


@given(interactions())
def test_every_turn_but_the_last_has_an_exchange(interaction: Interaction) -> None:
    exchanges = interaction.exchanges()
    assert [exchange.action for exchange in exchanges] == [turn.action for turn in interaction.turns[:-1]]
    assert [exchange.reply for exchange in exchanges] == [turn.utterance for turn in interaction.turns[1:]]
    assert [exchange.previous_action for exchange in exchanges[1:]] == [turn.action for turn in interaction.turns[:-2]]


@given(interactions())
def test_a_record_tells_the_game_as_the_rules_played_it(interaction: Interaction) -> None:
    game = Game(interaction.context)
    for turn, selected in zip(interaction.turns, interaction.selections[1:], strict=True):
        game.apply(turn.action)
        assert game.selected == selected
    assert game.success == interaction.success
    assert interaction.to_json()["end"] == ("successful" if game.success else "unsuccessful")


@given(interactions())
def test_json_round_trip(interaction: Interaction) -> None:
    assert Interaction.from_json(json.loads(json.dumps(interaction.to_json()))) == interaction


@given(interactions=games())
@settings(max_examples=30)
def test_json_lines_round_trip(interactions: list[Interaction], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("games") / "games.jsonl"
    write_jsonl(path, interactions)
    assert list(read_jsonl(path)) == interactions
    assert len(path.read_bytes().splitlines()) == len(interactions)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda item: st.lists(item), max_leaves=9))
def test_any_json_in_any_field_is_read_or_refused(value: object) -> None:
    for key in RECORD:
        with suppress(MalformedInteraction):
            Interaction.from_json(RECORD | {key: value})


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"chat": []}, "at least one turn"),
        ({"chat": "hi"}, "'chat' must be a list of texts, not 'hi'"),
        ({"chat": [1, 2]}, "'chat' must be a text, not 1"),
        ({"clicks": [["a"]]}, r"'chat' \(2\), 'clicks' \(1\)"),
        ({"clicks": [["a"], ["x"]]}, "tangram 'x'"),
        ({"clicks": [["a"], "b"]}, "'clicks' must be a list"),
        ({"log_probs": [-1.0]}, r"'log_probs' \(1\)"),
        ({"log_probs": ["low", None]}, "'low'"),
        ({"targets": ["d"]}, r"\['d'\]"),
        ({"targets": []}, "targets must be some"),
        ({"context": ["a", "b", "d"]}, "same tangrams"),
        ({"context": ["a", "a", "b"], "context_listener": ["a", "a", "b"]}, "distinct"),
        ({"game_id": 7}, "'game_id' must be a text, not 7"),
        ({"round": "two"}, "'two'"),
    ],
)
def test_a_malformed_record_says_what_is_wrong(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(MalformedInteraction, match=complaint):
        Interaction.from_json(RECORD | change)


@pytest.mark.parametrize("key", ["game_id", "context", "context_listener", "targets", "chat", "clicks"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(MalformedInteraction, match=f"'{key}'"):
        Interaction.from_json({k: value for k, value in RECORD.items() if k != key})


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (json.dumps(RECORD)[:80].encode(), "not JSON"),
        (b"", "not JSON"),
        (b"[]", "one JSON object"),
        (b'{"game_id": "\xff"}', "not UTF-8"),
        (json.dumps(RECORD | {"chat": []}).encode(), "'chat'"),
    ],
)
def test_a_bad_line_is_named_and_the_lines_before_it_are_read(tmp_path: Path, line: bytes, complaint: str) -> None:
    path = tmp_path / "games.jsonl"
    path.write_bytes(json.dumps(RECORD).encode() + b"\n" + line + b"\n")
    read = read_jsonl(path)
    assert next(read).game_id == "1"
    with pytest.raises(MalformedInteraction, match=f"games.jsonl, line 2: .*{complaint}"):
        next(read)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        list(read_jsonl(tmp_path / "absent.jsonl"))


def test_the_human_games_are_read_and_written_as_they_are(people: People) -> None:
    records = [json.loads(line) for line in people.games.read_text().splitlines()]
    for record, interaction in zip(records, read_jsonl(people.games), strict=True):
        written = interaction.to_json()
        for key, value in record.items():
            if key == "clicks":
                assert [set(state) for state in written[key]] == [set(state) for state in value]
            elif key == "targets":
                assert set(written[key]) == set(value)
            else:
                assert written[key] == value


def test_a_position_is_counted_in_the_listeners_order() -> None:
    context = Context(("c", "a", "b"), ("a", "b", "c"), frozenset({"c"}))
    interaction = Interaction("1", context, (Turn("the boat", Action(select=frozenset({2}))),))
    assert interaction.to_json()["clicks"] == [["c"]]
    assert interaction.success
