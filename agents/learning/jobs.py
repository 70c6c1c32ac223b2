"""Runs jobs side by side, each in a process of its own, and shows how far they are."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from typing import Any, TypeVar

from multiref_gym.agents.learning.respect import Config
from multiref_gym.commands.process import prepare_process
from multiref_gym.commands.screen import Screen


@dataclass(frozen=True, slots=True)
class Job:
    """A run of RESPECT and what is measured after it.

    Attributes:
        config: What is run.
        folder: The run's folder.
    """

    config: Config
    folder: Path


AnyJob = TypeVar("AnyJob", bound=Job)
Curve = dict[str, Any]


def run_all(
    run: Callable[[AnyJob], Curve],
    jobs: Sequence[AnyJob],
    workers: int,
    screen: Screen,
    told: Callable[[Curve], str],
) -> list[Curve]:
    """Runs the jobs, so many at a time and each in a process of its own, and returns their curves in order.

    Args:
        run: Runs a job; a function of a module, as its name goes to the process.
        jobs: The jobs.
        workers: How many run at a time.
        screen: Where progress is shown, and each job that is done.
        told: Returns what is said of a job that is done, from its curve.

    Raises:
        UserError: The first of a job; the others are ended then, and go on when they are run again.
    """
    rounds = sum(job.config.rounds + 1 for job in jobs)

    def done(future: Future[Curve]) -> None:
        if not future.cancelled() and not future.exception():
            screen.say(f"{futures[future].folder.name}: {told(future.result())}")

    with ThreadPoolExecutor(workers) as threads:
        futures = {threads.submit(in_own_process, run, job): job for job in jobs}
        for future in futures:
            future.add_done_callback(done)
        try:
            running = set(futures)
            while running:
                finished, running = wait(running, timeout=1, return_when=FIRST_EXCEPTION)
                for future in finished:
                    future.result()
                learned = sum(len(list(job.folder.glob("round-*[0-9]"))) for job in jobs)
                screen.report("rounds", learned, rounds)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            for process in active_children():
                process.terminate()
            raise
    return [future.result() for future in futures]


def in_own_process(run: Callable[[AnyJob], Curve], job: AnyJob) -> Curve:
    """Runs a job in a new process, as its peak of memory is that of a process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_prepare_process) as pool:
        return pool.submit(run, job).result()


def _prepare_process() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one hears it too, and ends this one
    prepare_process()


def _end_with_parent() -> None:
    """Ends this process when the one that started it is gone: a run that nobody waits for must not go on writing."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def peak_memory_gb() -> float:
    """Returns the most memory that this process has held, in GB (1e9 bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
