"""Where work is done: in this process, or on a Ray cluster (`on_ray.py`). What comes of it is the same.

Work is divided into parts. What does it is made once by each worker and then called with part after part, so a policy
is loaded once. Only this process writes what is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:  # it needs torch, which not all who play do
    from multiref_gym.agents.learning.lesson import Learned, Lesson

Part = TypeVar("Part")
Found = TypeVar("Found")
Tell = Callable[[Any], None]
"""Called by a worker in the middle of a part, with what is to be told of it."""


class Workers(Protocol):
    """Who does the work."""

    def divided(self, numbers: range, block: int | None) -> list[range]:
        """Returns numbers in ranges, one for each part.

        Args:
            numbers: One or more.
            block: How many, from the first on, must not be divided; None if any may be.
        """
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


class ThisProcess:
    """Does all work itself, undivided."""

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
