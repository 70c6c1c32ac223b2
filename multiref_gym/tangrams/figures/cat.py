"""Cats, sitting: a face with two ears, a body, a tail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .assembly import Sketch, point, put, roots, units

FACINGS = ("left", "right")


def cats() -> Iterator[Sketch]:
    for ears, tail, body, facing in product(("pointed", "wide"), ("up", "low", "level"), ("upright", "crouching"), FACINGS):
        face = put("square", "diamond" if ears == "pointed" else "square", "s", point(0, 0))
        if ears == "pointed":
            top = face.anchor("n")
            two = put("small", "right", "e", top), put("small", "left", "w", top)
        else:
            two = put("small", "se", "se", face.anchor("nw").moved(units(1))), put("small", "sw", "sw", face.anchor("ne").moved(units(-1)))
        if body == "upright":
            chest = put("medium", "up", "n", point(0, 0))
            back = put("large", "sw", "nw", chest.anchor("s"))
            seat = put("large", "ne", "nw", chest.anchor("s"))
        else:
            chest = put("medium", "up", "n", point(0, 0))
            back = put("large", "down", "nw", chest.anchor("sw"))
            seat = put("large", "up", "sw", back.anchor("s"))
        end = seat.anchor("se")
        brush = {"up": put("parallelogram", "tall /", "sw", end), "low": put("parallelogram", "flat \\", "sw", end), "level": put("parallelogram", "long /", "sw", end)}[tail]
        yield Sketch({"ears": ears, "tail": tail, "body": body}, (("head", face), *(("ear", e) for e in two), ("body", chest), ("body", back), ("body", seat), ("tail", brush))).facing(facing)
