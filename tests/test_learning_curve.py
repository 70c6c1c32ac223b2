"""The benchmark of learning curves: its systems, what a job leaves, and its means, tables and complaints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from rounding import LOG_PROB
from small_views import FIGURES, tiny_small_listener

from multiref_gym import cli
from multiref_gym.agents.learning.learn import Example, Optimisation, learn
from multiref_gym.agents.learning.objectives import Sup
from multiref_gym.agents.learning.respect import CONTROL, SEED, TURNS, Config, Respect
from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.agents.workers import ThisProcess
from multiref_gym.benchmarks import fixed_games, learning_curve
from multiref_gym.benchmarks.fixed_games import Evaluation
from multiref_gym.benchmarks.learning_curve import (
    ABLATIONS,
    BOUNDS,
    LEARNERS,
    LowRankListener,
    SystemJob,
    run_job,
)
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.game import MAX_TURNS, Action
from multiref_gym.listener import View
from multiref_gym.store import InteractionStore

LISTENER = "tiny_listener:TinyListener"
CONFIG = Config(rounds=2, games=6, listener=LISTENER)
EVALUATION = Evaluation(games=8)
SYSTEMS = {system.learner.name: system for system in (*LEARNERS, *BOUNDS, *ABLATIONS) if system.listener is None}
CURVES = [system.learner.name for system in (*LEARNERS, *BOUNDS)]


@pytest.fixture(autouse=True)
def _own_parts_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the jobs of all systems with seed 0, run once for all tests."""
    folder = tmp_path_factory.mktemp("learning")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        for name in SYSTEMS:
            run_job(job(name, folder))
    return folder


def job(name: str, out: Path, **config: Any) -> SystemJob:
    asked = replace(CONFIG, **config)
    return SystemJob(asked, out / f"{name}-{asked.seed}", SYSTEMS[name], EVALUATION)


def curve_of(name: str, folder: Path) -> dict[str, Any]:
    curve: dict[str, Any] = json.loads((folder / f"{name}-0" / "curve.json").read_text())
    return curve


def main(monkeypatch: pytest.MonkeyPatch, out: Path, *options: object) -> int:
    """Runs the command in this process, with all its jobs."""
    default = ["--seeds", 2, "--rounds", 1, "--games", 5, "--evaluation", 4, "--listener", LISTENER, "--out", out]
    monkeypatch.setattr(ThisProcess, "call", lambda self, run, *arguments: run(*arguments))
    return cli.main(["bench", "learning-curve", *map(str, [*default, *options])])


def test_a_curve_holds_what_was_run_what_it_took_and_all_rounds(folder: Path) -> None:
    curve = curve_of("SUP", folder)
    assert (curve["system"], curve["seed"]) == ("SUP", 0)
    assert curve["record"]["config"]["games"] == CONFIG.games
    assert curve["evaluation"]["games"] == EVALUATION.games
    assert curve["cost"]["seconds"] > 0
    assert curve["cost"]["peak_memory_gb"] > 0.01
    assert [measured["round"] for measured in curve["rounds"]] == [0, 1, 2]
    with InteractionStore(folder / "SUP-0" / "interactions.db", create=False) as store:
        for measured in curve["rounds"]:
            assert {"examples", "learning", "decoder"} <= measured.keys()
            for system in ("SUP", CONTROL):
                games, measures = store.interactions(system, measured["round"]), measured["systems"][system]
                won = [int(number) for number in measures["by_game"]["won"].split()]
                turns = [int(number) for number in measures["by_game"]["turns"].split()]
                assert won == [game.success for game in games]
                assert turns == [len(game.turns) for game in games]
                assert measures["turns"]["mean"] == pytest.approx(np.mean(turns))


def test_every_policy_of_a_learner_plays_the_fixed_games_and_the_first_and_last_of_the_others(folder: Path) -> None:
    for name in SYSTEMS:
        played = [measured["fixed"] is not None for measured in curve_of(name, folder)["rounds"]]
        assert played == [True, name in ("SUP", "TURNS"), True]
    for measures in curve_of("SUP", folder)["rounds"][0]["fixed"].values():
        assert measures["games"] == EVALUATION.games == len(measures["by_game"]["won"].split())


def test_the_fixed_games_are_the_same_for_all_policies(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    original = fixed_games.play

    def watched(listener: Any, games: Any, **options: Any) -> Any:
        seen.append([(game.listener_rng.bit_generator.state, game.game.context, game.utterance) for game in games])
        return original(listener, games, **options)

    monkeypatch.setattr(fixed_games, "play", watched)
    for name, seed in (("SUP", 0), ("TURNS", 1)):
        out = folder / "again"
        run_job(job(name, out, seed=seed, rounds=1))
    deployed, unseen = seen[0::2], seen[1::2]
    assert len(deployed) == len(unseen) == 4
    assert all(games == deployed[0] for games in deployed)
    assert all(games == unseen[0] for games in unseen)
    tangrams = [{id for _, context, _ in games for id in context.listener_order} for games in seen[:2]]
    assert not tangrams[0] & tangrams[1]


def test_a_job_that_is_done_does_nothing_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unwanted(*args: Any, **options: Any) -> None:
        raise AssertionError("played again")

    monkeypatch.setattr(fixed_games, "play", unwanted)
    monkeypatch.setattr(Respect, "rounds", unwanted)
    assert run_job(job("SUP", folder)) == curve_of("SUP", folder)


def test_other_fixed_games_are_played_without_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run_job(job("SUP", tmp_path, rounds=1))
    monkeypatch.setattr(Respect, "_deploy", lambda self, listener, system, round: None)
    again = run_job(replace(job("SUP", tmp_path, rounds=1), evaluation=Evaluation(games=3)))
    assert again["rounds"][1]["fixed"]["seen"]["games"] == 3
    assert again["cost"] == first["cost"]


def test_an_interrupted_job_goes_on_to_the_same_curve_but_for_its_cost(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Respect._deploy

    def interrupted(self: Respect, listener: Any, system: str, round: int) -> None:
        if round == 1:
            raise KeyboardInterrupt
        original(self, listener, system, round)

    with monkeypatch.context() as patch:
        patch.setattr(Respect, "_deploy", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_job(job("SUP", tmp_path))
    assert not (tmp_path / "SUP-0" / "curve.json").exists()
    curve = run_job(job("SUP", tmp_path))
    assert curve["cost"] == {"seconds": None, "peak_memory_gb": None}
    assert {**curve, "cost": None, "digest": None} == {**curve_of("SUP", folder), "cost": None, "digest": None}


def test_everything_makes_every_action_a_positive_example(folder: Path) -> None:
    curve = curve_of("ALL", folder)
    with InteractionStore(folder / "ALL-0" / "interactions.db", create=False) as store:
        decoder = curve["record"]["config"]["decoder"]
        expected = sum(value is Feedback.POSITIVE for game in store.feedback(decoder, SEED, 0) for value in game)
        # The last actions of games that were won in time are positive too.
        expected += sum(len(game.turns) < MAX_TURNS for game in store.interactions(SEED, 0))
        for measured in curve["rounds"]:
            assert measured["examples"] == expected
            assert measured["decoder"]["positives"] == measured["decoder"]["exchanges"]
            expected += sum(len(game.turns) - 1 for game in store.interactions("ALL", measured["round"]))


def test_true_labels_are_those_of_the_targets(folder: Path) -> None:
    with InteractionStore(folder / "TRUE-0" / "interactions.db", create=False) as store:
        for round in range(3):
            games, labels = store.interactions("TRUE", round), store.feedback("lexical", "TRUE", round)
            for game, of_game in zip(games, labels, strict=True):
                good = [ground_truth(turn.action, game.targets) is Feedback.POSITIVE for turn in game.turns[:-1]]
                assert of_game == [Feedback.POSITIVE if each else Feedback.NEGATIVE for each in good]
    for measured in curve_of("TRUE", folder)["rounds"]:
        assert measured["decoder"]["accuracy"] == 1.0


@pytest.mark.parametrize("name", ["TURNS", "ALL", "TRUE"])
def test_all_systems_start_from_the_same_policy(folder: Path, name: str) -> None:
    first, other = (curve_of(system, folder)["rounds"][0] for system in ("SUP", name))
    assert list(other["systems"].values()) == list(first["systems"].values())
    assert other["fixed"] == first["fixed"]


def test_each_ablation_lacks_one_rule() -> None:
    without = [system.learner for system in ABLATIONS if system.learner.name.startswith("TURNS")]
    full = {**TURNS.recorded()["credit"], "negatives": TURNS.objective.negatives}
    lacking = set()
    for learner in without:
        rules = {**learner.recorded()["credit"], "negatives": learner.objective.negatives}
        [changed] = [name for name in full if rules[name] != full[name]]
        assert not rules[changed]
        lacking.add(changed)
        assert replace(learner, name=TURNS.name, credit=TURNS.credit, objective=TURNS.objective) == TURNS
    assert lacking == full.keys()


@pytest.mark.parametrize("name", ["SUP", "ALL"])
def test_same_distractors_change_nothing_else(name: str) -> None:
    system, model = SYSTEMS[f"{name}-same"], SYSTEMS[name]
    assert system.learner.optimisation.other_distractors == 0
    optimisation = replace(system.learner.optimisation, other_distractors=model.learner.optimisation.other_distractors)
    assert system.loop is model.loop
    assert replace(system.learner, name=name, optimisation=optimisation) == model.learner


def test_low_rank_updates_are_learned_and_saved_as_weights(tmp_path: Path) -> None:
    listener = LowRankListener(tiny_small_listener().model, FIGURES)
    before = {name: weights.clone() for name, weights in listener.model.state_dict().items()}
    wanted = Example(View(FIGURES.ids[:10], (), "a bird", frozenset()), Action(frozenset([0])), Feedback.POSITIVE)
    learn(listener, [wanted] * 8, Sup(), Optimisation(epochs=3, batch=4), seed=0)
    changed = {name for name, weights in listener.model.state_dict().items() if not torch.equal(before[name], weights)}
    assert changed
    assert all("lora_" in name or "modules_to_save" in name for name in changed)
    listener.save(tmp_path)
    saved = SmallListener.load(FIGURES, tmp_path)
    learned, loaded = (each.score([wanted.view], [wanted.action]).log_prob for each in (listener, saved))
    torch.testing.assert_close(learned, loaded, atol=LOG_PROB, rtol=0)


def test_the_command_leaves_tables_results_and_curves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(monkeypatch, tmp_path) == 0
    assert "table.md and results.json" in capsys.readouterr().out
    results = json.loads((tmp_path / "results.json").read_text())
    assert list(results["systems"]) == [*CURVES, "CONTROL"]
    assert results["seeds"] == [0, 1]
    assert {"versions", "machine", "config", "evaluation"} <= results.keys()
    curves = [json.loads((tmp_path / f"SUP-{seed}" / "curve.json").read_text()) for seed in (0, 1)]
    for name in ("SUP", CONTROL):
        for round in (0, 1):
            won = [curve["rounds"][round]["systems"][name]["success"]["mean"] for curve in curves]
            assert results["systems"][name]["success"][round]["mean"] == pytest.approx(np.mean(won))
    every = {name: json.loads((tmp_path / f"{name}-0" / "curve.json").read_text()) for name in CURVES}
    assert [name for name, curve in every.items() if CONTROL in curve["rounds"][0]["systems"]] == ["SUP"]
    assert results["systems"]["CONTROL"]["unseen"] == [results["systems"]["SUP"]["unseen"][0]] * 2

    table = (tmp_path / "table.md").read_text()
    rows = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines() if line.startswith("| ")]
    for name in results["systems"]:
        assert [row for row in rows if row.startswith(f"{name}, seed")] == [f"{name}, seed 0", f"{name}, seed 1"]
        assert {name, f"{name}, seen", f"{name}, unseen"} <= set(rows)
    assert "simulated speakers" in table
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.width > 1000


def test_the_command_is_not_run_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(monkeypatch, tmp_path, "--seeds", 1) == 0
    results = (tmp_path / "results.json").read_text()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/curve.json")}
    assert len(before) == len(CURVES)
    assert main(monkeypatch, tmp_path, "--seeds", 1) == 0
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert (tmp_path / "results.json").read_text() == results


def test_ablations_stand_beside_the_learners_and_leave_the_curves_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_low_rank = [system for system in ABLATIONS if system.listener is None]  # it takes its time
    monkeypatch.setattr(learning_curve, "ABLATIONS", tuple(without_low_rank))
    assert main(monkeypatch, tmp_path, "--seeds", 1, "--ablations") == 0
    assert not (tmp_path / "results.json").exists()
    results = json.loads((tmp_path / "ablations.json").read_text())
    assert list(results["systems"]) == [
        "SUP",
        "TURNS",
        *(system.learner.name for system in without_low_rank),
        "CONTROL",
    ]
    first = (tmp_path / "ablations.md").read_text().split("\n\n**")[0]
    for name in results["systems"]:
        assert f"| {name} |" in first
    assert "–" in first
    assert "| – |" not in first  # the fixed games of the last round are there for all


def test_a_job_in_its_own_process_is_the_job(folder: Path, tmp_path: Path) -> None:
    curve = ThisProcess().call(run_job, job("SUP", tmp_path))
    assert {**curve, "cost": None, "digest": None} == {**curve_of("SUP", folder), "cost": None, "digest": None}


def test_the_folder_of_another_job_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"config\.json is of another configuration"):
        run_job(job("SUP", folder, games=7))


def test_a_job_that_fails_ends_the_command_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(monkeypatch, tmp_path, "--seeds", 1) == 0
    assert main(monkeypatch, tmp_path, "--seeds", 1, "--games", 6) == 2
    error = capsys.readouterr().err
    assert "another configuration" in error
    assert error.count("\n") == 1


def test_an_interrupted_command_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(learning_curve, "run_all", interrupted)
    assert main(monkeypatch, tmp_path) == 130
    assert "the same command continues from here" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "0"], "Must be >= 1"),
        (["--jobs", "0"], "Must be >= 1"),
        (["--tangrams", "cubes"], "unknown tangrams 'cubes'"),
        (["--unseen", "dev"], "--unseen dev: allowed is a split that is not part of --split dev"),
        (["--split", "all"], "--unseen test: allowed is a split that is not part of --split all"),
        (["--split", "some"], 'Invalid value "some" for --split'),
        (["--listener", "telepathy"], "unknown listener 'telepathy'"),
        (["--listener", "random"], "listener 'random' cannot learn"),
    ],
)
def test_bad_options_get_one_clear_line_and_write_nothing(
    options: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(monkeypatch, tmp_path / "out", *options) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_system_is_recorded_as_it_learns(folder: Path) -> None:
    for name, system in SYSTEMS.items():
        config = curve_of(name, folder)["record"]["config"]
        assert config["learner"] == system.learner.recorded()


def test_a_run_ends_with_the_command_that_started_it(tmp_path: Path) -> None:
    script = tmp_path / "command.py"
    script.write_text(
        """
import os, sys, time
from pathlib import Path
from multiref_gym.agents.workers import ThisProcess

def job(path):
    Path(path).write_text(str(os.getpid()))
    time.sleep(300)

if __name__ == "__main__":
    ThisProcess().call(job, sys.argv[1])
"""
    )
    said = tmp_path / "pid"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen([sys.executable, str(script), str(said)], env=environment) as command:
        wait_until(lambda: said.exists() and said.read_text() != "")
        os.kill(int(said.read_text()), 0)  # it is there
        command.kill()
    wait_until(lambda: not is_running(int(said.read_text())))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not (status.exists() and "zombie" in status.read_text())


def wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.1)
    pytest.fail("not within a minute")
