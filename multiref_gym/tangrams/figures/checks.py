"""What a sketch has to be to become a figure: checked exactly, for all sketches at once.

A listener can tell any two figures apart by how they look and by what is said of them, so no two sketches may share
their outline or their attributes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from multiref_gym.tangrams.figures.assembly import Sketch
from multiref_gym.tangrams.pieces import ROOT_HALF, SEVEN

SHIFT = 1 << 12
"""More than any coordinate of a figure at its place, so that two of them make one number."""


def faults(sketches: Sequence[Sketch]) -> Iterator[str]:
    """Yields what is wrong with the sketches, one line a fault, naming the template and the pieces.

    First come sketches that are not the seven pieces; they take no part in the other checks.
    """
    complete = []
    for sketch in sketches:
        kinds = tuple(piece.kind for _, piece in sketch.ordered())
        if kinds == SEVEN:
            complete.append(sketch)
        else:
            yield f"figure template {sketch}: not the seven pieces but {', '.join(kinds)}"
    if not complete:
        return
    corners = exact_corners(complete)
    overlap, touch = contacts(corners)
    # Whoever is reached in seven steps from the first piece is reached at all.
    reached = np.linalg.matrix_power((overlap | touch | np.eye(7, dtype=bool)).astype(np.int64), 7)[:, 0] > 0
    for number in np.flatnonzero(overlap.any(axis=(1, 2)) | ~reached.all(axis=1)):
        sketch = complete[number]
        names = [f"{part} ({piece.kind})" for part, piece in sketch.ordered()]
        pairs = np.argwhere(np.triu(overlap[number]))
        said = [f"{names[i]} overlaps {names[j]}" for i, j in pairs]
        if not reached[number].all():
            apart = ", ".join(name for name, near in zip(names, reached[number], strict=True) if not near)
            said.append(f"{names[0]} is not connected with {apart}")
        yield f"figure template {sketch}: {'; '.join(said)}"
    yield from _twins(complete, [frozenset(sketch.attributes.items()) for sketch in complete], "attributes")
    yield from _twins(complete, outlines(corners), "outline")


def _twins(sketches: Sequence[Sketch], marks: Sequence[object], what: str) -> Iterator[str]:
    first: dict[object, Sketch] = {}
    for sketch, mark in zip(sketches, marks, strict=True):
        if mark in first:
            yield f"figure template {sketch}: the {what} of {first[mark]}"
        else:
            first[mark] = sketch


def exact_corners(sketches: Sequence[Sketch]) -> np.ndarray:
    """Returns the vertices of all pieces as the integers of their exact coordinates.

    Args:
        sketches: n sketches of the seven pieces.

    Returns:
        int64 (n, 7, 4, 2, 2): the sketch, its piece in the order of `SEVEN`, the vertex (a triangle's last one comes
        twice), x or y, and the `a` or `b` of ``a + b * sqrt(2) / 2``.
    """
    return np.array(
        [
            [
                [(x.a, x.b, y.a, y.b) for x, y in (piece.vertices + piece.vertices[-1:])[:4]]
                for _, piece in sketch.ordered()
            ]
            for sketch in sketches
        ]
    ).reshape(-1, 7, 4, 2, 2)


def rounded(exact: np.ndarray) -> np.ndarray:
    """Returns the floats that the integers (..., 2) stand for, float64 (...), in the exact numbers' order.

    The same integers give the same float. Unequal numbers ``a + b * sqrt(2) / 2`` differ by at least
    ``1 / (2 (|da| + |db|))``, with ``da`` and ``db`` the differences of their integers: for the size of a figure, a
    billion times more than is lost in rounding. So floats compare as the exact numbers do.
    """
    return exact[..., 0] + exact[..., 1] * ROOT_HALF


def contacts(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns which pieces of each sketch overlap and which touch, along an edge or in a point.

    By separating axes: two convex polygons are apart if on some edge's normal a gap shows between their shadows, and
    overlap if all shadows overlap. Edges only run in eight directions, so x, x + y, y and y - x are all the normals.

    Args:
        corners: see `exact_corners`.

    Returns:
        Two arrays, bool (n, 7, 7), symmetric, False for a piece and itself.
    """
    x, y = corners[..., 0, :], corners[..., 1, :]
    shadows = rounded(np.stack([x, x + y, y, y - x], axis=2))
    low, high = shadows.min(axis=-1), shadows.max(axis=-1)
    beyond = (low[:, :, None] > high[:, None]).any(axis=-1)
    beside = (low[:, :, None] == high[:, None]).any(axis=-1)
    apart = beyond | beyond.transpose(0, 2, 1)
    touch = ~apart & (beside | beside.transpose(0, 2, 1))
    return ~apart & ~touch & ~np.eye(7, dtype=bool), touch


def outlines(corners: np.ndarray) -> list[frozenset[tuple[int, int]]]:
    """Returns for each sketch what is equal just when the silhouettes are, wherever they lie.

    Every edge of a piece, run clockwise, counts 1 where it starts and -1 where it ends, for its direction. Where two
    pieces share an edge, or a part of it, they run it in opposite senses, and the counts within the silhouette cancel;
    what is left are the corners of the silhouette.

    Args:
        corners: see `exact_corners`; the pieces of a sketch do not overlap.
    """
    values = rounded(corners)
    lowest = values.reshape(len(corners), -1, 2).argmin(axis=1)
    places = corners.reshape(len(corners), -1, 2, 2)
    origin = np.stack([places[np.arange(len(corners)), lowest[:, i], i] for i in (0, 1)], axis=1)
    starts = corners - origin[:, None, None]
    ends = np.roll(starts, -1, axis=2)
    step = np.roll(values, -1, axis=2) - values
    # A mirrored piece runs counterclockwise: the sign of its area says so.
    x, y = np.moveaxis(values - values[:, :, :1], -1, 0)
    sense = np.sign((x * np.roll(y, -1, axis=2) - y * np.roll(x, -1, axis=2)).sum(axis=2))
    right, down = np.moveaxis(np.sign(np.round(step, 6)).astype(np.int64), -1, 0)
    # The direction of an edge, either way: level, upright, falling, rising.
    line = np.select([down == 0, right == 0, right == down], [0, 1, 2], 3)
    counts = np.broadcast_to(sense[..., None].astype(np.int64), line.shape)
    weights = SHIFT ** np.arange(4).reshape(2, 2)
    marks = [(point * weights).sum(axis=(-1, -2)) * 4 + line for point in (starts, ends)]
    outlines = []
    for keys, numbers in zip(
        np.stack(marks, axis=1).reshape(len(corners), -1).tolist(),
        np.stack([counts, -counts], axis=1).reshape(len(corners), -1).tolist(),
        strict=True,
    ):
        net: dict[int, int] = Counter()
        for key, number in zip(keys, numbers, strict=True):
            net[key] += number
        outlines.append(frozenset(item for item in net.items() if item[1]))
    return outlines
