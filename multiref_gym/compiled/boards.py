"""Draws cells of listeners' boards by copying."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multiref_gym.compiled.compiling import entry


@entry
def draw_cells(
    boards: NDArray[np.uint8],
    which: NDArray[np.int8],
    tangrams: NDArray[np.int32],
    selected: NDArray[np.int8],
    silhouettes: NDArray[np.uint8],
    cells: NDArray[np.uint8],
    corners: NDArray[np.int64],
    inset: NDArray[np.int64],
) -> None:
    """Draws some cells.

    Args:
        boards: uint8 (games, height, width, 3), which are changed.
        which: The cells that are drawn, int8 (games, size).
        tangrams: int32 (games, size), as places in the set.
        selected: int8 (games, size).
        silhouettes: Of the tangrams of the set, uint8 (tangrams, side, side).
        cells: Without silhouettes, not selected and selected, uint8 (2, size, height, width, 3).
        corners: Where cells begin, int64 (size, 2).
        inset: Where a silhouette begins in its cell, int64 (2,).
    """
    side = silhouettes.shape[1]
    for i in range(len(boards)):
        for position in range(which.shape[1]):
            if which[i, position]:
                cell, (top, left) = cells[selected[i, position], position], corners[position]
                for y in range(cell.shape[0]):
                    for x in range(cell.shape[1]):
                        for colour in range(3):
                            boards[i, top + y, left + x, colour] = cell[y, x, colour]
                silhouette, top, left = silhouettes[tangrams[i, position]], top + inset[0], left + inset[1]
                for y in range(side):
                    for x in range(side):
                        for colour in range(3):
                            boards[i, top + y, left + x, colour] = silhouette[y, x]
