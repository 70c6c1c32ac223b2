"""What is done on a Ray cluster is what is done in one process, whatever becomes of its nodes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small_views import FIGURES, VIEWS
from tiny_vlm import configured

from multiref_gym.agents.decoders.dividing import decode_divided
from multiref_gym.agents.evaluation.offline import Answers, ask_divided, logged_turns
from multiref_gym.agents.learning.jobs import run_all
from multiref_gym.agents.learning.learn import Example, Optimisation
from multiref_gym.agents.learning.lesson import Lesson
from multiref_gym.agents.learning.objectives import Sup
from multiref_gym.agents.learning.respect import KTO, OPTIMISATION, RL, Config, Learner, Respect
from multiref_gym.agents.listeners.named import new_listener, new_trainable
from multiref_gym.agents.play import BLOCK, Player, new_games, play_divided
from multiref_gym.agents.workers import Report, ThisProcess, Workers
from multiref_gym.benchmarks.systems import jobs_of, run_system
from multiref_gym.cli import main
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.game import Action
from multiref_gym.interaction import Interaction
from multiref_gym.registry import new_decoder
from multiref_gym.simulators.named import speaker_of
from multiref_gym.store import InteractionStore

pytest.importorskip("ray")
import ray
from ray.cluster_utils import Cluster

from multiref_gym.agents.workers.on_ray import RayWorkers

NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
HEAD = {
    **NODE,
    "num_cpus": 0,
    "include_log_monitor": False,
    "no_monitor": True,
}  # nobody reads logs or wants more nodes
TESTS = Path(__file__).parent
RESPECT = Config(rounds=1, games=6, listener="tiny_listener:ExactListener")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head without CPU cores, and two nodes with one each."""
    cluster = Cluster(initialize_head=True, head_node_args=HEAD)
    for _ in range(2):
        cluster.add_node(**NODE)
    yield cluster
    cluster.shutdown()


@pytest.fixture(scope="module")
def workers(cluster: Cluster) -> Iterator[RayWorkers]:
    with RayWorkers(cluster.address) as workers:
        yield workers


def command(*arguments: object) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
    words = [sys.executable, "-m", "multiref_gym.cli", *map(str, arguments)]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def player(listener: str, **given: Any) -> Callable[[], Player]:
    """Returns what makes a player of games with one seed."""
    start = partial(
        new_games, FIGURES, make_speaker=speaker_of("scripted", FIGURES), seed=np.random.SeedSequence(5), name="game"
    )
    return partial(Player, start, partial(new_listener, listener, FIGURES, **given), listener)


def played(workers: Workers, games: int, listener: str = "small", block: int | None = None) -> list[Interaction]:
    return play_divided(workers, player(listener), range(games), block)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("127.0.0.1:9", "--ray 127.0.0.1:9: no cluster there"),
        ("nonsense", "--ray nonsense: no cluster there"),
        ("localhost:many", "--ray localhost:many: no cluster there"),
        ("ray://127.0.0.1:10001", "--ray ray://127.0.0.1:10001: allowed is host:port of a cluster"),
    ],
)
def test_where_no_cluster_is_there_is_one_line(
    address: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    for options in (f"simulate --games 2 --out {out}", f"respect --rounds 1 --games 2 --out {out}"):
        assert main([*options.split(), "--ray", address]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith(f"multiref: error: {told}")
    assert not out.exists()


def in_parts(workers: RayWorkers, parts: int | None) -> RayWorkers:
    workers._parts = parts  # there can be one connection of a process, and starting takes its time
    return workers


@pytest.fixture(scope="module")
def alone() -> list[Interaction]:
    return played(ThisProcess(), 40)


@pytest.mark.parametrize("parts", [1, 3, 30])
def test_the_games_are_those_of_one_process_in_any_number_of_parts(
    workers: RayWorkers, parts: int, alone: list[Interaction]
) -> None:
    assert played(in_parts(workers, parts), 40) == alone
    assert len({turn.log_prob for game in alone for turn in game.turns}) > 40


@pytest.mark.parametrize(("listener", "games"), [("oracle", 20), ("tiny_listener:TinyListener", BLOCK + 9)])
def test_other_listeners_play_the_same_games_too(workers: RayWorkers, listener: str, games: int) -> None:
    told: list[int] = []
    block = None if listener == "oracle" else BLOCK
    divided = play_divided(in_parts(workers, 2), player(listener), range(games), block, told.append)
    assert [game.game_id for game in divided] == [f"game-{number:04d}" for number in range(games)]
    assert divided == played(ThisProcess(), games, listener)
    assert told[-1] == games
    assert told == sorted(told)


def test_feedback_and_answers_are_those_of_one_process(workers: RayWorkers, alone: list[Interaction]) -> None:
    make = partial(new_decoder, "learned", ternary=True)
    exchanges = [game.exchanges() for game in alone]
    here = list(decode_divided(ThisProcess(), make, exchanges))
    assert list(decode_divided(workers, make, iter(exchanges))) == here
    turns = logged_turns([LoggedGame(game) for game in alone], make())
    load = partial(new_listener, "small", FIGURES)

    def asked(workers: Workers) -> Answers:
        answers = ask_divided(workers, load, turns, 3, 8, lambda turns: None)
        return replace(answers, log_probs=answers.log_probs, seconds=[])

    one, divided = asked(ThisProcess()), asked(in_parts(workers, 5))
    assert (divided.actions, divided.legal) == (one.actions, one.legal)
    np.testing.assert_array_equal(divided.log_probs, one.log_probs)


@pytest.mark.parametrize("learner", [RL, KTO])
def test_a_run_is_that_of_one_process(workers: RayWorkers, tmp_path: Path, learner: Learner) -> None:
    steps: list[str] = []

    def run(out: Path, workers: Workers) -> Any:
        report = lambda step, done, total: steps.append(f"{step} {done}/{total}")  # noqa: E731
        respect = Respect(RESPECT, learner, out, report, workers=workers)
        with respect.store as store:
            measures = list(respect.rounds())
            weights = [load_file(out / f"round-{round}" / "model.safetensors") for round in (0, 1)]
            return measures, store.interactions(), [{n: w.tolist() for n, w in of.items()} for of in weights]

    alone = run(tmp_path / "alone", ThisProcess())
    reported = sorted(set(steps))
    steps.clear()
    assert run(tmp_path / "divided", in_parts(workers, 3)) == alone
    assert {step for step in steps if "learn" in step} == {step for step in reported if "learn" in step}
    assert f"round 1: deploy {learner.name} 6/6" in steps
    assert not list((tmp_path / "divided").glob("*.state"))


class Failing:
    """Work that fails in some way."""

    def __init__(self, how: str) -> None:
        self._how = how

    def __call__(self, part: int, report: Report) -> int:
        if self._how == "dies":
            os._exit(1)
        if self._how == "refuses":
            raise UserError(f"part {part} is bad")
        raise RuntimeError("a defect")


@pytest.mark.parametrize(
    ("how", "error", "told"),
    [
        ("refuses", UserError, "on a worker: part 0 is bad"),
        ("dies", UserError, "part 1 killed 2 workers"),
        ("defect", RuntimeError, "a defect"),
    ],
)
def test_work_that_fails_says_why(
    workers: RayWorkers, how: str, error: type[Exception], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("multiref_gym.agents.workers.on_ray.TRIES", 2)
    with pytest.raises(error, match=told):
        list(workers.run(partial(Failing, how), range(1)))
    assert list(workers.run(lambda: lambda part, tell: part + 1, range(3))) == [1, 2, 3]  # the workers go on


def test_reports_that_are_lost_are_said_in_one_line(cluster: Cluster, workers: RayWorkers) -> None:
    with RayWorkers(cluster.address) as others:  # by the connection of `workers`
        ray.kill(others._reports.actor)  # as Ray does if the machine lacks memory
        with pytest.raises(UserError, match="the actor that collects the workers' reports"):
            list(others.run(lambda: lambda part, tell: part, range(3)))


def test_what_workers_cannot_load_is_said_in_one_line(workers: RayWorkers, tmp_path: Path) -> None:
    module = tmp_path / "only_here.py"
    module.write_text("class Work:\n    def __call__(self, part, tell):\n        return part\n")
    sys.path.insert(0, str(tmp_path))
    try:
        from only_here import Work
    finally:
        sys.path.remove(str(tmp_path))
    with pytest.raises(UserError, match="on a worker: No module named 'only_here'; it must be"):
        list(workers.run(Work, range(1)))
    with pytest.raises(UserError, match="on a worker: unknown listener 'nowhere:Listener': No module named 'nowhere'"):
        play_divided(workers, player("nowhere:Listener"), range(2), None)
    with pytest.raises(UserError, match="on a worker: no checkpoint of a small listener in"):
        play_divided(workers, player("small", model=tmp_path), range(2), None)


def test_a_node_is_lost_in_the_middle_of_a_round(
    cluster: Cluster, workers: RayWorkers, alone: list[Interaction]
) -> None:
    played(in_parts(workers, 2), 4)  # so that there is a worker on each node
    lost: list[int] = []

    def on_turn(over: int) -> None:
        if not lost:
            lost.append(over)
            cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)

    assert play_divided(in_parts(workers, 4), player("small"), range(40), None, on_turn) == alone
    assert lost
    cluster.add_node(**NODE)
    cluster.wait_for_nodes()


def test_the_command_is_killed_and_goes_on(cluster: Cluster, workers: RayWorkers, tmp_path: Path) -> None:
    workers.release()
    options = ["respect", "--listener", "tiny_listener:ExactListener", "--rounds", "1", "--games", "6", "--out"]
    there = tmp_path / "there"
    process = command(*options, there, "--ray", cluster.address)
    try:
        while process.poll() is None and not (there / "round-0").exists():
            time.sleep(0.05)
    finally:
        process.kill()
        said = process.communicate()[1]
    assert (process.returncode, said) == (-signal.SIGKILL, "")
    assert not (there / "results.json").exists()
    assert main([*options, str(there), "--ray", cluster.address]) == 0
    assert main([*options, str(tmp_path / "here")]) == 0
    one, two = (json.loads((tmp_path / out / "results.json").read_text())["rounds"] for out in ("here", "there"))
    assert one == two


class Slow:
    """Work that takes longer than anybody waits."""

    def __call__(self, part: int, report: Report) -> None:
        report(part)
        time.sleep(600)


def test_an_interruption_is_one(workers: RayWorkers) -> None:
    class Ended(BaseException):
        pass

    def end(number: int, frame: object) -> None:
        raise Ended

    before = signal.signal(signal.SIGTERM, end)
    kill = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM))
    try:
        with pytest.raises(Ended):
            list(workers.run(Slow, range(1), lambda part, what: None if kill.ident else kill.start()))
    finally:
        kill.join()
        signal.signal(signal.SIGTERM, before)
    assert list(workers.run(lambda: lambda part, tell: part, range(2))) == [0, 1]  # nobody is kept from working


def test_learners_together_learn_what_one_learns(
    workers: RayWorkers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = configured(tmp_path, dropout=0.0, dtype="float32")
    views = [replace(view, game_id=str(number)) for number, view in enumerate(VIEWS * 2)]
    examples = [Example(view, Action.clicking([3], view.selected), Feedback.POSITIVE, -1.0) for view in views]
    optimisation = Optimisation(epochs=2, batch=4)
    lesson = Lesson(new_trainable("vlm", FIGURES), base, base, examples, Sup(), optimisation, 0)
    monkeypatch.setattr(workers, "_learners", 2)
    steps: list[tuple[int, int]] = []
    for who, out in ((ThisProcess(), "alone"), (workers, "together")):
        learned = who.learn(lesson, lambda *step: steps.append(step), tmp_path / f"{out}.state")
        assert len(learned.curve) == optimisation.epochs
        learned.save(tmp_path / out)
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)] * 2
    assert (tmp_path / "alone.state").exists()
    assert (tmp_path / "together.state").exists()
    one, two = (load_file(tmp_path / out / "adapter_model.safetensors") for out in ("alone", "together"))
    assert any(weights.any() for weights in one.values())
    # Adam makes much of a gradient that is all rounding (`rounding.py`): for a few weights a step of another sign.
    apart = torch.cat([(two[name] - weights).abs().flatten() for name, weights in one.items()])
    assert (apart > 1e-5).float().mean() < 0.01
    assert apart.max() < 2 * len(steps) * optimisation.learning_rate


def test_whole_runs_are_side_by_side(workers: RayWorkers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workers.release()
    monkeypatch.setattr(ThisProcess, "call", lambda self, run, *arguments: run(*arguments))
    config = Config(rounds=1, games=3, listener="tiny_listener:ExactListener")
    curves = []
    for who, out in ((workers, tmp_path / "there"), (ThisProcess(), tmp_path / "here")):
        out.mkdir()
        jobs = jobs_of(config, OPTIMISATION, 1, out)[:2]
        with Screen() as screen:
            curves.append(run_all(run_system, jobs, 1, screen, lambda curve: "done", who))
    for there, here in zip(*curves, strict=True):
        assert there["rounds"] == here["rounds"]
        assert there["cost"]["peak_memory_gb"] > 0


def test_ranges_of_games_join_to_the_file_of_one_command(tmp_path: Path) -> None:
    # That a cluster of this machine alone plays the same file, `docs/how-to/ray.md` shows.
    for numbers in ("30", "0:13", "13:30"):
        out = str(tmp_path / f"{numbers}.jsonl")
        assert main(["simulate", "--seed", "2", "--games", numbers, "--out", out]) == 0
    whole = (tmp_path / "30.jsonl").read_text()
    parts = [tmp_path / f"{numbers}.jsonl" for numbers in ("0:13", "13:30")]
    assert "".join(part.read_text() for part in parts) == whole
    joined = [word for part in parts for word in ("--games", str(part))]
    assert main(["import", "--store", str(tmp_path / "games.db"), "--system", "S", *joined]) == 0
    with InteractionStore(tmp_path / "games.db", create=False) as store:
        assert len(store.interactions("S", 0)) == 30


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--gpus 1", "no room for 1 at once, each with 1 CPU and 1 GPU: the machines of the cluster have"),
        ("--memory 1e6", "no room for 1 at once, each with 1 CPU and 1e+15 memory: the machines"),
        ("--learners 3", "no room for 3 at once, each with 1 CPU: the machines of the cluster have"),
        ("--listener api --model m", "--ray does not help api: it waits for its endpoint"),
        ("--cpus 2", "no room for 1 at once, each with 2 CPU: the machines of the cluster have"),
        ("--cpus 0", "Must be > 0"),
    ],
)
def test_what_the_cluster_cannot_give_is_one_line(
    cluster: Cluster,
    workers: RayWorkers,
    tmp_path: Path,
    options: str,
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = f"respect {options} --ray {cluster.address} --games 2 --out {tmp_path}/out".split()
    assert main(words) == 2  # with the connection of the workers
    [line] = capsys.readouterr().err.splitlines()
    assert told in line
    assert not (tmp_path / "out").exists()
