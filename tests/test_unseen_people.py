"""The benchmark of people whom the population was not fit to: habits that are counted right, and folds of speakers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from human_like import People

from multiref_gym import cli
from multiref_gym.agents.evaluation import dialogue_statistics
from multiref_gym.benchmarks.unseen_people import counted, habits_of
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn
from multiref_gym.simulators.population import HABITS, POPULATION, people

NAMES = tuple("abcdefghij")


def game(*said: str, wrong: int = 1) -> Interaction:
    """A game in which one tangram after another is selected, the one of a turn being wrong."""
    context = Context(NAMES, NAMES, frozenset(NAMES) - {NAMES[wrong]})
    turns = tuple(Turn(text, Action(select=frozenset([place]))) for place, text in enumerate(said))
    return Interaction("1", context, turns, "ann")


def test_the_habits_of_a_speaker_are_what_it_does() -> None:
    polite = game("There are three. Select the house.", "Good. Select the bird.", "No. Deselect it. Select the cat.")
    assert habits_of([polite]) == {
        "kind": "command",
        "mark": ".",
        "capitals": 1.0,
        "ending": ".",
        "undoes": "alone",
        "announces": 1.0,
        "praises": "often",
        "talk": "terse",
    }
    careless = game("looks like a house", "looks like a bird", "no, it looks like a cat with a hat on the left of it")
    assert habits_of([careless]) == {
        "kind": "likeness",
        "mark": ",",
        "capitals": 0.0,
        "ending": "",
        "undoes": "hardly",
        "announces": 0.0,
        "praises": "rarely",
        "talk": "usual",
    }


def test_a_habit_of_nobody_counts_half_a_person() -> None:
    counts = counted([[game("house", "bird", "no, cat")]] * 3)
    assert counts["kind"] == {"bare": 3.5, "command": 0.5, "likeness": 0.5, "count": 0.5}
    assert counts.keys() == HABITS.keys()


def test_as_many_of_a_population_have_a_habit_as_its_weight_says() -> None:
    drawn = people({**HABITS, "announces": {1.0: 1, 0.0: 3}}, np.random.default_rng(0))
    assert sum(persona.announces for persona in drawn) == pytest.approx(POPULATION / 4, abs=1)


def test_the_folds_hold_out_every_speaker_once(
    people: People, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialogue_statistics, "RESAMPLES", 20)
    arguments = ["bench", "unseen-people", "--human", str(people.games), "--games", "40", "--folds"]
    assert cli.main([*arguments, "2", "--json", str(tmp_path / "figures.json")]) == 0
    results = json.loads((tmp_path / "figures.json").read_text())
    held_out = [name for fold in results["folds"] for name in fold["speakers"]]
    assert sorted(held_out) == sorted({json.loads(line)["speaker"] for line in people.games.read_text().splitlines()})
    assert 0 <= results["together"]["classifier"]["accuracy"] <= 1
    assert "classified" in capsys.readouterr().out
    assert cli.main([*arguments, "9"]) == 2
    assert "named speakers are too few for 9 folds" in capsys.readouterr().err
