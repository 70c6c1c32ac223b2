"""The benchmark of human-likeness: its statistics counted by hand, and a classifier that is not easily fooled."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from human_like import People
from hypothesis import given, settings
from strategies import games

from multiref_gym import cli
from multiref_gym.agents.evaluation import dialogue_statistics, reply_classifier
from multiref_gym.agents.evaluation.dialogue_statistics import (
    Unit,
    compare,
    intervals,
    overlap,
    praise_rates,
    statistics,
    units_of,
)
from multiref_gym.agents.evaluation.reply_classifier import masked, people_apart, replies_of, tell_apart
from multiref_gym.formats import read_games, read_interactions, write_games
from multiref_gym.formats.jsonl import GameRecords
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn

SHARED = Path(__file__).parents[2] / "shared"
HUMAN = SHARED / "data" / "human_games" / "dev.jsonl"
TOOL = SHARED / "tools" / "human_stats.py"
NAMES = tuple("abcdefghij")
RNG = np.random.default_rng


def select(*positions: int) -> Action:
    return Action(select=frozenset(positions))


def game(*turns: tuple[str, Action], speaker: str = "ann", game_id: str = "1") -> Interaction:
    """A game for the first three tangrams."""
    context = Context(NAMES, NAMES, frozenset(NAMES[:3]))
    return Interaction(game_id, context, tuple(Turn(*turn) for turn in turns), speaker)


WON = game(
    ("There are three. The house", select(0)),  # good
    ("yes, now the bird", select(5)),  # bad
    ("no, the flying bird", Action(select=frozenset({6}), deselect=frozenset({5}))),  # mixed
    ("undo", Action(deselect=frozenset({6}))),  # good
    ("a bird with no feet", select(1)),  # good
    ("the last one is a cat", select(2)),  # good, and without a reply
)
LOST = game(
    ("a boat", select(0)),  # good
    ("not that. a ship", select(1)),  # good, and without a reply
    speaker="bob",
)


def measured(*interactions: Interaction) -> dict[str, list[float]]:
    return statistics(units_of(interactions))


def test_the_statistics_of_two_games_counted_by_hand() -> None:
    words = [5, 4, 4, 1, 5, 6, 2, 4]
    assert measured(WON, LOST) == {
        "success": [0.5],
        "turns per game": [4],
        "words per utterance": [np.mean(words)],
        "words per utterance: quartiles": [2.5, 4, 5],
        "distinct words per 1000": [pytest.approx(1000 * 22 / 31)],
        # The replies to good actions: "yes, now ...", "a bird with no feet", "the last one ...", "not that. ..."
        "good action: reply opens with praise": [0.25],
        "good action: reply has no marker": [0.25],
        "good action: reply opens negative": [0.5],
        "good action: reply opens with 'next', 'now', ...": [0.5],
        "mixed action: reply is negative": [1],
        "bad action: reply is negative": [1],
        "bad action: words in common with the reply": [2 / 6],
        # ann: one of three; bob: none of one.
        "speakers who praise below 0.2 / above 0.6": [0.5, 0],
        "turns that only undo": [2 / 8],  # "undo" and, as it has no comma, "not that. a ship"
        "games that announce how many": [0.5],
        "games with 'last' or 'final'": [0.5],
        "one select / swap / one deselect": [6 / 8, 1 / 8, 1 / 8],
        "good / mixed / bad actions": [6 / 8, 1 / 8, 1 / 8],
    }
    assert praise_rates(units_of([WON, LOST])) == [0, pytest.approx(1 / 3)]


def test_what_cannot_be_said_is_not_a_number() -> None:
    silent = measured(game(("a boat", select(0))))
    assert math.isnan(silent["bad action: reply is negative"][0])
    assert silent["success"] == [0]


def test_games_of_unnamed_speakers_are_drawn_one_by_one() -> None:
    unnamed = [game(("a", select(0)), ("yes b", select(1)), speaker="") for _ in range(3)]
    assert len(units_of(unnamed)) == 3
    assert praise_rates(units_of(unnamed)) == []
    assert len(units_of([WON, LOST, WON])) == 2


@settings(max_examples=50)
@given(games(min_size=1))
def test_statistics_do_not_depend_on_how_games_are_grouped(interactions: list[Interaction]) -> None:
    values = measured(*interactions)
    one_by_one = statistics([unit for interaction in interactions for unit in units_of([interaction])])
    del values["speakers who praise below 0.2 / above 0.6"], one_by_one["speakers who praise below 0.2 / above 0.6"]
    for name, value in values.items():
        assert value == pytest.approx(one_by_one[name], nan_ok=True)
    assert 0 <= values["success"][0] <= 1
    assert sum(values["good / mixed / bad actions"]) == pytest.approx(1)


@given(games(min_size=2, max_size=2))
def test_overlap_is_the_same_both_ways(interactions: list[Interaction]) -> None:
    one, other = (interaction.turns[0].utterance for interaction in interactions)
    assert overlap(one, other) == overlap(other, one)
    assert 0 <= overlap(one, other) <= 1


# The names of the statistics in the output of the tool that people were measured with.
IN_THE_TOOL = {
    "success": "success",
    "turns per game": "turns per game",
    "words per utterance, mean": "words per utterance",
    "words per utterance, quartiles": "words per utterance: quartiles",
    "distinct words per 1000": "distinct words per 1000",
    "praise opens the reply | good action": "good action: reply opens with praise",
    "no marker in the reply | good action": "good action: reply has no marker",
    "negative opens the reply | good action": "good action: reply opens negative",
    "negative in the reply | mixed action": "mixed action: reply is negative",
    "negative in the reply | bad action": "bad action: reply is negative",
    "'next/now/then/last' opens the reply | good action": "good action: reply opens with 'next', 'now', ...",
    "word overlap with the last utterance | bad action": "bad action: words in common with the reply",
    "nothing but 'undo' (share of turns)": "turns that only undo",
    "opening announces how many": "games that announce how many",
    "says 'last' or 'final' (share of games)": "games with 'last' or 'final'",
    "one select / swap / one deselect": "one select / swap / one deselect",
    "good / mixed / bad actions": "good / mixed / bad actions",
}


@pytest.mark.skipif(not (HUMAN.exists() and TOOL.exists()), reason="the human games are not here")
def test_people_measure_as_they_did_when_the_targets_were_set() -> None:
    printed = subprocess.run([sys.executable, TOOL, HUMAN], capture_output=True, text=True, check=True).stdout
    expected = {line[:55].strip(): json.loads(line[55:]) for line in printed.splitlines()}
    units = units_of(read_interactions(HUMAN))
    values = statistics(units)
    assert set(IN_THE_TOOL.values()) | {"speakers who praise below 0.2 / above 0.6"} == values.keys()
    for theirs, ours in IN_THE_TOOL.items():
        known = expected.pop(theirs)
        places = 2 if "/" in ours else 3
        assert [round(value, places) for value in values[ours]] == (known if isinstance(known, list) else [known])
    assert [round(rate, 2) for rate in praise_rates(units)] == expected.pop("praise rate of each speaker, sorted")
    assert expected == {"games": len(read_interactions(HUMAN)), "turns": sum(len(unit.turns) for unit in units)}


Talk = Callable[[np.random.Generator], str]


def praising(rng: np.random.Generator) -> str:
    return f"{rng.choice(['yes', 'good', 'great'])}, the {rng.choice(['house', 'bird', 'boat', 'cat'])} on the left"


def absurd(rng: np.random.Generator) -> str:
    return f"{rng.choice(['because', 'although'])} {rng.choice(['then', 'if'])} {rng.choice(['would', 'must'])} be"


def played(talk: Talk, seed: int, speakers: int = 8, games: int = 4) -> list[Interaction]:
    """Games of four turns, each by a speaker who talks at random."""
    rng = RNG(seed)
    mixed = Action(select=frozenset({6}), deselect=frozenset({5}))
    actions = [select(0), select(5), mixed, select(1)]
    return [
        game(*((talk(rng), action) for action in actions), speaker=f"speaker{i}", game_id=f"{i}-{j}")
        for i in range(speakers)
        for j in range(games)
    ]


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialogue_statistics, "RESAMPLES", 100)
    monkeypatch.setattr(reply_classifier, "HALVINGS", 3)


def units(seed: int, talk: Talk = praising) -> list[Unit]:
    return units_of(played(talk, seed))


def test_people_lie_within_their_own_interval() -> None:
    compared = compare(units(0), [units(0)], RNG(0))
    assert [name for name, row in compared.items() if not row["inside"]] == []
    assert len(compared) == 18


def test_other_talk_lies_outside() -> None:
    compared = compare(units(0, absurd), [units(0)], RNG(0))
    assert not compared["good action: reply opens with praise"]["inside"]
    assert compared["one select / swap / one deselect"]["inside"]


def test_a_second_human_file_widens_the_interval() -> None:
    praise = "good action: reply opens with praise"
    one, both = (compare(units(0), human, RNG(0))[praise] for human in ([units(1)], [units(1), units(2, absurd)]))
    assert one["human_interval"] == [(1, 1)]
    assert both["human_interval"] == [(0, 1)]
    assert both["human"] == [[1], [0]]


def test_few_resampled_words_do_not_shift_the_interval_of_distinct_ones() -> None:
    names = iter(range(10_000))
    sample = units_of(played(lambda rng: f"word{next(names)} word{next(names)} the", 0))
    ((low, high),) = intervals(sample, RNG(0))["distinct words per 1000"]
    assert low <= statistics(sample)["distinct words per 1000"][0] <= high


def test_words_for_tangrams_are_masked_and_the_others_are_not() -> None:
    assert masked("No, undo that. The house’s chimney!") == ["no", ",", "undo", "that", ".", "the", "_", "_", "!"]
    assert masked("Don’t select two dogs") == ["don't", "select", "two", "_"]


def test_what_is_said_alike_cannot_be_told_apart() -> None:
    judgement = tell_apart(replies_of([played(praising, 0)]), replies_of([played(praising, 1)]), RNG(0))
    assert judgement["accuracy"] == pytest.approx(0.5, abs=0.12)


def test_names_of_tangrams_alone_do_not_tell_simulated_from_human() -> None:
    def zoological(rng: np.random.Generator) -> str:
        return praising(rng).replace("the house", "the zebra").replace("the boat", "the yak")

    judgement = tell_apart(replies_of([played(zoological, 0)]), replies_of([played(praising, 1)]), RNG(0))
    assert judgement["accuracy"] == pytest.approx(0.5, abs=0.12)


def test_absurd_replies_are_told_and_the_features_say_why() -> None:
    judgement = tell_apart(replies_of([played(absurd, 0)]), replies_of([played(praising, 1)]), RNG(0))
    assert judgement["accuracy"] > 0.98
    low, high = judgement["interval"]
    assert low <= judgement["accuracy"] <= high
    simulated, human = ({row["feature"]: row for row in rows} for rows in judgement["giveaways"].values())
    assert (simulated["be"]["simulated"], simulated["be"]["human"]) == (1, 0)
    assert (human["the"]["simulated"], human["the"]["human"]) == (0, 1)
    assert simulated["be"]["weight"] > 0 > human["the"]["weight"]


def test_sides_are_of_one_size() -> None:
    few, many = (replies_of([played(praising, seed, games=games)]) for seed, games in ((0, 2), (1, 6)))
    judgement = tell_apart(few, many, RNG(0))
    assert judgement["replies"] == 2 * len(few.features)


def test_a_speaker_who_is_known_by_name_alone_is_two_in_two_files() -> None:
    replies = replies_of([played(praising, 0), played(praising, 1)])
    assert len(set(replies.speakers)) == 16


def test_half_of_the_people_cannot_be_told_from_the_other_half(people: People) -> None:
    assert people_apart(replies_of([read_interactions(people.games)]), RNG(0)) == pytest.approx(0.5, abs=0.12)


def run(*arguments: object) -> int:
    return cli.main(["bench", "likeness", *map(str, arguments)])


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    simulated, human = tmp_path / "simulated.jsonl", tmp_path / "human.jsonl"
    write_games("jsonl", simulated, map(LoggedGame, played(absurd, 0, games=6)))
    write_games("jsonl", human, map(LoggedGame, played(praising, 1)))
    return simulated, human


def test_figures_are_written_and_the_same_for_the_same_seed(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulated, human = files
    out = [tmp_path / "one.json", tmp_path / "two.json"]
    for path in out:
        assert run("--games", simulated, "--human", human, "--other", human, "--json", path, "--seed", 7) == 0
    assert out[0].read_text() == out[1].read_text()
    figures = json.loads(out[0].read_text(), parse_constant=pytest.fail)
    assert figures["seed"] == 7
    assert figures["files"] == ["simulated.jsonl", "human.jsonl", "human.jsonl"]
    assert figures["games"] == [32, 32, 32]  # as many simulated ones as human ones
    assert "scikit-learn" in figures["versions"]
    assert figures["machine"]
    assert figures["inside"] == sum(row["inside"] for row in figures["statistics"].values()) < 18
    assert figures["classifier"]["accuracy"] > 0.98
    printed = capsys.readouterr().out
    assert f"{figures['inside']} of 18" in printed
    assert "classified correctly" in printed


def test_games_that_somebody_left_are_left_out(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulated, human = files
    left, out = tmp_path / "left.jsonl", [tmp_path / "one.json", tmp_path / "two.json"]
    abandoned = [LoggedGame(replace(game, game_id=f"left {i}"), abandoned=True) for i, game in enumerate([LOST] * 9)]
    write_games("jsonl", left, [*read_games(human)[0], *abandoned])
    assert run("--games", simulated, "--human", human, "--json", out[0]) == 0
    assert run("--games", simulated, "--human", left, "--json", out[1]) == 0
    one, other = (json.loads(path.read_text()) for path in out)
    assert one["statistics"] == other["statistics"]
    write_games("jsonl", left, abandoned)
    assert run("--games", left, "--human", human) == 2
    assert "all games were abandoned" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        ("", "games.jsonl: no games"),
        ('{"game_id": "1", "chat": [', "line 1: not JSON"),
        (json.dumps(next(GameRecords().to_records(LoggedGame(WON)))), "too few replies for the classifier"),
    ],
)
def test_bad_files_get_one_clear_line(
    content: str | None,
    message: str,
    files: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "games.jsonl"
    if content is not None:
        path.write_text(content)
    assert run("--games", path, "--human", files[1]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_extra_is_named_where_scikit_learn_is_missing(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.pipeline", None)
    assert run("--games", files[0], "--human", files[1]) == 2
    assert "pip install multiref-gym[likeness]" in capsys.readouterr().err
