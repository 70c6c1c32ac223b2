"""The public data set's rows, and the commands that write and read them."""

from __future__ import annotations

import argparse
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
from strategies import games, interactions

from multiref_gym.commands import export, import_
from multiref_gym.errors import UserError
from multiref_gym.formats.public_rows import (
    INTERACTION_COLUMNS,
    TURN_COLUMNS,
    from_interaction_row,
    from_turn_rows,
    to_interaction_row,
    to_turn_rows,
)
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, MalformedInteraction, Turn, read_jsonl, write_jsonl, write_records
from multiref_gym.store import InteractionStore

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


def test_an_interaction_row_is_the_game_as_the_speaker_saw_it() -> None:
    assert to_interaction_row(GAME, "B-SUP", "2024-05-01") == {
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
        "date": "2024-05-01",
        "round": 2,
    }


def test_a_turn_row_is_the_turn_as_the_listener_saw_it() -> None:
    first, second, third = to_turn_rows(GAME, "B-SUP", "2024-05-01")
    assert second == {
        "chats": ["the bird", "no, the boat"],
        "clicks": [["a"], ["a", "b"]],
        "targets": ["b", "c"],
        "game_id": "g",
        "end": 0,
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
        "date": "2024-05-01",
        "round": 2,
    }
    assert first["prob_action"] == pytest.approx(0.25)
    assert (third["end"], third["chat_feedback"], third["clicks"][-1]) == (1, "", ["c"])


@given(interactions())
def test_rows_have_the_data_sets_columns_and_are_json(interaction: Interaction) -> None:
    row, turn_rows = to_interaction_row(interaction), to_turn_rows(interaction)
    assert tuple(row) == INTERACTION_COLUMNS
    assert all(tuple(turn_row) == TURN_COLUMNS for turn_row in turn_rows)
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


@given(games(min_size=1), st.randoms())
@settings(max_examples=50)
def test_turn_rows_in_any_order_lose_only_the_speakers_side(played: list[Interaction], rng: random.Random) -> None:
    rows = [row for interaction in played for row in to_turn_rows(interaction)]
    rng.shuffle(rows)
    by_id = {interaction.game_id: interaction for interaction in from_turn_rows(rows)}
    assert by_id.keys() == {interaction.game_id for interaction in played}
    for interaction in played:
        read = by_id[interaction.game_id]
        for turn, original in zip(read.turns, interaction.turns, strict=True):
            assert replace(turn, log_prob=None) == replace(original, log_prob=None)
            assert turn.log_prob == (original.log_prob and pytest.approx(original.log_prob, abs=1e-12))
        context = replace(interaction.context, speaker_order=interaction.context.listener_order)
        assert read == replace(interaction, context=context, turns=read.turns, speaker="", closing="")


@given(interactions())
def test_the_last_row_of_a_game_is_enough(interaction: Interaction) -> None:
    (read,) = from_turn_rows(to_turn_rows(interaction)[-1:])
    assert named_clicks(read) == named_clicks(interaction)
    assert all(turn.log_prob is None for turn in read.turns[:-1])


@pytest.mark.parametrize(("probability", "log_prob"), [(-1, None), (-3.0, None), (0, None), (1, 0.0), (None, None)])
def test_probabilities_that_no_action_has_are_unknown(probability: float | None, log_prob: float | None) -> None:
    (read,) = from_turn_rows([to_turn_rows(GAME)[0] | {"prob_action": probability}])
    assert read.turns[0].log_prob == log_prob


def test_a_log_probability_rounded_to_above_0_is_a_probability_of_1() -> None:
    certain = replace(GAME, turns=(replace(GAME.turns[0], log_prob=1e-7),))
    assert to_turn_rows(certain)[0]["prob_action"] == 1.0


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"chats": []}, "at least one turn"),
        ({"chats": ["the bird"]}, r"'chat' \(1\), 'clicks' \(2\)"),
        ({"clicks": [["a"], ["z"]]}, "tangram 'z'"),
        ({"clicks": 7}, "not iterable"),
        ({"selected": ["c"]}, "'selected' and 'deselected'"),
        ({"prob_action": 1.5}, "'prob_action' must be a probability or null, not 1.5"),
        ({"prob_action": "high"}, "'prob_action' must be a probability or null, not 'high'"),
        ({"context": ["b", "a", "c"]}, "the context of game 'g' is another one"),
        ({"round": 3}, "the round of game 'g' is another one"),
        ({"policy_name": "base"}, "the policy of game 'g' is another one"),
        ({"chats": ["the cat", "no, the boat"]}, "turn 0 of game 'g' is another one"),
        ({"chats": ["the bird"], "clicks": [["a"]], "selected": ["a"], "deselected": []}, "another row for turn 0"),
    ],
)
def test_a_turn_row_that_cannot_be_is_named(change: dict[str, Any], complaint: str) -> None:
    rows = to_turn_rows(GAME)
    with pytest.raises(MalformedInteraction, match=f"line 2: .*{complaint}"):
        from_turn_rows([rows[0], rows[1] | change, rows[2]])


@pytest.mark.parametrize("column", ["chats", "clicks", "context", "targets", "selected", "deselected", "prob_action"])
def test_a_missing_column_is_named(column: str) -> None:
    row = {name: value for name, value in to_turn_rows(GAME)[0].items() if name != column}
    with pytest.raises(MalformedInteraction, match=f"'{column}'"):
        from_turn_rows([row])


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=9))
def test_any_json_in_any_column_is_read_or_refused(value: Any) -> None:
    for column in TURN_COLUMNS:
        with suppress(MalformedInteraction):
            from_turn_rows([to_turn_rows(GAME)[1] | {column: value}])
    for column in INTERACTION_COLUMNS:
        with suppress(MalformedInteraction):
            from_interaction_row(to_interaction_row(GAME) | {column: value})
    with suppress(MalformedInteraction):
        from_turn_rows([value])
    with suppress(MalformedInteraction):
        from_interaction_row(value)


@pytest.mark.skipif(not HUMAN_GAMES.exists(), reason=f"no {HUMAN_GAMES}")
def test_human_games_survive_both_kinds_of_rows() -> None:
    humans = list(read_jsonl(HUMAN_GAMES))
    assert [named_clicks(from_interaction_row(to_interaction_row(game))) for game in humans] == [
        named_clicks(game) for game in humans
    ]
    rows = [row for game in humans for row in to_turn_rows(game)]
    assert [game.turns for game in from_turn_rows(rows)] == [game.turns for game in humans]


# The commands.


def run(command: Any, *words: object) -> None:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    command.run(parser.parse_args([str(word) for word in words]))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "interactions.db"
    with InteractionStore(path) as opened:
        opened.add([GAME, replace(GAME, game_id="h", round=3)], "B-SUP")
        opened.add([replace(GAME, game_id="i")], "CONTROL")
    return path


def test_what_was_exported_can_be_imported(store: Path, tmp_path: Path) -> None:
    games, copy = tmp_path / "games.jsonl", tmp_path / "copy.db"
    run(export, "--store", store, "--out", games, "--system", "B-SUP")
    run(import_, "--store", copy, "--games", games, "--system", "B-SUP")
    with InteractionStore(store) as original, InteractionStore(copy) as copied:
        assert copied.interactions() == original.interactions("B-SUP")


@pytest.mark.parametrize("format", ["interaction", "turn"])
def test_rows_of_the_public_data_set_can_be_exported_and_imported(store: Path, tmp_path: Path, format: str) -> None:
    rows, copy = tmp_path / "rows.jsonl", tmp_path / "copy.db"
    run(export, "--store", store, "--out", rows, "--format", format, "--round", 2)
    assert {json.loads(line)["dataset_alias"] for line in rows.read_text().splitlines()} == {"B-SUP", "CONTROL"}
    run(import_, "--store", copy, "--games", rows, "--system", "PUBLIC", "--round", 5)
    with InteractionStore(copy) as copied:
        assert [named_clicks(game) for game in copied.interactions("PUBLIC", 5)] == [named_clicks(GAME)] * 2


@pytest.mark.parametrize("options", [["--system", "T-SUP"], ["--round", 9]])
def test_an_export_of_nothing_says_what_there_is(store: Path, tmp_path: Path, options: list[object]) -> None:
    with pytest.raises(UserError, match=r"'B-SUP' rounds \[2, 3\], 'CONTROL' rounds \[2\]"):
        run(export, "--store", store, "--out", tmp_path / "games.jsonl", *options)
    assert not (tmp_path / "games.jsonl").exists()


@pytest.mark.parametrize(
    ("command", "words", "message"),
    [
        (export, ["--out", "games.jsonl", "--ternary"], "--ternary applies to --minari only, not to --out"),
        (export, ["--minari", "some-v0", "--ternary"], "--ternary is of a decoder: name it by --decoder"),
        (export, ["--out", "games.jsonl", "--decoder", "lexical"], "--decoder applies to --minari only, not to --out"),
        (export, ["--out", "games.jsonl", "--image", "tangrams"], "--image applies to --minari only"),
        (export, ["--out", "games.jsonl", "--tangrams", "figures"], "--tangrams applies to --minari only"),
        (export, ["--minari", "games-v0", "--format", "jsonl"], "--format applies to --out only, not to --minari"),
        (import_, ["--minari", "games-v0", "--system", "S", "--format", "turn"], "--format applies to --games only"),
    ],
)
def test_an_option_that_does_not_apply_is_named(tmp_path: Path, command: Any, words: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run(command, "--store", tmp_path / "absent.db", *words)


def test_an_export_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such store"):
        run(export, "--store", tmp_path / "absent.db", "--out", tmp_path / "games.jsonl")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "to_records", [lambda game: [game.to_json()], lambda game: [to_interaction_row(game)], to_turn_rows]
)
def test_a_malformed_line_imports_nothing(tmp_path: Path, to_records: Any) -> None:
    games = tmp_path / "games.jsonl"
    write_records(games, [*to_records(GAME), {"game_id": "broken", "dataset_alias": ""}])
    line = len(games.read_text().splitlines())
    with pytest.raises(MalformedInteraction, match=rf"games\.jsonl, line {line}: "):
        run(import_, "--store", tmp_path / "new.db", "--games", games, "--system", "HUMAN")
    assert not (tmp_path / "new.db").exists()


def test_an_import_that_does_not_fit_leaves_the_store_as_it_was(store: Path, tmp_path: Path) -> None:
    games = tmp_path / "games.jsonl"
    write_jsonl(games, [replace(GAME, game_id="new", round=7), replace(GAME, game_id="newer", round=3)])
    with pytest.raises(UserError, match="round 3 of 'B-SUP' is there already"):
        run(import_, "--store", store, "--games", games, "--system", "B-SUP")
    with InteractionStore(store) as opened:
        assert opened.rounds("B-SUP") == [2, 3]


def test_a_file_that_cannot_be_written_whole_stays_as_it_was(tmp_path: Path) -> None:
    games = tmp_path / "games.jsonl"
    write_jsonl(games, [GAME])
    before = games.read_bytes()
    with pytest.raises(UnicodeEncodeError):
        write_jsonl(games, [GAME, replace(GAME, closing="\ud800")])
    assert games.read_bytes() == before
    assert list(tmp_path.iterdir()) == [games]
