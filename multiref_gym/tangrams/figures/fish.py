"""Fish from the side: a body of the two large triangles, a tail of three pieces, a big fin and a little one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Part, Piece, Point, Sketch, point, put, units

TAILS = ("fan", "forked")
BIG_FINS = ("above", "below")
LEANS = ("upright", "swept")
LITTLE_FINS = ("front", "rear")
FACINGS = ("left", "right")

UPPER = put("large", "up", "s", point(0, 0))
LOWER = put("large", "down", "n", point(0, 0))


def fish() -> Iterator[Sketch]:
    """Proposes every tail with the big fin above or below, and the little one on the other side."""
    for tail, big, lean, little, facing in product(TAILS, BIG_FINS, LEANS, LITTLE_FINS, FACINGS):
        attributes = {"tail": tail, "bigfin": big, "lean": lean, "littlefin": little}
        parts = (("body", UPPER), ("body", LOWER), *_tail(tail), *_fins(big, lean, little))
        yield Sketch(attributes, parts).facing(facing)


def _tail(shape: str) -> Iterator[Part]:
    root = put("square", "diamond", "w", UPPER.anchor("se"))
    yield "tail", root
    if shape == "fan":
        yield "tail", put("small", "left", "w", root.anchor("n"))
        yield "tail", put("small", "left", "w", root.anchor("s"))
    else:
        yield "tail", put("small", "down", "nw", root.anchor("n"))
        yield "tail", put("small", "up", "sw", root.anchor("s"))


def _fins(side: str, lean: str, little: str) -> tuple[Part, Part]:
    back = UPPER.anchor("n")
    big = put("medium", "left", "w", back) if lean == "upright" else put("medium", "down", "nw", back)
    shoulder = back.moved(dy=units(2))
    if little == "front":
        small = put("parallelogram", "tall /", "se", shoulder)
    else:
        small = put("parallelogram", "tall \\", "sw", shoulder)
    if side == "above":
        return ("fin", big), ("fin", _upside_down(small))
    return ("fin", _upside_down(big)), ("fin", small)


def _upside_down(piece: Piece) -> Piece:
    """Mirrors a piece about the middle line of the body, from the back to the belly."""
    return Piece(piece.kind, tuple(Point(x, -y) for x, y in piece.vertices))
