"""Workers: this process, or a Ray cluster (`on_ray.py`). The outcome is the same.

Work is divided into parts. Each worker makes its function once and calls it with part after part, so a policy is loaded
once. Only this process writes files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import pairwise
from multiprocessing import active_children
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from multiref_gym.agents.workers.processes import in_own_process

if TYPE_CHECKING:  # it needs torch, which playing alone need not
    from multiref_gym.agents.learning.lesson import Learned, Lesson

Part = TypeVar("Part")
Found = TypeVar("Found")
Report = Callable[[Any], None]
"""A worker calls it in the middle of a part, with something to report."""


def divided_into(numbers: range, parts: int, block: int | None) -> list[range]:
    """Divides numbers into at most `parts` ranges of about the same length, in order.

    Args:
        numbers: One or more.
        parts: The number of ranges.
        block: The length of blocks, from the first number on, that must not be divided; None if there are none.
    """
    size = block or 1
    blocks = math.ceil(len(numbers) / size)
    bounds = [blocks * part // parts * size for part in range(parts + 1)]
    return [numbers[first:last] for first, last in pairwise(bounds) if first < last]


def summed(report: Callable[[int], None], parts: int) -> Callable[[int, int], None]:
    """Returns a function that takes the progress of one part, and reports the progress of all parts together."""
    done = [0] * parts

    def report_part(part: int, of_part: int) -> None:
        done[part] = max(done[part], of_part)  # the progress never goes back if a part is begun again
        report(sum(done))

    return report_part


class Workers(Protocol):
    """The workers."""

    @property
    def room(self) -> int | None:
        """The most workers at a time; None if others decide it."""
        ...

    def divided(self, numbers: range, block: int | None) -> list[range]:
        """Divides numbers into ranges, one for each part; see `divided_into`."""
        ...

    def run(
        self,
        make: Callable[[], Callable[[Part, Report], Found]],
        parts: Iterable[Part],
        report: Callable[[int, Any], None] = lambda part, what: None,
    ) -> Iterator[Found]:
        """Yields the result of each part, in their order.

        Args:
            make: Makes the function that is called with each part.
            parts: The parts, taken when they are needed.
            report: Called with the number of a part and something that its worker reports.

        Raises:
            UserError: If the work raises it, or cannot be done there.
        """
        ...

    def learn(self, lesson: Lesson, on_step: Callable[[int, int], None], kept: Path) -> Learned:
        """Learns a lesson and returns the outcome; see `Lesson.learn` for the arguments and the errors."""
        ...

    def call(self, function: Callable[..., Found], *arguments: Any) -> Found:
        """Calls a module-level function in a new process and returns its result.

        Raises:
            UserError: If the function raises it.
        """
        ...

    def close(self) -> None:
        """Stops all work."""
        ...


class ThisProcess:
    """Does all work itself, undivided; only calls in new processes can run at the same time."""

    room = None

    def divided(self, numbers: range, block: int | None) -> list[range]:
        """Returns all numbers as one part."""
        return [numbers]

    def run(
        self,
        make: Callable[[], Callable[[Part, Report], Found]],
        parts: Iterable[Part],
        report: Callable[[int, Any], None] = lambda part, what: None,
    ) -> Iterator[Found]:
        """Yields the result of each part; see `Workers`."""
        work = make()
        for number, part in enumerate(parts):
            yield work(part, partial(report, number))

    def learn(self, lesson: Lesson, on_step: Callable[[int, int], None], kept: Path) -> Learned:
        """Learns a lesson and returns the outcome."""
        return lesson.learn(on_step, kept)

    def call(self, function: Callable[..., Found], *arguments: Any) -> Found:
        """Calls a function in a new process of this machine and returns its result."""
        return in_own_process(function, *arguments)

    def close(self) -> None:
        """Stops all processes that this one has started."""
        for process in active_children():
            process.terminate()
