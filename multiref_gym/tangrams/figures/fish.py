"""Fish from the side: a body of the two large triangles, a tail of three pieces, a fin on the back and one below."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .assembly import Part, Piece, Point, Sketch, point, put, units

TAILS = ("fan", "forked")
BIG_FINS = ("above", "below")
LEANS = ("upright", "swept")
LITTLE_FINS = ("front", "rear")
FACINGS = ("left", "right")


def fish() -> Iterator[Sketch]:
    """Yields fish that face left, and their mirror images."""
    upper = put("large", "up", "s", point())
    lower = put("large", "down", "n", point())
    top = upper.anchor("n")
    for tail, big, lean, little, facing in product(TAILS, BIG_FINS, LEANS, LITTLE_FINS, FACINGS):
        broad = put("medium", "left", "w", top) if lean == "upright" else put("medium", "down", "nw", top)
        narrow = (
            put("parallelogram", "tall /", "se", top.moved(dy=units(2)))
            if little == "front"
            else put("parallelogram", "tall \\", "sw", top.moved(dy=units(2)))
        )
        if big == "above":
            narrow = _upside_down(narrow)
        else:
            broad = _upside_down(broad)
        parts = (("body", upper), ("body", lower), *_tail(tail, upper.anchor("se")), ("fin", broad), ("fin", narrow))
        yield Sketch({"tail": tail, "bigfin": big, "lean": lean, "littlefin": little}, parts).facing(facing)


def _upside_down(piece: Piece) -> Piece:
    return Piece(piece.kind, tuple(Point(x, -y) for x, y in piece.vertices))


def _tail(shape: str, rear: Point) -> tuple[Part, ...]:
    root = put("square", "diamond", "w", rear)
    if shape == "fan":
        lobes = put("small", "left", "w", root.anchor("n")), put("small", "left", "w", root.anchor("s"))
    else:
        lobes = put("small", "down", "nw", root.anchor("n")), put("small", "up", "sw", root.anchor("s"))
    return ("tail", root), ("tail", lobes[0]), ("tail", lobes[1])
