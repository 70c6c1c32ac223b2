"""Houses: a wall and a roof, a chimney, a wing to one side."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .assembly import Piece, Sketch, point, put, units

CHIMNEYS = ("left", "right", "none")
WINGS = ("left", "right")
HEIGHTS = ("low", "high")
BASES = ("flat", "stilts", "eaves")


def houses() -> Iterator[Sketch]:
    for chimney, wing, height in product(CHIMNEYS, WINGS, HEIGHTS):
        common = {"chimney": chimney, "wing": wing, "level": height}
        roof = put("large", "up", "s", point(2, 0))
        wall = (
            put("large", "sw", "nw", point(0, 0)),
            put("medium", "down", "nw", point(0, 0)),
            put("small", "se", "ne", point(4, 0)),
            put("small", "ne", "se", point(4, 4)),
        )
        extras = (("chimney", _chimney(roof, chimney)), ("wing", _wing(wing, height)))
        walls = tuple(("wall", piece) for piece in wall)
        yield Sketch({**common, "roof": "wide"}, (("roof", roof), *walls, *extras))

    for chimney, wing, height, base in product(CHIMNEYS, WINGS, HEIGHTS, BASES[1:]):
        roof = put("medium", "up", "s", point(2, 0))
        wall = (put("large", "sw", "nw", point(0, 0)), put("large", "ne", "nw", point(0, 0)))
        if base == "stilts":
            feet = (put("small", "nw", "nw", point(0, 4)), put("small", "ne", "ne", point(4, 4)))
        else:
            feet = (put("small", "se", "se", point(0, 0)), put("small", "sw", "sw", point(4, 0)))
        yield Sketch(
            {"chimney": chimney, "wing": wing, "level": height, "roof": "narrow", "base": base},
            (
                ("roof", roof),
                *(("wall", piece) for piece in wall),
                *((base, piece) for piece in feet),
                ("chimney", _chimney(roof, chimney)),
                ("wing", _wing(wing, height)),
            ),
        )


def _chimney(roof: Piece, side: str) -> Piece:
    """The parallelogram on a slope of the roof, or, with no chimney, lying on it as a long eave to the right."""
    peak = roof.anchor("n")
    if side == "left":
        return put("parallelogram", "tall /", "se", peak.moved(dy=units(2)))
    if side == "right":
        return put("parallelogram", "tall \\", "sw", peak.moved(dy=units(2)))
    return put("parallelogram", "flat \\", "se", roof.anchor("se").moved(units(2)))


def _wing(side: str, height: str) -> Piece:
    level = point(0, 2 if height == "low" else 0).y
    if side == "left":
        return put("square", "square", "ne", point(0).moved(dy=level))
    return put("square", "square", "nw", point(4).moved(dy=level))
