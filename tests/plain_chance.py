"""Chance, cheaply: a speaker draws often, and one draw at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Choice = TypeVar("Choice")

BLOCK = 64
"""How many numbers are drawn at once, about as many as a game takes; one by one takes ten times as long."""


class Chance:
    """Uniform random numbers from a generator.

    Args:
        rng: The generator; `BLOCK` numbers are taken from it at a time.
    """

    __slots__ = ("_drawn", "_rng")

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._drawn: list[float] = []

    def __call__(self) -> float:
        """Returns a number from 0 to less than 1."""
        return (self._drawn or self._draw()).pop()

    def happens(self, rate: float) -> bool:
        """Returns whether something happens that does so at this rate, from 0 for never to 1 for always."""
        return (self._drawn or self._draw()).pop() < rate

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Returns one of the choices, each as likely as any other."""
        count = len(choices)
        return choices[int((self._drawn or self._draw()).pop() * count)] if count > 1 else choices[0]

    def _draw(self) -> list[float]:
        self._drawn = self._rng.random(BLOCK).tolist()
        return self._drawn
