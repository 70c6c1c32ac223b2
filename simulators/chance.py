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

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._drawn: list[float] = []

    def __call__(self) -> float:
        """Returns a number from 0 to less than 1."""
        if not self._drawn:
            self._drawn = self._rng.random(BLOCK).tolist()
        return self._drawn.pop()

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Returns one of the choices, each as likely as any other."""
        return choices[int(self() * len(choices))] if len(choices) > 1 else choices[0]
