"""Runs jobs side by side, each in a process of its own, and shows how far they are."""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from multiref_gym.agents.learning.respect import Config, Respect
from multiref_gym.agents.learning.run_folder import known
from multiref_gym.checking import read_json
from multiref_gym.commands.process import prepare_process
from multiref_gym.commands.screen import Screen
from multiref_gym.digests import with_digest
from multiref_gym.files import write_json


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
Measures = dict[str, Any]


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

    with side_by_side(workers) as threads:
        futures = {threads.submit(in_own_process, run, job): job for job in jobs}
        for future in futures:
            future.add_done_callback(done)
        running = set(futures)
        while running:
            finished, running = wait(running, timeout=1, return_when=FIRST_EXCEPTION)
            for future in finished:
                future.result()
            learned = sum(len(list(job.folder.glob("round-*[0-9]"))) for job in jobs)
            screen.report("rounds", learned, rounds)
    return [future.result() for future in futures]


@contextmanager
def side_by_side(workers: int) -> Iterator[Executor]:
    """Yields threads that each wait for a process; after an error or an interruption all processes are ended."""
    with ThreadPoolExecutor(workers) as threads:
        try:
            yield threads
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            for process in active_children():
                process.terminate()
            raise


def in_own_process(run: Callable[..., Curve], *job: Any) -> Curve:
    """Runs a job in a new process, as its peak of memory is that of a process."""
    # One pool for all, whose processes take a job each, would go on with a job that it has handed out already.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_prepare_process) as pool:
        return pool.submit(run, *job).result()


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


def run_curve(
    job: Job,
    make: Callable[[], Respect],
    told: Callable[[Respect, list[Measures]], list[Measures]],
    **what: Any,
) -> Curve:
    """Runs what of a job is not done yet, and writes `curve.json` and returns what it holds.

    Args:
        job: The job.
        make: Returns the run of RESPECT in the job's folder.
        told: Returns what is kept of each round, from the run and what `Respect.rounds` returns.
        **what: Beside configuration and folder, what decides the outcome.

    Returns:
        What was run (`system`, `seed`, `record` and `what`), what it took (`cost`), and what is kept of all `rounds`.

    Raises:
        UserError: If the job cannot be run, or its folder is of another one.
    """
    resumed = (job.folder / "config.json").exists()
    respect = make()
    path = job.folder / "curve.json"
    what = {"system": respect.learner.name, "seed": job.config.seed, "record": respect.record, **what}
    with respect.store:
        if (there := known(path, what)) is not None:
            return there
        rounds, cost = _run_timed(respect, resumed)
        curve = with_digest({**what, "cost": cost, "rounds": told(respect, rounds)})
        write_json(path, curve, indent=None)
    return read_json(Curve, path)  # with lists for tuples, as it is for who resumes


def _run_timed(respect: Respect, resumed: bool) -> tuple[list[Measures], dict[str, float | None]]:
    """Returns the measures of all rounds, and what they took if they were run in one go.

    The cost is written at once, as an evaluation that is interrupted must not lose it.
    """
    start = perf_counter()
    rounds = list(respect.rounds())
    path, of = respect.out / "cost.json", {"rounds": len(rounds)}
    if (cost := known(path, of)) is None:
        taken = {"seconds": perf_counter() - start, "peak_memory_gb": peak_memory_gb()}
        cost = of | (dict.fromkeys(taken) if resumed else taken)
        write_json(path, cost)
    return rounds, {part: value for part, value in cost.items() if part not in of}


def peak_memory_gb() -> float:
    """Returns the most memory that this process has held, in GB (1e9 bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
