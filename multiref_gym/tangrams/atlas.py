"""An atlas: it draws every tangram at most once, and makes boards by copying."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import Any, Self

import numpy as np

from multiref_gym.tangrams.render import Layout, Place, cell, letter, silhouette
from multiref_gym.tangrams.tangram_set import TangramSet


class Atlas:
    """The silhouettes of a set at one size, drawn at first use.

    The set and the size decide all its content: a copy is the same object, and a pickle holds only these two.

    Args:
        tangrams: the set.
        size: side of a silhouette in pixels.

    Attributes:
        table: uint8 (tangrams, size, size), the silhouettes in the order of the set; black until they are drawn.
        pictures: uint8 (tangrams, size, 3 * size), the same in three colours.
        layout: the places on a board.
    """

    def __init__(self, tangrams: TangramSet, size: int = 64) -> None:
        if size < 8:
            raise ValueError(f"size {size}: a silhouette needs at least 8 pixels")
        self.tangrams = tangrams
        self.size = size
        self.layout = Layout(size)
        self.table = np.zeros((len(tangrams), size, size), np.uint8)  # by places in the set
        self._drawn = np.zeros(len(tangrams), np.bool_)
        self.pictures = np.zeros((len(tangrams), size, 3 * size), np.uint8)
        self._blank_boards: dict[int, np.ndarray] = {}
        self._places: dict[int, list[tuple[Place, Place]]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Callable[..., Atlas], tuple[TangramSet, int]]:
        return shared_atlas, (self.tangrams, self.size)

    def silhouettes(self, ids: Sequence[str]) -> np.ndarray:
        """Returns fresh silhouettes, uint8 (n, size, size), black on white. Raises TangramError for an unknown id."""
        return self.at(np.array([self.tangrams.place(id) for id in ids], np.int32))

    def at(self, places: np.ndarray) -> np.ndarray:
        """Returns fresh silhouettes, uint8 (..., size, size), of the tangrams at places of the set, int (...)."""
        self.draw(places)
        return np.asarray(self.table[places])

    def draw(self, places: np.ndarray) -> None:
        """Draws tangrams at places of the set, int (...), into `table` and `pictures`."""
        if not self._drawn[places].all():
            for place in np.unique(places[~self._drawn[places]]).tolist():
                self.table[place] = silhouette(self.tangrams.tangrams[place], self.size)
                self.pictures[place] = np.repeat(self.table[place], 3, axis=1)
            self._drawn[places] = True

    def board_shape(self, count: int) -> tuple[int, int, int]:
        """Returns the shape (height, width, 3) of a board of ``count`` tangrams."""
        return self.layout.board_shape(count)

    def listener_board(self, ids: Sequence[str], selected: Collection[int] = ()) -> np.ndarray:
        """Returns the same picture as `render.listener_board` of these tangrams, pixel for pixel: a fresh array.

        Args:
            ids: tangrams in the listener's order. Raises TangramError for an unknown one.
            selected: indices of selected tangrams.
        """
        count = len(ids)
        if count not in self._blank_boards:
            cells = [cell(self.layout, letter(index)) for index in range(count)]
            self._blank_boards[count] = self.layout.board(cells)
        board = self._blank_boards[count].copy()
        places = self._places_of(count)
        for index in selected:
            board[places[index][0]] = cell(self.layout, letter(index), True)
        for image, (_, inner) in zip(self.silhouettes(ids), places, strict=True):
            board[inner] = image[:, :, None]
        return board

    def cells(self, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns the parts of a listener's board of ``count`` tangrams, for `compiled.boards`.

        Returns:
            The cells without their silhouettes, uint8 (2, count, height, 3 * width), not selected and selected; the
            first pixel of each cell on a board, int64 (count, 2), and of a silhouette in its cell, int64 (2,): the row,
            and the byte in the row.
        """
        letters = [letter(index) for index in range(count)]
        cells = [[cell(self.layout, label, selected) for label in letters] for selected in (False, True)]
        corners = [self.layout.corner(index, count) for index in range(count)]
        inset = self.layout.frame + self.layout.strip, self.layout.frame
        rows = np.array(cells).reshape(2, count, self.layout.cell_shape[0], -1)
        return rows, np.array(corners) * (1, 3), np.array(inset) * (1, 3)

    def _places_of(self, count: int) -> list[tuple[Place, Place]]:
        if count not in self._places:
            self._places[count] = self.layout.places(count)
        return self._places[count]


@lru_cache(maxsize=8)
def shared_atlas(tangrams: TangramSet, size: int) -> Atlas:
    """Returns the atlas of a set, shared by all environments of this process, so that each tangram is drawn once."""
    return Atlas(tangrams, size)
