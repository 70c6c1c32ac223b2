"""The silhouette as a whole: its outline, and facts that every figure has by its geometry alone.

The facts describe a figure without a name: its height, its top, its base, its symmetry.
"""

from __future__ import annotations

import numpy as np

from multiref_gym.tangrams.pieces import SEVEN, rounded

LONGER = 1.25
"""The ratio of the sides of the upright box from which a figure is called tall or wide."""

BROAD = 0.4
"""The smallest length of a broad base, as a fraction of the longer side of the upright box."""

NEAR = 0.9
"""Parts that are less than this above the ground look as if they stood on it; the small triangle's leg is 2."""

SHIFT = 1 << 12
"""Larger than any coordinate within a figure, so that several can be packed into one number."""


def outlines(corners: np.ndarray) -> np.ndarray:
    """Returns rows that are equal for figures with equal silhouettes, wherever they lie.

    Every edge of a piece, run clockwise, counts 1 where it starts and -1 where it ends, for its direction. Where two
    pieces share an edge, or a part of it, they run it in opposite senses, and the counts within the silhouette cancel;
    the rest are the corners of the silhouette.

    Args:
        corners: See `pieces.exact_corners`; the pieces of a figure do not overlap.

    Returns:
        int64 (n, m): a row for each silhouette with its corners in order, then zeros. The number of a corner stands for
        its place, the direction of an edge there and their count.
    """
    points = rounded(corners)
    x, y = np.moveaxis(points - points[:, :, :1], -1, 0)
    # A mirrored piece runs counterclockwise: its area is negative.
    area = (x * np.roll(y, -1, axis=2) - y * np.roll(x, -1, axis=2)).sum(axis=2)
    starts = np.broadcast_to(np.sign(area).astype(np.int64)[..., None], x.shape)
    right, down = np.moveaxis(np.sign(np.roll(points, -1, axis=2) - points).astype(np.int64), -1, 0)
    level, upright, falling, rising = range(4)
    direction = np.select([down == 0, right == 0, right == down], [level, upright, falling], rising)
    place = ((corners - _origin(corners)) * SHIFT ** np.arange(4).reshape(2, 2)).sum(axis=(-1, -2))
    ends = np.roll(place, -1, axis=2)
    # At each place, once for the edge that starts there and once for the one that ends there.
    marks = np.stack([place, ends], axis=1) * 4 + direction[:, None]
    counts = np.stack([starts, -starts], axis=1)
    return _summed(marks.reshape(len(corners), -1), counts.reshape(len(corners), -1))


def _summed(marks: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Adds up the counts of equal marks in each row.

    Returns sorted rows with a number for each mark and its sum, or 0 if the sum is 0.
    """
    order = marks.argsort(axis=1)
    marks, counts = np.take_along_axis(marks, order, axis=1), np.take_along_axis(counts, order, axis=1)
    group = np.cumsum(np.diff(marks, axis=1, prepend=marks[:, :1]) > 0, axis=1)
    rows = np.arange(len(marks))[:, None]
    sums = np.zeros_like(counts)
    np.add.at(sums, (rows, group), counts)
    distinct = np.zeros_like(marks)
    distinct[rows, group] = marks
    return np.sort(np.where(sums, distinct * len(SEVEN) * 4 + sums, 0), axis=1)


def _origin(corners: np.ndarray) -> np.ndarray:
    """Returns the exact upper left corner of the box around each figure, int64 (n, 1, 1, 2, 2)."""
    places = corners.reshape(len(corners), -1, 2, 2)
    least = rounded(places).argmin(axis=1)
    return np.take_along_axis(places, least[:, None, :, None], axis=1)[:, :, None]


def shapes(corners: np.ndarray) -> list[dict[str, str]]:
    """Returns the attributes of each figure's silhouette: `shape`, `summit`, `ground` and `sides`.

    Args:
        corners: See `pieces.exact_corners`; the pieces of a figure do not overlap.
    """
    points = rounded(corners)
    width, height = np.moveaxis(np.ptp(points, axis=(1, 2)), -1, 0)
    shape = np.select([height >= LONGER * width, width >= LONGER * height], ["tall", "wide"], "even")
    spots, length = _lowest(points * (1, -1))
    summit = np.select([spots > 1, length == 0], ["split", "point"], "flat")
    spots, length = _lowest(points)
    narrow = length < BROAD * np.maximum(width, height)
    ground = np.select([spots > 1, length == 0, narrow], ["feet", "point", "narrow"], "broad")
    mirrored = outlines(corners * np.array([[-1], [1]]))
    sides = np.where((outlines(corners) == mirrored).all(axis=1), "same", "different")
    columns = zip(shape.tolist(), summit.tolist(), ground.tolist(), sides.tolist(), strict=True)
    return [dict(zip(("shape", "summit", "ground", "sides"), values, strict=True)) for values in columns]


def _lowest(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the number of separate spots on which each figure stands, and the length on which it lies flat.

    Parts as near to the ground as `NEAR` look as if they stood on it.

    Args:
        points: The vertices of the pieces, float64 (n, 7, 4, 2), y down.

    Returns:
        int64 (n,) and float64 (n,).
    """
    x, y = points[..., 0], points[..., 1]
    ground = y.max(axis=(1, 2), keepdims=True)
    on_it = y == ground
    flat = np.where(on_it, x, -np.inf).max(axis=2) - np.where(on_it, x, np.inf).min(axis=2)
    # How far each piece reaches to the left and right in the strip above the ground: to its corners in the strip, and
    # to the points where its edges cross the strip's upper border.
    height = y - ground + NEAR
    next_x, next_height = np.roll(x, -1, axis=2), np.roll(height, -1, axis=2)
    crosses = height * next_height < 0
    share = height / np.where(crosses, height - next_height, 1)
    reach = np.concatenate([x, x + share * (next_x - x)], axis=2)
    within = np.concatenate([height >= 0, crosses], axis=2)
    lefts, rights = np.where(within, reach, np.inf).min(axis=2), np.where(within, reach, -np.inf).max(axis=2)
    order = lefts.argsort(axis=1)
    lefts, rights = np.take_along_axis(lefts, order, axis=1), np.take_along_axis(rights, order, axis=1)
    gaps = lefts[:, 1:] - np.maximum.accumulate(rights, axis=1)[:, :-1]
    return 1 + (np.isfinite(gaps) & (gaps > 1e-6)).sum(axis=1), np.maximum(flat, 0).sum(axis=1)


WORDS = {
    "shape=tall": ("taller than wide", "stretched out lengthwise", "kinda skinny"),
    "shape=wide": ("wider than tall", "spread out sideways", "kinda squat"),
    "shape=even": ("as tall as wide", "pretty compact", "like it fits a circle"),
    "summit=point": ("with a pointed top", "ending in a spike", "real pointy up there"),
    "summit=flat": ("with a flat top", "chopped off up there", "where you could set down a cup"),
    "summit=split": ("with a split top", "with two prongs", "parting up there"),
    "ground=broad": ("on a broad base", "planted solid", "with a hefty bottom"),
    "ground=narrow": ("on a narrow base", "perched on a stub", "with a tiny bottom"),
    "ground=point": ("on one corner", "balancing on nothing", "about to topple"),
    "ground=feet": ("on separate feet", "with a gap underneath", "propped up on stilts"),
    "sides=same": ("the same on both sides", "totally symmetrical", "like a mirror image"),
    "sides=different": ("different on each side", "kinda lopsided", "off balance"),
}
"""Words for the facts of `shapes`."""
