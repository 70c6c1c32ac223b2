"""Sets of positions as the bits of an integer."""

from __future__ import annotations

from multiref_gym.compiled.compiling import compiled


@compiled
def size_of(positions: int) -> int:
    """Returns the number of positions."""
    count = 0
    while positions:
        positions &= positions - 1
        count += 1
    return count


@compiled
def member(positions: int, number: int) -> int:
    """Returns the position that has `number` others before it."""
    for _ in range(number):
        positions &= positions - 1
    position = 0
    while not positions >> position & 1:
        position += 1
    return position
