"""Sailing boats: a hull, two sails, a flag."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .assembly import Piece, Point, Sketch, point, put, roots, units

SAILS = ("pair", "square", "kite", "swept", "stacked")
FLAGS = ("left", "right", "up")
STERNS = ("sloped", "left", "right")


def boats() -> Iterator[Sketch]:
    for sails, flag, stern in product(SAILS, FLAGS, STERNS):
        cloth = _sails(sails, point(4, 0))
        top = min((corner for piece in cloth for corner in piece.vertices), key=lambda corner: corner.y)
        hull = (
            put("parallelogram", "flat \\", "nw", point(0, 0)),
            put("small", "ne", "nw", point(2, 0)),
            put("square", "square", "nw", point(4, 0)),
            put("small", "nw" if stern == "sloped" else "sw", "nw", point(6, 0)),
        )
        sketch = Sketch(
            {"sails": sails, "flag": flag, "hull": "both" if stern == "sloped" else stern},
            (
                *(("sail", piece) for piece in cloth),
                *(("hull", piece) for piece in hull),
                ("flag", _flag(flag, top)),
            ),
        )
        yield sketch


def _sails(shape: str, foot: Point) -> tuple[Piece, Piece]:
    """Two large triangles that stand on the deck at ``foot``."""
    if shape == "pair":
        return put("large", "se", "se", foot), put("large", "sw", "sw", foot)
    if shape == "square":
        left = foot.moved(units(-2))
        return put("large", "sw", "sw", left), put("large", "ne", "sw", left)
    if shape == "kite":
        lower = put("large", "down", "s", foot)
        return lower, put("large", "up", "s", lower.anchor("n"))
    if shape == "swept":
        return put("large", "se", "se", foot), put("large", "nw", "sw", foot)
    lower = put("large", "up", "s", foot)
    return lower, put("large", "up", "s", lower.anchor("n"))


def _flag(side: str, top: Point) -> Piece:
    if side == "left":
        return put("medium", "left", "se", top)
    if side == "right":
        return put("medium", "right", "sw", top)
    return put("medium", "up", "s", top)
