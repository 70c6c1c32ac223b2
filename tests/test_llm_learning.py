"""The benchmark of learning with a language model that reads: a run of the smallest size, and its first lesson."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest
from small_views import FIGURES
from tiny_llm import tiny_llm

from multiref_gym import cli
from multiref_gym.agents.learning import respect
from multiref_gym.benchmarks import llm_learning
from multiref_gym.benchmarks.llm_learning import Plan, matched, matching, watching


def test_the_lesson_matches_and_then_shows_what_was_right() -> None:
    train = FIGURES.split("train")
    for number, example in enumerate(matching(train, Plan(boards=3), 0)):
        [position] = example.action.select
        described = train[example.view.tangrams[position]].descriptions[0]
        assert len(example.view.tangrams) == 6
        assert set(example.view.utterance.split()) <= set(described.replace(",", "").split())
        assert len(example.view.dialogue) == number % 5
    assert all(example.action.clicks for example in watching(train, Plan(games=5, mistakes=0.5), 0))


def test_runs_from_the_lesson_to_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # In this process, as one of its own would take longer to start than to run.
    monkeypatch.setattr(llm_learning, "run_all", lambda run, jobs, *rest: [run(job) for job in jobs])
    monkeypatch.setattr(respect, "SEED_TURNS", 8)
    monkeypatch.setattr(llm_learning, "matched", partial(matched, boards=3))
    size = ["--boards", "2", "--watched", "2", "--rounds", "1", "--games", "2"]
    arguments = ["bench", "llm-learning", "--base", str(tiny_llm()), *size, "--out", str(tmp_path)]
    assert cli.main(arguments) == 0
    assert "round 1" in capsys.readouterr().out
    results = json.loads((tmp_path / "results.json").read_text())
    assert {name: [len(won) for won in rounds] for name, rounds in results["runs"][0]["won"].items()} == {
        "SUP": [2, 2],
        "CONTROL": [2, 2],
    }
    parts = results["base"]["parts"]
    assert parts["matching"]["examples"] == 10
    assert all(0 <= part["matched"]["low"] <= part["matched"]["high"] <= 1 for part in parts.values())
    arguments[arguments.index("--watched") + 1] = "3"
    assert cli.main(arguments) == 2
    assert "another lesson" in capsys.readouterr().err
    arguments[arguments.index("--base") + 1] = str(tmp_path / "base")
    assert cli.main([*arguments[:-1], str(tmp_path / "again")]) == 2
    assert "has learned already" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()
