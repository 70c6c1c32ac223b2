"""Code that runs in the processes of a Ray cluster: workers, learners, and calls of functions."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from platform import node
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, Self

import ray
from ray import cloudpickle
from ray.util.queue import Queue

from multiref_gym.agents.learning.lesson import Lesson
from multiref_gym.agents.workers import Report
from multiref_gym.agents.workers.folder import files_in, forget_arrived
from multiref_gym.commands.process import prepare_process
from multiref_gym.errors import UserError


def sent_form(what: Any) -> bytes:
    """Returns the bytes from which `arrived` restores an object on a worker."""
    sent: bytes = cloudpickle.dumps(what)  # type: ignore[no-untyped-call]
    return sent


def arrived(sent: bytes) -> Any:
    """Restores an object from `sent_form`.

    Raises:
        UserError: If it needs a module that is not installed here.
    """
    try:
        return cloudpickle.loads(sent)
    except (ImportError, AttributeError) as error:
        raise UserError(f"{error}; it must be installed on all machines of the cluster") from error


class Place(NamedTuple):
    """The surroundings of a process.

    Attributes:
        folder: The working folder, for relative paths.
        modules: The folders in which modules are found.
        version: The version of this package.
    """

    folder: Path
    modules: list[str]
    version: str

    @classmethod
    def here(cls) -> Self:
        """Returns the place of this process."""
        return cls(Path.cwd(), sys.path, version("multiref-gym"))

    def enter(self) -> None:
        """Lets a process of the cluster find the files and modules of the first process that this machine has."""
        prepare_process()
        sys.path.extend(path for path in self.modules if path not in sys.path)
        if self.folder.is_dir():
            os.chdir(self.folder)

    def check(self) -> None:
        """Raises UserError if this process and the first one have different versions of this package."""
        if (here := version("multiref-gym")) != self.version:
            raise UserError(f"multiref-gym {here} on {node()}, and {self.version} where the command was given")


class Worker:
    """Does parts of any work, in a process of the cluster."""

    def __init__(self, reports: Queue, place: Place) -> None:
        place.enter()
        self._reports, self._place, self._number = reports, place, -1
        self._do: Callable[..., Any] | None = None

    def ready(self) -> None:
        """Returns when the process has started.

        Raises:
            UserError: If it has another version of this package.
        """
        self._place.check()

    def do(self, number: int, make: list[Any], place: int, part: Any) -> Any:
        """Returns the result of a part of the work with this number."""
        if number != self._number:
            self._do = None  # free the memory of other work first
            self._do, self._number = arrived(ray.get(make[0]))(), number
        assert self._do is not None
        try:
            return self._do(part, lambda what: self._reports.put((number, place, what)))
        finally:
            forget_arrived()


class Learning:
    """Learns a lesson in a process of the cluster, and returns the policy as files."""

    def __init__(self, lesson: Lesson) -> None:
        self._lesson = lesson

    def __call__(self, state: bytes | None, report: Report) -> tuple[dict[str, bytes], list[dict[str, float]]]:
        """Returns the policy's files and the results of `learn` for each epoch; reports each step and state.

        Args:
            state: The state after an epoch, to continue from; None to begin.
            report: Called after a step with two numbers, and after an epoch with the bytes of its state.
        """
        with TemporaryDirectory(prefix="multiref-") as folder:
            kept, policy = Path(folder, "state"), Path(folder, "policy")
            if state is not None:
                kept.write_bytes(state)

            def on_epoch() -> None:
                if kept.exists():  # only the first of several learners writes it
                    report(kept.read_bytes())

            save, curve = self._lesson.learn(lambda *step: report(step), kept, on_epoch)
            policy.mkdir()
            save(policy)
            return files_in(policy), curve


def learn_share(config: dict[str, Any]) -> None:
    """Learns together with others, started by Ray Train; the first one reports the outcome, and each its own errors."""
    config["place"].enter()
    from multiref_gym.agents.learning.parallel import is_main

    report: Report = lambda what: config["reports"].put((config["number"], 0, what)) if is_main() else None  # noqa: E731
    try:
        config["place"].check()
        found = Learning(arrived(ray.get(config["lesson"][0])))(config["state"], report)
    except (UserError, OSError) as error:
        config["reports"].put((config["number"], 1, str(error)))
        raise  # otherwise the others would wait for this one
    finally:
        forget_arrived()
    if is_main():
        config["reports"].put((config["number"], 1, found))


def called(place: Place, sent: bytes) -> Any:
    """Calls a function that was sent here, with its arguments, and returns the result; `place` is the sender's."""
    place.enter()
    place.check()
    function, arguments = arrived(sent)
    return function(*arguments)
