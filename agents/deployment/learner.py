"""Learns the next policy in a separate process while people play, and tests it in fixed games."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np

from multiref_gym.agents.learning.respect import Config, Learner, Respect
from multiref_gym.agents.play import play
from multiref_gym.checking import read_json
from multiref_gym.commands.process import prepare_process
from multiref_gym.errors import UserError
from multiref_gym.files import write_json

NICENESS = 19
"""The niceness of the process, so that people who play do not wait for it."""

CLEARLY_WORSE = 1.96
"""Standard errors of the paired difference: a good policy is refused by chance once in forty times."""


@dataclass(frozen=True)
class Lesson:
    """The task of a learning process.

    Attributes:
        config: The configuration of the run.
        learner: How it learns.
        out: The folder of the run.
        round: The round that the policy is for; it learns from all earlier rounds.
        current: The round whose policy plays now, to compare with the new one.
        gate: The number of fixed games of the comparison; 0 accepts everything.
    """

    config: Config
    learner: Learner
    out: Path
    round: int
    current: int
    gate: int


def policy_folder(out: Path, round: int) -> Path:
    """Returns the folder of a round's policy."""
    return out / f"round-{round}"


def measures(out: Path, round: int) -> dict[str, Any]:
    """Returns the measures of a decoded round, as in `Respect.measured`.

    Raises:
        UserError: If there are none.
    """
    return read_json(dict[str, Any], _measures(out, round))


def is_measured(out: Path, round: int) -> bool:
    """Whether a round has been decoded and measured."""
    return _measures(out, round).exists()


def _measures(out: Path, round: int) -> Path:
    return out / f"measures-{round}.json"


def gate_of(out: Path, round: int) -> dict[str, Any] | None:
    """Returns the result of a policy's test in fixed games, None if there is none yet."""
    path = out / f"gate-{round}.json"
    return read_json(dict[str, Any], path) if path.exists() else None


def start(lesson: Lesson) -> SpawnProcess:
    """Starts to learn. The process ends with 0 on success, and with 2 and a line on stderr on failure."""
    process = multiprocessing.get_context("spawn").Process(target=_learn, args=(lesson,), daemon=True)
    process.start()
    return process


def end_with_parent(end: Callable[[], None]) -> None:
    """Makes a child process end when its parent ends in any way."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "this process was started by another one"

    def watch() -> None:
        parent.join()
        end()

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _learn(lesson: Lesson) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):  # they may be meant for the whole process group
        signal.signal(each, signal.SIG_IGN)
    end_with_parent(lambda: os._exit(1))  # files are complete or missing
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    prepare_process()
    try:
        learn(lesson)
    except UserError as error:
        sys.stderr.write(f"multiref: the next policy was not learned: {error}\n")
        sys.exit(2)


def learn(lesson: Lesson) -> None:
    """Decodes and measures the earlier rounds, learns the policy, and tests it; finished steps are skipped.

    Raises:
        UserError: As in `Respect`.
    """
    respect = Respect(lesson.config, lesson.learner, lesson.out, to_people=True)
    with respect.store:
        for round in range(lesson.round):
            respect.decode(lesson.learner.name, round)
            if not _measures(lesson.out, round).exists():
                write_json(_measures(lesson.out, round), respect.measured(round))
        if lesson.round > lesson.config.rounds:  # there is nothing more to learn
            return
        policy = respect.policy(lesson.round)
        if lesson.gate and gate_of(lesson.out, lesson.round) is None:
            won = [
                np.array([game.success for game in play(each, respect.fixed_games(lesson.gate))], float)
                for each in (policy, respect.policy(lesson.current))
            ]
            write_json(lesson.out / f"gate-{lesson.round}.json", compared(*won))


def compared(new: np.ndarray, current: np.ndarray) -> dict[str, Any]:
    """Compares two policies in the same games, float64 (games,) of 0 and 1; returns whether the new one passes."""
    difference = new - current
    error = float(difference.std() / np.sqrt(len(difference)))
    passed = bool(difference.mean() + CLEARLY_WORSE * error >= 0)
    return {
        "games": len(new),
        "new": float(new.mean()),
        "current": float(current.mean()),
        "standard_error": error,
        "passed": passed,
    }
