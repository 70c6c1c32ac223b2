"""The seven tangram pieces in exact arithmetic.

A tangram is made of two large triangles, a medium one, two small ones, a square and a parallelogram. With the small
triangle's leg of length 2, every vertex of every piece turned by a multiple of 45 degrees has coordinates of the form
``a + b * sqrt(2) / 2`` with integers ``a`` and ``b``. Such numbers can be compared without rounding, so it is exactly
decided whether pieces overlap, touch or leave a gap. The y axis points down, as in images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import total_ordering
from typing import NamedTuple

import numpy as np

ROOT_HALF = math.sqrt(2) / 2


@total_ordering
@dataclass(frozen=True, slots=True)
class Surd:
    """The exact number ``a + b * sqrt(2) / 2``."""

    a: int = 0
    b: int = 0

    def __add__(self, other: Surd) -> Surd:
        return Surd(self.a + other.a, self.b + other.b)

    def __sub__(self, other: Surd) -> Surd:
        return Surd(self.a - other.a, self.b - other.b)

    def __neg__(self) -> Surd:
        return Surd(-self.a, -self.b)

    def __mul__(self, other: Surd) -> Surd:
        """Returns the product. Raises ValueError if it is not of the form ``a + b * sqrt(2) / 2``."""
        halves = self.b * other.b
        if halves % 2:
            raise ValueError(f"the product of {self} and {other} is off the lattice")
        return Surd(self.a * other.a + halves // 2, self.a * other.b + self.b * other.a)

    def __lt__(self, other: Surd) -> bool:
        return (self - other).sign < 0

    def __float__(self) -> float:
        return self.a + self.b * ROOT_HALF

    @property
    def sign(self) -> int:
        """-1, 0 or 1, from integers only: ``a`` outweighs ``b * sqrt(2) / 2`` exactly if ``2 a a > b b``."""
        weight = self.a * abs(self.a) * 2 + self.b * abs(self.b)
        return (weight > 0) - (weight < 0)

    @property
    def half(self) -> Surd:
        """Half of the number. Raises ValueError if it is off the lattice."""
        if self.a % 2 or self.b % 2:
            raise ValueError(f"half of {self} is off the lattice")
        return Surd(self.a // 2, self.b // 2)


ZERO, SQRT_HALF = Surd(), Surd(0, 1)


class Point(NamedTuple):
    """An exact point, y down."""

    x: Surd
    y: Surd

    def moved(self, dx: Surd = ZERO, dy: Surd = ZERO) -> Point:
        """Returns the point ``dx`` to the right and ``dy`` down."""
        return Point(self.x + dx, self.y + dy)

    def turned(self, eighths: int) -> Point:
        """Turns the point clockwise about the origin by ``eighths`` times 45 degrees.

        Raises:
            ValueError: If the turned point is off the lattice (never for a difference of two vertices of a piece).
        """
        x, y = self
        for _ in range(eighths % 8 // 2):
            x, y = -y, x
        if eighths % 2:
            x, y = (x - y) * SQRT_HALF, (x + y) * SQRT_HALF
        return Point(x, y)

    def mirrored(self) -> Point:
        """Swaps left and right about the origin."""
        return Point(-self.x, self.y)


def _outline(*vertices: tuple[int, int]) -> tuple[Point, ...]:
    return tuple(Point(Surd(x), Surd(y)) for x, y in vertices)


OUTLINES: dict[str, tuple[Point, ...]] = {
    "large": _outline((0, 0), (4, 0), (0, 4)),
    # The medium triangle's leg is 2 sqrt(2): its corner stands on the lattice when its long side lies flat.
    "medium": _outline((0, 0), (2, 2), (-2, 2)),
    "small": _outline((0, 0), (2, 0), (0, 2)),
    "square": _outline((0, 0), (2, 0), (2, 2), (0, 2)),
    "parallelogram": _outline((0, 0), (2, 0), (4, 2), (2, 2)),
}
"""Vertices of each kind of piece, clockwise as seen with y down; a triangle starts at its right angle."""

SEVEN = ("large", "large", "medium", "small", "small", "square", "parallelogram")
"""The kinds of the pieces of one tangram, in the order of every list in this package."""


@dataclass(frozen=True)
class Piece:
    """A piece at its position: its kind, and its exact vertices in order around it."""

    kind: str
    vertices: tuple[Point, ...]

    @classmethod
    def canonical(cls, kind: str) -> Piece:
        """Returns the piece of that kind as listed in `OUTLINES`. Raises ValueError for an unknown kind."""
        if kind not in OUTLINES:
            raise ValueError(f"unknown piece {kind!r}: expected one of {', '.join(OUTLINES)}")
        return cls(kind, OUTLINES[kind])

    def moved(self, dx: Surd = ZERO, dy: Surd = ZERO) -> Piece:
        """Returns the piece ``dx`` to the right and ``dy`` down."""
        return Piece(self.kind, tuple(vertex.moved(dx, dy) for vertex in self.vertices))

    def turned(self, eighths: int) -> Piece:
        """Turns the piece clockwise about its first vertex by ``eighths`` times 45 degrees."""
        x, y = self.vertices[0]
        spokes = (vertex.moved(-x, -y).turned(eighths) for vertex in self.vertices)
        return Piece(self.kind, tuple(spoke.moved(x, y) for spoke in spokes))

    def mirrored(self) -> Piece:
        """Swaps left and right about the y axis; the first vertex stays first, so the vertices run the other way."""
        return Piece(self.kind, tuple(vertex.mirrored() for vertex in self.vertices))

    def anchor(self, compass: str) -> Point:
        """Returns a point of the upright box around the piece: "n" is the middle of its top, "sw" its lower left.

        Args:
            compass: One of n, ne, e, se, s, sw, w, nw, and c for the centre.
        """
        columns, rows = zip(*self.vertices, strict=True)
        left, right, top, bottom = min(columns), max(columns), min(rows), max(rows)
        x = left if "w" in compass else right if "e" in compass else (left + right).half
        y = top if "n" in compass else bottom if "s" in compass else (top + bottom).half
        return Point(x, y)


def exact_corners(figures: Sequence[Sequence[Piece]]) -> np.ndarray:
    """Returns the vertices of figures, all with the same number of pieces, as the integers of their exact coordinates.

    Returns:
        int64 (n, pieces, 4, 2, 2): the figure, the piece, the vertex (a triangle's last one comes twice), x or y, and
        the `a` or `b` of ``a + b * sqrt(2) / 2``.
    """
    integers = [
        [[(x.a, x.b, y.a, y.b) for x, y in (*piece.vertices, piece.vertices[-1])[:4]] for piece in pieces]
        for pieces in figures
    ]
    return np.array(integers, np.int64).reshape(len(figures), -1, 4, 2, 2)


def rounded(exact: np.ndarray) -> np.ndarray:
    """Returns the floats that integers (..., 2) stand for, float64 (...); they compare like the exact numbers.

    The same integers give the same float. Unequal numbers ``a + b * sqrt(2) / 2`` differ by at least
    ``1 / (2 (|da| + |db|))``, where ``da`` and ``db`` are the differences of their integers: at the size of a figure,
    this is a billion times the rounding error.
    """
    return np.asarray(exact[..., 0] + exact[..., 1] * ROOT_HALF)


def contacts(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns which pieces of each figure overlap and which touch, along an edge or in a point.

    The method is separating axes: two convex polygons are apart if their projections on some edge's normal have a gap,
    and they overlap if all their projections overlap. Edges run in eight directions only, so x, x + y, y and y - x are
    all the normals.

    Args:
        corners: See `exact_corners`.

    Returns:
        Overlap and touch, each bool (n, pieces, pieces), symmetric; a piece neither touches nor overlaps itself.
    """
    x, y = corners[..., 0, :], corners[..., 1, :]
    shadows = rounded(np.stack([x, x + y, y, y - x], axis=2))
    low, high = shadows.min(axis=-1), shadows.max(axis=-1)
    beyond = (low[:, :, None] > high[:, None]).any(axis=-1)
    beside = (low[:, :, None] == high[:, None]).any(axis=-1)
    near = ~(beyond | beyond.swapaxes(1, 2)) & ~np.eye(corners.shape[1], dtype=bool)
    edge = beside | beside.swapaxes(1, 2)
    return near & ~edge, near & edge
