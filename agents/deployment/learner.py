"""Learns the next policy in a process of its own, while people play, and tries it in fixed games."""

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
"""So that people who play do not wait for what is learned beside them."""

CLEARLY_WORSE = 1.96
"""Standard errors of the paired difference, so that one good policy in forty is refused by chance."""


@dataclass(frozen=True)
class Lesson:
    """What is to be learned.

    Attributes:
        config: Of the run.
        learner: How it learns.
        out: The folder of the run.
        round: Before which round the policy is learned: from all those before.
        current: The round whose policy plays now, which the new one is compared with.
        gate: In how many fixed games; 0 if everything is let through.
    """

    config: Config
    learner: Learner
    out: Path
    round: int
    current: int
    gate: int


def policy_folder(out: Path, round: int) -> Path:
    """Returns where the policy of a round is."""
    return out / f"round-{round}"


def measures(out: Path, round: int) -> dict[str, Any]:
    """Returns the measures of a round that has been decoded, as `Respect.measured` says.

    Raises:
        UserError: If they are not there.
    """
    return read_json(dict[str, Any], _measures(out, round))


def is_measured(out: Path, round: int) -> bool:
    """Whether a round has been decoded and measured."""
    return _measures(out, round).exists()


def _measures(out: Path, round: int) -> Path:
    return out / f"measures-{round}.json"


def gate_of(out: Path, round: int) -> dict[str, Any] | None:
    """Returns what came of trying the policy of a round in fixed games, None if that has not been done."""
    path = out / f"gate-{round}.json"
    return read_json(dict[str, Any], path) if path.exists() else None


def start(lesson: Lesson) -> SpawnProcess:
    """Starts to learn. The process ends with 0 when all is there, and with 2 and a line on stderr if it cannot be."""
    process = multiprocessing.get_context("spawn").Process(target=_learn, args=(lesson,), daemon=True)
    process.start()
    return process


def end_with_parent(end: Callable[[], None]) -> None:
    """Has a process that was started by another one end when that one ends, however it ends."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "this process was started by another one"

    def watch() -> None:
        parent.join()
        end()

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _learn(lesson: Lesson) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):  # which may be meant for the whole group of processes
        signal.signal(each, signal.SIG_IGN)
    end_with_parent(lambda: os._exit(1))  # what is written is there as a whole or not at all
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    prepare_process()
    try:
        learn(lesson)
    except UserError as error:
        sys.stderr.write(f"multiref: the next policy was not learned: {error}\n")
        sys.exit(2)


def learn(lesson: Lesson) -> None:
    """Decodes and measures the rounds before, learns the policy, and tries it; what is there is not done again.

    Raises:
        UserError: As `Respect` does.
    """
    respect = Respect(lesson.config, lesson.learner, lesson.out, to_people=True)
    with respect.store:
        for round in range(lesson.round):
            respect.decode(lesson.learner.name, round)
            if not _measures(lesson.out, round).exists():
                write_json(_measures(lesson.out, round), respect.measured(round))
        if lesson.round > lesson.config.rounds:  # all that there was to learn
            return
        policy = respect.policy(lesson.round)
        if lesson.gate and gate_of(lesson.out, lesson.round) is None:
            won = [
                np.array([game.success for game in play(each, respect.fixed_games(lesson.gate))], float)
                for each in (policy, respect.policy(lesson.current))
            ]
            write_json(lesson.out / f"gate-{lesson.round}.json", compared(*won))


def compared(new: np.ndarray, current: np.ndarray) -> dict[str, Any]:
    """Returns how two policies did in the same games, float64 (games,) of 0 and 1, and whether the new one passes."""
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
