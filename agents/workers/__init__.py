"""Where work is done: in this process, or on a Ray cluster (`on_ray.py`). What comes of it is the same.

Work is divided into parts. What does it is made once by each worker and then called with part after part, so a policy
is loaded once. Only this process writes what is kept.
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

if TYPE_CHECKING:  # it needs torch, which not all who play do
    from multiref_gym.agents.learning.lesson import Learned, Lesson

Part = TypeVar("Part")
Found = TypeVar("Found")
Tell = Callable[[Any], None]
"""Called by a worker in the middle of a part, with what is to be told of it."""


def divided_into(numbers: range, parts: int, block: int | None) -> list[range]:
    """Returns numbers in at most so many ranges, in order and of about the same length.

    Args:
        numbers: One or more.
        parts: How many ranges.
        block: How many numbers, from the first on, must not be divided; None if any may be.
    """
    size = block or 1
    blocks = math.ceil(len(numbers) / size)
    bounds = [blocks * part // parts * size for part in range(parts + 1)]
    return [numbers[first:last] for first, last in pairwise(bounds) if first < last]


def summed(report: Callable[[int], None], parts: int) -> Callable[[int, int], None]:
    """Returns what is told how much of a part is done, and reports how much that is of all parts."""
    done = [0] * parts

    def told(part: int, of_part: int) -> None:
        done[part] = max(done[part], of_part)  # a part that is begun again does not take back what was said
        report(sum(done))

    return told


class Workers(Protocol):
    """Who does the work."""

    @property
    def room(self) -> int | None:
        """How many there may be at a time; None if that is for others to say."""
        ...

    def divided(self, numbers: range, block: int | None) -> list[range]:
        """Returns numbers in ranges, one for each part; see `divided_into`."""
        ...

    def run(
        self,
        make: Callable[[], Callable[[Part, Tell], Found]],
        parts: Iterable[Part],
        told: Callable[[int, Any], None] = lambda part, what: None,
    ) -> Iterator[Found]:
        """Yields what comes of each part, in their order.

        Args:
            make: Makes what is called with each part.
            parts: The parts, taken when they are needed.
            told: Called with the number of a part and what is told of it.

        Raises:
            UserError: If the work does, or it cannot be done where it is to be.
        """
        ...

    def learn(self, lesson: Lesson, on_step: Callable[[int, int], None], kept: Path) -> Learned:
        """Returns what is learned from a lesson; see `Lesson.learn` for the arguments and the errors."""
        ...

    def call(self, function: Callable[..., Found], *arguments: Any) -> Found:
        """Returns what a function of a module returns in a process of its own.

        Raises:
            UserError: As the function does.
        """
        ...

    def close(self) -> None:
        """Ends all that is going on."""
        ...


class ThisProcess:
    """Does all work itself, undivided; only what is called in a process of its own may be more than one at a time."""

    room = None

    def divided(self, numbers: range, block: int | None) -> list[range]:
        """Returns all numbers as one part."""
        return [numbers]

    def run(
        self,
        make: Callable[[], Callable[[Part, Tell], Found]],
        parts: Iterable[Part],
        told: Callable[[int, Any], None] = lambda part, what: None,
    ) -> Iterator[Found]:
        """Yields what comes of each part; see `Workers`."""
        work = make()
        for number, part in enumerate(parts):
            yield work(part, partial(told, number))

    def learn(self, lesson: Lesson, on_step: Callable[[int, int], None], kept: Path) -> Learned:
        """Returns what is learned from a lesson."""
        return lesson.learn(on_step, kept)

    def call(self, function: Callable[..., Found], *arguments: Any) -> Found:
        """Returns what a function returns in a new process of this machine."""
        return in_own_process(function, *arguments)

    def close(self) -> None:
        """Ends all processes that this one has started."""
        for process in active_children():
            process.terminate()
