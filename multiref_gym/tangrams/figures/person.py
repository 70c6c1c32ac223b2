"""People in profile: a head, a body of the two large triangles, an arm, legs, a hat or a bundle on the back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .assembly import Piece, Point, Sketch, point, put, roots, units

HEADS = ("square", "diamond")
BODIES = ("box", "cape", "dress")
ARMS = ("raised", "lowered")
MEDIUMS = ("hat", "pack")
LEGS = ("apart", "together")
FACINGS = ("left", "right")


def people() -> Iterator[Sketch]:
    """Yields people who face left, and their mirror images; the neck is at the origin."""
    neck = point()
    for head, body, arm, load, legs, facing in product(HEADS, BODIES, ARMS, MEDIUMS, LEGS, FACINGS):
        if body == "dress" and load == "pack":
            continue
        face = put("square", head, "s", neck)
        torso = _body(body)
        if load == "hat":
            extra = put("medium", "up", "s", face.anchor("n"))
        elif body == "box":
            extra = put("medium", "right", "nw", point(2, 0))
        else:
            extra = put("medium", "left", "w", point(1, 1))
        pieces = (
            ("head", face),
            *(("body", piece) for piece in torso),
            ("arm", _arm(body, arm)),
            (load, extra),
            *(("leg", piece) for piece in _legs(legs, torso[1].anchor("s").y)),
        )
        yield Sketch({"head": head, "body": body, "arm": arm, "load": load, "legs": legs}, pieces).facing(facing)


def _body(shape: str) -> tuple[Piece, Piece]:
    if shape == "box":
        return put("large", "nw", "nw", point(-2, 0)), put("large", "se", "nw", point(-2, 0))
    if shape == "cape":
        return put("large", "se", "ne", point()), put("large", "sw", "nw", point())
    waist = Point(units(0), roots(4))
    return put("large", "down", "s", waist), put("large", "up", "n", waist)


def _arm(body: str, arm: str) -> Piece:
    if body == "box":
        return (
            put("parallelogram", "tall \\", "se", point(-2, 2))
            if arm == "raised"
            else put("parallelogram", "tall /", "ne", point(-2, 0))
        )
    if body == "cape":
        return (
            put("parallelogram", "tall /", "nw", point(-4, 0))
            if arm == "raised"
            else put("parallelogram", "flat /", "nw", point(-5, 1))
        )
    if arm == "raised":
        return put("parallelogram", "flat \\", "se", point(-1, 0))
    return put("parallelogram", "steep \\", "nw", Point(roots(-4), units(0)))


def _legs(legs: str, ground) -> tuple[Piece, Piece]:
    if legs == "apart":
        return put("small", "nw", "nw", Point(units(-2), ground)), put("small", "ne", "ne", Point(units(2), ground))
    return put("small", "ne", "ne", Point(units(0), ground)), put("small", "ne", "ne", Point(units(2), ground))
