"""The listeners' pictures of many games in play."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multiref_gym.compiled.boards import draw_cells
from multiref_gym.tangrams import Atlas


class Pictures:
    """A picture for each game: its board, or the silhouettes of its tangrams.

    Args:
        atlas: The source of the pictures.
        boards: Whether to draw boards, instead of single silhouettes.
        count: The number of games.
        size: The number of tangrams in each game.

    Attributes:
        images: uint8 (games, height, width, 3), or (games, size, side, side); they change with the games.
    """

    def __init__(self, atlas: Atlas, boards: bool, count: int, size: int) -> None:
        self._atlas, self._boards = atlas, boards
        shape = atlas.board_shape(size) if boards else (size, atlas.size, atlas.size)
        self.images: NDArray[np.uint8] = np.zeros((count, *shape), np.uint8)
        if boards:
            self._cells, self._corners, self._inset = atlas.cells(size)
            self.images[:] = atlas.listener_board(atlas.tangrams.ids[:size])  # the lines between cells stay

    def begin(self, which: NDArray[np.bool_], tangrams: NDArray[np.int32]) -> None:
        """Draws the games that have just begun.

        Args:
            which: bool (games,).
            tangrams: int32 (games, size), as places in the set.
        """
        if self._boards:
            self._atlas.draw(tangrams[which])
            cells = np.repeat(which[:, None], tangrams.shape[1], axis=1).view(np.int8)
            self._draw(cells, tangrams, np.zeros_like(cells))
        else:
            self.images[which] = self._atlas.at(tangrams[which])

    def click(self, clicks: NDArray[np.int8], tangrams: NDArray[np.int32], selected: NDArray[np.int8]) -> None:
        """Redraws the clicked tangrams: `clicks` and `selected`, after the clicks, are int8 (games, size)."""
        if self._boards:
            self._draw(clicks, tangrams, selected)

    def _draw(self, which: NDArray[np.int8], tangrams: NDArray[np.int32], selected: NDArray[np.int8]) -> None:
        parts = self._atlas.pictures, self._cells, self._corners, self._inset
        rows = self.images.reshape(*self.images.shape[:2], -1)
        draw_cells(rows, which, tangrams, selected, *parts)
