"""What runs in the processes of a Ray cluster: workers, learners, and calls of functions."""

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
from multiref_gym.agents.workers import Tell
from multiref_gym.agents.workers.folder import files_in, forget_arrived
from multiref_gym.commands.process import prepare_process
from multiref_gym.errors import UserError


def sent_form(what: Any) -> bytes:
    """Returns what `arrived` makes this of again, on a worker."""
    sent: bytes = cloudpickle.dumps(what)  # type: ignore[no-untyped-call]
    return sent


def arrived(sent: bytes) -> Any:
    """Returns what was sent here.

    Raises:
        UserError: If it is of a module that is not here.
    """
    try:
        return cloudpickle.loads(sent)
    except (ImportError, AttributeError) as error:
        raise UserError(f"{error}; it must be installed on all machines of the cluster") from error


class Place(NamedTuple):
    """Where a process is.

    Attributes:
        folder: What relative paths start from.
        modules: Where modules are looked for.
        version: That of this package.
    """

    folder: Path
    modules: list[str]
    version: str

    @classmethod
    def here(cls) -> Self:
        """Returns where this process is."""
        return cls(Path.cwd(), sys.path, version("multiref-gym"))

    def enter(self) -> None:
        """Prepares a process of the cluster to find what the first one finds, as far as it is on this machine."""
        prepare_process()
        sys.path.extend(path for path in self.modules if path not in sys.path)
        if self.folder.is_dir():
            os.chdir(self.folder)

    def check(self) -> None:
        """Raises UserError if this process has another version of this package than the first one."""
        if (here := version("multiref-gym")) != self.version:
            raise UserError(f"multiref-gym {here} on {node()}, and {self.version} where the command was given")


class Worker:
    """Does parts of whatever there is to do, in a process of the cluster."""

    def __init__(self, told: Queue, place: Place) -> None:
        place.enter()
        self._told, self._place, self._number = told, place, -1
        self._do: Callable[..., Any] | None = None

    def ready(self) -> None:
        """Answers when the process is there.

        Raises:
            UserError: If it is of another version of this package.
        """
        self._place.check()

    def do(self, number: int, make: list[Any], place: int, part: Any) -> Any:
        """Returns what comes of a part of the work with this number."""
        if number != self._number:
            self._do = None  # what was needed for other work makes room first
            self._do, self._number = arrived(ray.get(make[0]))(), number
        assert self._do is not None
        try:
            return self._do(part, lambda what: self._told.put((number, place, what)))
        finally:
            forget_arrived()


class Learning:
    """Learns a lesson in a process of the cluster, and returns the policy as files."""

    def __init__(self, lesson: Lesson) -> None:
        self._lesson = lesson

    def __call__(self, state: bytes | None, tell: Tell) -> tuple[dict[str, bytes], list[dict[str, float]]]:
        """Returns the files of the policy and what `learn` tells of each epoch; tells of each step and the state.

        Args:
            state: What was kept after an epoch, to go on from; None to begin.
            tell: Told of a step with two numbers, and of an epoch with the bytes of what is kept after it.
        """
        with TemporaryDirectory(prefix="multiref-") as folder:
            kept, policy = Path(folder, "state"), Path(folder, "policy")
            if state is not None:
                kept.write_bytes(state)

            def on_epoch() -> None:
                if kept.exists():  # of several learners the first one keeps it
                    tell(kept.read_bytes())

            save, curve = self._lesson.learn(lambda *step: tell(step), kept, on_epoch)
            policy.mkdir()
            save(policy)
            return files_in(policy), curve


def learn_share(config: dict[str, Any]) -> None:
    """Learns with others, as Ray Train starts them; the first one tells what comes of it, each what it cannot do."""
    config["place"].enter()
    from multiref_gym.agents.learning.parallel import is_main

    tell: Tell = lambda what: config["told"].put((config["number"], 0, what)) if is_main() else None  # noqa: E731
    try:
        config["place"].check()
        found = Learning(arrived(ray.get(config["lesson"][0])))(config["state"], tell)
    except (UserError, OSError) as error:
        config["told"].put((config["number"], 1, str(error)))
        raise  # so that the others do not wait for this one
    finally:
        forget_arrived()
    if is_main():
        config["told"].put((config["number"], 1, found))


def called(place: Place, sent: bytes) -> Any:
    """Returns what comes of a function and its arguments that were sent here; `place` is where they come from."""
    place.enter()
    place.check()
    function, arguments = arrived(sent)
    return function(*arguments)
