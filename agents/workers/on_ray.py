"""Work on a Ray cluster, of this machine alone or of many: https://docs.ray.io.

Workers are actors. Each is made once for a command, and does part after part of any work. If a worker is lost, for
instance with its machine, another one gets its part, and a new one is started if there is room.
"""

from __future__ import annotations

import logging
import math
import signal
import socket
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, Self

import ray
from ray.exceptions import OutOfMemoryError, RayActorError, RayError, RayTaskError
from ray.util.queue import Queue
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from multiref_gym.agents.learning.lesson import Learned, Lesson
from multiref_gym.agents.workers import Found, Part, Report, divided_into
from multiref_gym.agents.workers.folder import write_files
from multiref_gym.agents.workers.in_cluster import Learning, Place, Worker, called, learn_share, sent_form
from multiref_gym.errors import UserError
from multiref_gym.files import whole

LOCAL = "local"
"""Stands for an address: start a cluster of this machine for the duration of the command."""

LEAST = 128
"""The number of games that justify a further worker."""

TRIES = 4
"""The number of attempts at a part before it is blamed for killing its workers."""

REACHED = 5.0
"""Seconds in which a cluster's address must answer."""

LOST = RayActorError, OutOfMemoryError
"""Ray's errors for a lost worker, with or without its machine."""

PATIENCE = 60.0
"""Seconds without a worker until a warning."""

POLL = 0.25
"""Seconds between looks at the workers' messages."""


class RayWorkers:
    """Workers on a cluster. The process is connected to it until `close`; an earlier connection is kept.

    Args:
        address: The cluster's address, "auto" for this machine's, or `LOCAL`.
        parts: The number of parts that games are divided into; if None, one for each worker, but no part too small.
        cpus: CPU cores for each worker.
        gpus: GPUs for each worker, or a share of one; if None, one if there are any.
        memory: Memory for each worker, in GB (1e9 bytes); None for no limit.
        learners: The number of workers that learn together.

    Attributes:
        room: The most workers at a time.

    Raises:
        UserError: If there is no cluster, it has another version of Ray or Python, or it has no room for a worker or
            for the learners.
    """

    def __init__(
        self,
        address: str,
        *,
        parts: int | None = None,
        cpus: float = 1.0,
        gpus: float | None = 0.0,
        memory: float | None = None,
        learners: int = 1,
    ) -> None:
        self._own = not ray.is_initialized()
        if self._own:
            _connect(address)
        self._parts, self._learners = parts, learners
        every: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
        nodes = [node["Resources"] for node in every if node["Alive"]]
        gpus = min(1.0, max(node.get("GPU", 0.0) for node in nodes)) if gpus is None else gpus
        takes = {"CPU": cpus, "GPU": gpus, "memory": 1e9 * (memory or 0.0)}
        self._taken = {name: amount for name, amount in takes.items() if amount}
        self.room = sum(
            min(_times(taken, node.get(name, 0.0)) for name, taken in self._taken.items()) for node in nodes
        )
        if self.room < learners:
            wanted = " and ".join(f"{taken:g} {name}" for name, taken in self._taken.items())
            there = "; ".join(" and ".join(f"{node.get(name, 0):g} {name}" for name in self._taken) for node in nodes)
            if self._own:
                ray.shutdown()
            problem = f"no room for {learners} at once, each with {wanted}: the machines of the cluster have {there}"
            raise UserError(f"--ray {address}: {problem}")
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._reports = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})
        options: dict[str, Any] = {"num_cpus": cpus, "num_gpus": gpus, "memory": takes["memory"]}
        self._worker: Any = ray.remote(**options)(Worker)
        self._task: Any = ray.remote(**options, max_calls=1, max_retries=TRIES - 1)(called)
        self._starting: dict[Any, Any] = {}
        self._idle: list[Any] = []
        self._failed = 0  # failed starts of workers since the last successful one
        self._work = count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def release(self) -> None:
        """Ends idle workers; new ones are started when they are needed."""
        for worker in (*self._idle, *self._starting.values()):
            ray.kill(worker)
        self._idle.clear()
        self._starting.clear()

    def close(self) -> None:
        """Stops all work; a cluster started for this command ends with it."""
        if self._own:
            ray.shutdown()
        else:
            self.release()
            self._reports.shutdown(force=True)

    def divided(self, numbers: range, block: int | None) -> list[range]:
        """Divides numbers into ranges, one for each part; see `Workers`."""
        parts = self._parts or min(self.room, math.ceil(len(numbers) / (block or LEAST)) or 1)
        return divided_into(numbers, parts, block)

    def run(
        self,
        make: Callable[[], Callable[[Part, Report], Found]],
        parts: Iterable[Part],
        report: Callable[[int, Any], None] = lambda part, what: None,
    ) -> Iterator[Found]:
        """Yields the result of each part, in their order; see `Workers`.

        Raises:
            UserError: If the work raises it, a worker lacks a module, or a part kills all its workers.
        """
        number, sent = next(self._work), [ray.put(sent_form(make))]
        running: dict[Any, tuple[Any, int, Part]] = {}
        try:
            yield from self._results(number, sent, enumerate(parts), running, report)
        finally:
            for worker, _, _ in running.values() if ray.is_initialized() else ():  # nobody waits for their results
                ray.kill(worker)

    def _results(
        self,
        number: int,
        sent: list[Any],
        coming: Iterator[tuple[int, Part]],
        running: dict[Any, tuple[Any, int, Part]],
        report: Callable[[int, Any], None],
    ) -> Iterator[Any]:
        """Yields the results of numbered parts, in their order.

        Args:
            number: The number of the work.
            sent: The function that makes the worker's function, in the form that is sent.
            coming: The parts, taken when they are needed.
            running: Is filled with the running calls: for each future result, the worker and its part.
            report: See `run`.
        """
        waiting: deque[tuple[int, Part]] = deque()
        tries: dict[int, int] = {}
        found: dict[int, Any] = {}
        given, since = 0, monotonic()
        while True:
            # Results wait for those of earlier parts, so not too many parts are started ahead of them.
            while len(waiting) + len(running) + len(found) < 2 * self.room and (part := next(coming, None)):
                waiting.append(part)
            if not waiting and not running:
                return
            while waiting and self._idle:
                worker, (place, of_part) = self._idle.pop(), waiting.popleft()
                tries[place] = tries.get(place, 0) + 1
                running[worker.do.remote(number, sent, place, of_part)] = worker, place, of_part
            self._start(len(waiting), len(running))
            if running:
                since = monotonic()
            elif monotonic() - since > PATIENCE:
                warnings.warn(f"no worker has started for {PATIENCE:.0f} s: others may hold the cluster", stacklevel=2)
                since = math.inf
            with _interruptible():
                ready, _ = ray.wait([*running, *self._starting], timeout=POLL)
            self._hear(number, report)
            for ref in ready:
                if ref in self._starting:
                    self._started(ref)
                    continue
                worker, place, of_part = running.pop(ref)
                try:
                    result = _got(ref)
                except LOST as error:
                    if tries[place] == TRIES:
                        raise UserError(f"part {place + 1} killed {TRIES} workers: {_line(error)}") from error
                    waiting.appendleft((place, of_part))
                    continue
                except Exception:
                    self._idle.append(worker)  # the work failed, not the worker
                    raise
                found[place] = result
                self._idle.append(worker)
            while given in found:
                yield found.pop(given)
                given += 1

    def learn(self, lesson: Lesson, on_step: Callable[[int, int], None], kept: Path) -> Learned:
        """Learns a lesson with one worker or several together, and returns the outcome; see `Lesson.learn`.

        Raises:
            UserError: As in `Lesson.learn` and `run`.
        """
        state = kept.read_bytes() if kept.exists() else None

        def report(part: int, what: Any) -> None:
            if isinstance(what, bytes):
                with whole(kept) as unfinished:
                    unfinished.write_bytes(what)
            else:
                on_step(*what)

        if self._learners == 1:
            [(files, curve)] = self.run(partial(Learning, lesson), [state], report)
        else:
            files, curve = self._learn_together(lesson, state, report)
        return Learned(partial(write_files, files=files), curve)

    def call(self, function: Callable[..., Found], *arguments: Any) -> Found:
        """Calls a function in a new process of the cluster and returns its result; tries again if the process is lost.

        Raises:
            UserError: If the function raises it.
        """
        found: Found = _got(self._task.remote(Place.here(), sent_form((function, arguments))))
        return found

    def _start(self, waiting: int, running: int) -> None:
        """Starts workers for waiting parts, as long as there is room."""
        there = len(self._starting) + len(self._idle) + running
        for _ in range(min(waiting - len(self._starting) - len(self._idle), self.room - there)):
            worker = self._worker.remote(self._reports, Place.here())
            self._starting[worker.ready.remote()] = worker

    def _started(self, ref: Any) -> None:
        worker = self._starting.pop(ref)
        try:
            _got(ref)
        except LOST as error:  # another worker is started in its place
            self._failed += 1
            if self._failed == TRIES:
                raise UserError(f"{TRIES} workers could not be started: {_line(error)}") from error
            return
        self._failed = 0
        self._idle.append(worker)

    def _hear(self, number: int, report: Callable[[int, Any], None]) -> None:
        try:
            reports = self._reports.get_nowait_batch(self._reports.qsize())
        except LOST as error:
            raise UserError(
                "Ray ended the actor that collects the workers' reports, as it does if this machine lacks memory"
            ) from error
        for work, part, what in reports:
            if work == number:
                report(part, what)

    def _learn_together(
        self, lesson: Lesson, state: bytes | None, report: Callable[[int, Any], None]
    ) -> tuple[dict[str, bytes], list[dict[str, float]]]:
        from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
        from ray.train.torch import TorchTrainer

        self.release()  # idle workers hold resources that the learners need
        number = next(self._work)
        found: list[Any] = []

        def heard(part: int, what: Any) -> None:
            found.append(what) if part else report(part, what)

        with TemporaryDirectory(prefix="multiref-") as folder, ThreadPoolExecutor(1) as thread:
            trainer = TorchTrainer(
                learn_share,
                train_loop_config={
                    **{"lesson": [ray.put(sent_form(lesson))], "state": state},
                    **{"reports": self._reports, "number": number, "place": Place.here()},
                },
                scaling_config=ScalingConfig(
                    num_workers=self._learners, use_gpu="GPU" in self._taken, resources_per_worker=self._taken
                ),
                run_config=RunConfig(storage_path=folder, failure_config=FailureConfig(max_failures=TRIES - 1)),
            )
            try:
                future = thread.submit(trainer.fit)
                while not future.done() and not any(isinstance(what, str) for what in found):
                    self._hear(number, heard)
                    threading.Event().wait(POLL)
                self._hear(number, heard)
                if refused := [what for what in found if isinstance(what, str)]:
                    raise UserError(f"on a worker: {refused[0]}")
                future.result()
            except TrainingFailedError as error:
                raise UserError(f"{self._learners} learners failed: {_line(error)}") from error
            finally:
                if not future.done():
                    ray.shutdown()  # nothing else ends the learners, and `thread` waits for them
        return found[-1]  # type: ignore[no-any-return]


def _got(ref: Any) -> Any:
    """Returns a result or raises its error; bad input raises a UserError of one line."""
    try:
        with _interruptible():
            return ray.get(ref)
    except RayTaskError as error:
        if isinstance(error.cause, UserError | OSError):
            raise UserError(f"on a worker: {error.cause}") from error
        raise
    except LOST:
        raise
    except RayError as error:
        raise UserError(f"on a worker: {_line(error)}") from error


@contextmanager
def _interruptible() -> Iterator[None]:
    """Lets a signal's exception through, which Ray would otherwise wrap."""
    try:
        yield
    except SystemError as error:
        cause = error.__cause__ or error.__context__
        raise cause if isinstance(cause, BaseException) and not isinstance(cause, Exception) else error from None


def _times(taken: float, there: float) -> int:
    """Returns how many times an amount fits, even if it is a share that floats cannot hold exactly."""
    return int(there / taken + 1e-6)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def _connect(address: str) -> None:
    """Connects this process to a cluster.

    Raises:
        UserError: If that cannot be done.
    """
    if "://" in address:
        raise UserError(
            f"--ray {address}: allowed is host:port of a cluster that this machine is a part of, or {LOCAL}"
        )
    if address not in (LOCAL, "auto"):
        _reach(address)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    here: dict[str, Any] = {"include_dashboard": False} if address == LOCAL else {}
    logging.getLogger("ray").setLevel(logging.ERROR)
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR, **here)
    except (ConnectionError, ValueError, RuntimeError, SystemExit) as error:  # it exits if no cluster answers
        raise UserError(f"--ray {address}: {_line(error)}") from error
    finally:
        if threading.current_thread() is threading.main_thread():  # restores handlers that Ray replaced
            for number, handler in before.items():
                signal.signal(number, handler)


def _reach(address: str) -> None:
    """Raises UserError if an address does not answer: Ray would try for two minutes, and then end the process."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), REACHED):
            pass
    except (OSError, ValueError, OverflowError) as error:
        raise UserError(f"--ray {address}: no cluster there ({error}); `ray start --head` starts one") from error
