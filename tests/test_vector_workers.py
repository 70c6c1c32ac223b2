"""Games divided over processes: the same as in one process, and processes that end."""

from __future__ import annotations

import copy
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing import active_children
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from failing_speaker import TwofoldError
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import data_equivalence
from vector_games import assert_same_infos, make, random_clicks

from multiref_gym.errors import UserError
from multiref_gym.game import Context, Game, GameOver
from multiref_gym.tangrams import load_tangrams
from multiref_gym.vector_env import MultiRefVectorEnv

NOTHING = np.zeros((5, 10), np.int8)
RESETS: tuple[dict[str, Any], ...] = (
    {"seed": 3},
    {"options": {"reset_mask": np.array([True, False, True, True, False])}},
    {"seed": [None, 4, 5, None, 6], "options": {"reset_mask": np.array([False, True, True, False, True])}},
)


def assert_same(said: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    assert data_equivalence(said[:-1], expected[:-1], exact=True)
    assert_same_infos(said[-1], expected[-1])


def clicking(game: int, letter: str) -> np.ndarray:
    clicks = NOTHING.copy()
    clicks[game, ord(letter) - ord("A")] = 1
    return clicks


@pytest.mark.parametrize(
    ("steps", "workers", "options"),
    [
        (50, 2, {"autoreset_mode": "SameStep", "utterance_bytes": 48, "reward": "progress"}),
        (20, 3, {"autoreset_mode": "NextStep", "image": "tangrams", "image_size": 16}),
        (8, 2, {"autoreset_mode": "SameStep", "image": "board"}),
    ],
)
def test_says_what_one_process_says(steps: int, workers: int, options: dict[str, Any]) -> None:
    options |= {"max_turns": 6, "targets": (1, 2)}
    alone, envs = make(5, **options), make(5, workers=workers, **options)
    rng = np.random.default_rng(0)
    for arguments in RESETS:
        said, expected = [envs.reset(**arguments)], [alone.reset(**arguments)]
        for _ in range(steps):
            clicks = random_clicks(rng, 5, 10)
            said.append(envs.step(clicks))
            expected.append(alone.step(clicks))
        # Compared at the end: what has been returned stays as it was.
        for one, other in zip(said, expected, strict=True):
            assert_same(one, other)
            assert one[0] in envs.observation_space
    envs.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[MultiRefVectorEnv]:
    envs = make(5, workers=2, autoreset_mode="Disabled", speaker="failing_speaker:FailingSpeaker", max_turns=3)
    yield envs
    envs.close()


@pytest.fixture
def envs(shared: MultiRefVectorEnv) -> MultiRefVectorEnv:
    """Five games, of which this process plays the first two; a click on A to D brings about an error."""
    shared.reset(seed=0)
    return shared


def test_a_game_that_has_ended_takes_no_step_where_nothing_resets_it(envs: MultiRefVectorEnv) -> None:
    for _ in range(2):
        envs.step(NOTHING)
    observations, _ = envs.reset(options={"reset_mask": np.array([True, False, False, True, False])})
    assert observations["turn"].tolist() == [0, 2, 2, 0, 2]
    assert envs.step(NOTHING)[2].tolist() == [False, True, True, False, True]
    with pytest.raises(GameOver, match=r"games \[1, 2, 4\] have ended"):
        envs.step(NOTHING)
    observations, _ = envs.reset(options={"reset_mask": np.array([False, True, True, False, True])})
    assert observations["turn"].tolist() == [1, 0, 0, 1, 0]


def test_plays_a_given_game(envs: MultiRefVectorEnv) -> None:
    ids = load_tangrams("figures").ids[:10]
    observations, _ = envs.reset(options={"game": Game(Context(ids, ids, frozenset(ids[4:5])), max_turns=2)})
    assert observations["utterance"] == ("pick E",) * 5
    _, rewards, terminated, _, infos = envs.step(clicking(4, "E"))
    assert (rewards.tolist(), terminated.tolist()) == ([0.0] * 4 + [1.0], [False] * 4 + [True])
    assert infos["clicks"].tolist() == [[""]] * 4 + [["select E"]]


def test_refuses_bad_input_before_any_turn(envs: MultiRefVectorEnv) -> None:
    with pytest.raises(ValueError, match="allowed are zeros and ones"):
        envs.step(NOTHING + 2)
    with pytest.raises(ValueError, match=r"allowed is \{'game'"):
        envs.reset(options={"context": 1})
    assert envs.step(NOTHING)[0]["turn"].tolist() == [1] * 5


@pytest.mark.parametrize(
    ("game", "letter", "kind", "message"),
    [
        (0, "A", LookupError, "no voice"),
        (4, "A", LookupError, "no voice"),
        (0, "B", TwofoldError, "one and two"),
        (4, "B", RuntimeError, "TwofoldError: one and two"),
        (0, "C", KeyboardInterrupt, ""),
    ],
)
def test_no_game_goes_on_after_an_error_of_a_speaker(
    game: int, letter: str, kind: type[BaseException], message: str, envs: MultiRefVectorEnv
) -> None:
    with pytest.raises(kind) as error:
        envs.step(clicking(game, letter))
    assert str(error.value) == message
    with pytest.raises(ResetNeeded):
        envs.step(NOTHING)
    alone = make(5, speaker="terse_speaker:TerseSpeaker", autoreset_mode="Disabled", max_turns=3)
    assert_same(envs.reset(seed=1), alone.reset(seed=1))
    assert_same(envs.step(NOTHING), alone.step(NOTHING))


def test_tells_where_in_another_process_an_error_was(envs: MultiRefVectorEnv) -> None:
    with pytest.raises(LookupError) as error:
        envs.step(clicking(4, "A"))
    assert "in no_voice" in error.value.__notes__[0]


def test_games_in_other_processes_are_not_copied(envs: MultiRefVectorEnv) -> None:
    for copied in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="workers=1"):
            copied(envs)


def test_an_interrupt_of_the_keyboard_is_left_to_the_main_process_and_another_end_is_told() -> None:
    before = set(active_children())
    envs = make(5, workers=2, speaker="failing_speaker:FailingSpeaker")
    [process] = set(active_children()) - before
    envs.reset(seed=0)
    os.kill(process.pid, signal.SIGINT)
    envs.step(NOTHING)
    for call in (lambda: envs.step(clicking(4, "D")), envs.reset):
        with pytest.raises(RuntimeError, match=r"played games 2 to 4 has ended \(exit code 3\)"):
            call()
    envs.close()


def test_processes_end_with_the_environment() -> None:
    before = set(active_children())
    closed, forgotten = make(2, workers=2), make(2, workers=2)
    processes = set(active_children()) - before
    assert len(processes) == 2
    closed.close()
    closed.close()
    del forgotten
    assert not any(process.is_alive() for process in processes)


SCRIPT = """
import os, signal, sys
import gymnasium as gym
import multiref_gym

if __name__ == "__main__":
    envs = gym.make_vec("MultiRef-v0", 2, image=None, workers=2)
    envs.reset(seed=0)
    if sys.argv[1] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("end", ["done", "killed"])
def test_processes_end_with_the_one_that_made_them(end: str, tmp_path: Path) -> None:
    script = tmp_path / "play.py"
    script.write_text(SCRIPT)
    # The other process writes to the same pipe, so that it is waited for.
    done = subprocess.run([sys.executable, script, end], capture_output=True, text=True, timeout=60)
    assert done.returncode == (0 if end == "done" else -signal.SIGKILL)
    assert done.stderr == ""


def test_an_error_on_the_way_to_another_process_is_told() -> None:
    before = set(active_children())
    with pytest.raises(LookupError, match="far from home"):
        make(2, workers=2, speaker="failing_speaker:HomelySpeaker")
    assert set(active_children()) == before


def test_refuses_options_that_cannot_go_to_another_process() -> None:
    with pytest.raises(UserError, match=r"^speaker=.*: allowed with workers=2 is what can be pickled"):
        make(2, workers=2, speaker=lambda tangrams: None)
