"""Runs in experiment trackers: each point is there once, whatever happens in between."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from running import run
from small_views import tiny_small_listener

from multiref_gym.agents.learning.tracking import tracked
from multiref_gym.errors import UserError

accumulator = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is not installed"
)


def points(folder: Path, name: str) -> list[tuple[int, float]]:
    """Returns the steps and values of a number in TensorBoard."""
    events = accumulator.EventAccumulator(str(folder / "multiref"))
    events.Reload()
    return [(event.step, round(event.value, 5)) for event in events.Scalars(name)]


def test_nested_numbers_are_logged_and_nothing_else(tmp_path: Path) -> None:
    with tracked("tensorboard", tmp_path, {"seed": 0, "base": None, "learner": {"name": "SUP"}}) as log:
        log(3, {"success": {"mean": 0.5, "best": float("nan")}, "games": 20, "name": "SUP", "won": True})
    events = accumulator.EventAccumulator(str(tmp_path / "multiref"))
    events.Reload()
    assert sorted(events.Tags()["scalars"]) == ["games", "success/mean"]
    assert points(tmp_path, "success/mean") == [(3, 0.5)]
    [configuration] = tmp_path.rglob("hparams.yml")
    assert "learner.name: SUP" in configuration.read_text()


def test_a_run_that_goes_on_logs_each_point_once(tmp_path: Path) -> None:
    for last in 2, 4:  # the second begins with what the first has logged, as `multiref respect` does
        with tracked("tensorboard", tmp_path, {}) as log:
            for step in range(last):
                log(step, {"loss": step / 2})
    assert points(tmp_path, "loss") == [(0, 0.0), (1, 0.5), (2, 1.0), (3, 1.5)]
    assert json.loads((tmp_path / "tracker-tensorboard.json").read_text())["logged"] == 4


def test_without_a_tracker_nothing_is_written(tmp_path: Path) -> None:
    with tracked(None, tmp_path, {}) as log:
        log(0, {"loss": 1.0})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["respect", "learn --games g.jsonl"])
def test_a_tracker_that_cannot_be_had_is_refused_at_once(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from multiref_gym.agents.learning import tracking

    monkeypatch.setattr(tracking, "get_available_trackers", lambda: ["tensorboard"])
    for name, message in ("paper", "unknown tracker 'paper': choose from"), ("wandb", "run `pip install wandb`"):
        with pytest.raises(UserError, match=message):
            run(*command.split(), "--out", tmp_path / "out", "--track", name)
    assert list(tmp_path.iterdir()) == []


def test_the_rounds_of_a_run_are_logged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    command = ["respect", "--rounds", "1", "--games", "4", "--listener", "tiny_listener:TinyListener", "--out"]
    for _ in range(2):
        run(*command, tmp_path / "run", "--track", "tensorboard")
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    expected = [(measured["round"], measured["systems"]["SUP"]["turns"]["mean"]) for measured in results["rounds"]]
    assert points(tmp_path / "run", "systems/SUP/turns/mean") == expected


def test_the_epochs_of_a_policy_are_logged(tmp_path: Path) -> None:
    run("simulate", "--listener", "erring", "--games", 4, "--out", tmp_path / "games.jsonl")
    tiny_small_listener().save(tmp_path / "base")
    words = f"--games {tmp_path}/games.jsonl --base {tmp_path}/base --epochs 2 --track tensorboard".split()
    run("learn", *words, "--out", tmp_path / "policy")
    curve = json.loads((tmp_path / "policy" / "learning.json").read_text())["curve"]
    expected = [(epoch, round(figures["loss"], 5)) for epoch, figures in enumerate(curve, start=1)]
    assert points(tmp_path / "policy", "loss") == expected
    run("simulate", "--listener", "small", "--model", tmp_path / "policy", "--games", 1, "--out", tmp_path / "g.jsonl")
