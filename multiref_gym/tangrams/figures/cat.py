"""Cats: a face with two ears, a body, a tail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .assembly import ZERO, Piece, Point, Sketch, point, put, roots, units

POSES = ("sitting", "lying")
PAWS = ("forward", "tucked")
EARS = ("both", "one")
TAILS = ("up", "down", "out")
FACINGS = ("left", "right")


def cats() -> Iterator[Sketch]:
    """Yields cats that face left, and their mirror images."""
    for pose, ears, tail, paw, facing in product(POSES, EARS, TAILS, PAWS, FACINGS):
        face = put("square", "diamond", "e", Point(roots(4), ZERO))
        body, brush = _lying(tail) if pose == "lying" else _sitting(tail, paw)
        two = (
            put("small", "right", "e", face.anchor("n")),
            put("small", "left", "w", face.anchor("n")) if ears == "both" else put("small", "down", "nw", face.anchor("n")),
        )
        yield Sketch(
            {"pose": pose, "ears": ears, "tail": tail, "paw": paw},
            (("head", face), *(("ear", p) for p in two), *(("body", p) for p in body), ("tail", brush)),
        ).facing(facing)


def _sitting(tail: str, paw: str) -> tuple[tuple[Piece, ...], Piece]:
    chest = put("large", "left", "nw", point())
    paw = put("medium", "sw", "sw", Point(ZERO, roots(8))) if paw == "tucked" else put("medium", "up", "se", Point(roots(4), roots(8)))
    back = put("large", "sw", "sw", Point(roots(4), roots(8)))
    rump = back.anchor("se")
    brush = {
        "up": put("parallelogram", "tall \\", "se", rump),
        "down": put("parallelogram", "flat \\", "sw", rump.moved(units(-2))),
        "out": put("parallelogram", "flat /", "sw", rump),
    }[tail]
    return (chest, paw, back), brush


def _lying(tail: str) -> tuple[tuple[Piece, ...], Piece]:
    front = put("large", "up", "nw", point())
    back = put("large", "down", "nw", front.anchor("n"))
    haunch = put("medium", "se", "ne", back.anchor("ne"))
    top, low = haunch.anchor("ne"), haunch.anchor("se")
    brush = {
        "up": put("parallelogram", "tall /", "sw", low),
        "down": put("parallelogram", "tall \\", "sw", low),
        "out": put("parallelogram", "flat /", "sw", top),
    }[tail]
    return (front, back, haunch), brush
