"""Draws cells of listeners' boards by copying."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multiref_gym.compiled.compiling import compiled, entry


@entry
def draw_cells(
    boards: NDArray[np.uint8],
    which: NDArray[np.int8],
    tangrams: NDArray[np.int32],
    selected: NDArray[np.int8],
    pictures: NDArray[np.uint8],
    cells: NDArray[np.uint8],
    corners: NDArray[np.int64],
    inset: NDArray[np.int64],
) -> None:
    """Draws some cells. The colours of a pixel row share one axis, so that a row is copied at once.

    Args:
        boards: uint8 (games, height, 3 * width), changed in place.
        which: The cells to draw, int8 (games, size).
        tangrams: int32 (games, size), as places in the set.
        selected: int8 (games, size).
        pictures: The pictures of the set's tangrams, uint8 (tangrams, side, 3 * side).
        cells: The empty cells, not selected and selected, uint8 (2, size, height, 3 * width).
        corners: The first pixel of each cell, int64 (size, 2), the second number in bytes.
        inset: The first pixel of a picture in its cell, int64 (2,), the second number in bytes.
    """
    for i in range(len(boards)):
        for position in range(which.shape[1]):
            if which[i, position]:
                top, left = corners[position]
                _copy(cells[selected[i, position], position], boards[i], top, left)
                _copy(pictures[tangrams[i, position]], boards[i], top + inset[0], left + inset[1])


@compiled
def _copy(part: NDArray[np.uint8], board: NDArray[np.uint8], top: int, left: int) -> None:
    width = part.shape[1]
    for y in range(part.shape[0]):
        # With separate rows, numba knows that no index is negative, and copies ten times as fast.
        source, target = part[y], board[top + y][left : left + width]
        for x in range(width):
            target[x] = source[x]
