"""Runs jobs side by side, each in its own process, and shows their progress."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from platform import node
from time import perf_counter
from typing import Any, TypeVar

from multiref_gym.agents.learning.respect import Config, Respect
from multiref_gym.agents.learning.run_folder import finished_results
from multiref_gym.agents.workers import Workers
from multiref_gym.checking import read_json
from multiref_gym.commands.screen import Screen
from multiref_gym.digests import with_digest
from multiref_gym.errors import UserError
from multiref_gym.files import write_json


@dataclass(frozen=True, slots=True)
class Job:
    """A run of RESPECT, and measurements after it.

    Attributes:
        config: The settings of the run.
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
    at_once: int,
    screen: Screen,
    message: Callable[[Curve], str],
    workers: Workers,
) -> list[Curve]:
    """Runs the jobs side by side, each in its own process, and returns their curves in order.

    Args:
        run: Runs a job; a module-level function, because its name is sent to the process.
        jobs: The jobs.
        at_once: The number of jobs that run at a time on this machine.
        screen: Shows progress, and each finished job.
        message: Returns the message about a finished job, from its curve.
        workers: Run the jobs, as many at a time as there is room for, in folders that all machines share.

    Raises:
        UserError: The first error of a job; the other jobs are stopped, and continue when they are run again.
    """
    rounds = sum(job.config.rounds + 1 for job in jobs)

    def done(future: Future[Curve]) -> None:
        if not future.cancelled() and not future.exception():
            screen.say(f"{futures[future].folder.name}: {message(future.result())}")

    with side_by_side(min(len(jobs), workers.room or at_once), workers) as threads:
        futures: dict[Future[Curve], AnyJob] = {}
        for job in jobs:
            there = replace(job, folder=job.folder.absolute())
            futures[threads.submit(workers.call, _where_it_is, run, there, _seen(there.folder.parent))] = job
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
def side_by_side(at_once: int, workers: Workers) -> Iterator[Executor]:
    """Yields threads that each wait for a call of a worker; after an error or an interruption all calls are stopped."""
    with ThreadPoolExecutor(at_once) as threads:
        try:
            yield threads
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            workers.close()
            raise


def _where_it_is(run: Callable[[AnyJob], Curve], job: AnyJob, seen: list[tuple[str, int]]) -> Curve:
    """Runs a job, if this machine shares the disk of its folder with the first machine.

    Raises:
        UserError: If it does not.
    """
    place = job.folder.parent
    if not place.is_dir() or _seen(place) != seen:
        raise UserError(f"{place} is another folder on {node()}: --out must be on a disk that all machines share")
    return run(job)


def _seen(folder: Path) -> list[tuple[str, int]]:
    """Returns a mark that distinguishes a folder from others of the same path: the time when its claim was written."""
    return [(path.name, path.stat().st_mtime_ns) for path in folder.glob("config.json")]


def run_curve(
    job: Job,
    make: Callable[[], Respect],
    kept: Callable[[Respect, list[Measures]], list[Measures]],
    **what: Any,
) -> Curve:
    """Runs the missing steps of a job, writes `curve.json` and returns its content.

    Args:
        job: The job.
        make: Returns the run of RESPECT in the job's folder.
        kept: Returns the data of each round to keep, from the run and the result of `Respect.rounds`.
        **what: Everything that decides the outcome, besides configuration and folder.

    Returns:
        The run's settings (`system`, `seed`, `record` and `what`), its `cost`, and the kept data of all `rounds`.

    Raises:
        UserError: If the job cannot be run, or its folder belongs to another job.
    """
    resumed = (job.folder / "config.json").exists()
    respect = make()
    path = job.folder / "curve.json"
    what = {"system": respect.learner.name, "seed": job.config.seed, "record": respect.record, **what}
    with respect.store:
        if (there := finished_results(path, what)) is not None:
            return there
        rounds, cost = _run_timed(respect, resumed)
        curve = with_digest({**what, "cost": cost, "rounds": kept(respect, rounds)})
        write_json(path, curve, indent=None)
    return read_json(Curve, path)  # with lists for tuples, as a resumed job reads it


def _run_timed(respect: Respect, resumed: bool) -> tuple[list[Measures], dict[str, float | None]]:
    """Returns the measures of all rounds, and their cost if they were run without interruption.

    The cost is written at once, so that an interrupted evaluation does not lose it.
    """
    start = perf_counter()
    rounds = list(respect.rounds())
    path, of = respect.out / "cost.json", {"rounds": len(rounds)}
    if (cost := finished_results(path, of)) is None:
        taken = {"seconds": perf_counter() - start, "peak_memory_gb": peak_memory_gb()}
        cost = of | (dict.fromkeys(taken) if resumed else taken)
        write_json(path, cost)
    return rounds, {part: value for part, value in cost.items() if part not in of}


def peak_memory_gb() -> float:
    """Returns the most memory that this process has held, in GB (1e9 bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9
