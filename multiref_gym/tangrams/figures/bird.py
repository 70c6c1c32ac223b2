"""Birds: a body, a neck and a head with a beak, a tail, a leg or a crest."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .assembly import Point, Sketch, point, put, roots, units

HEADS = ("square", "diamond")
NECKS = ("forward", "back")
TAILS = ("up", "level", "wing")
SMALLS = ("leg", "crest")
FACINGS = ("left", "right")


def birds() -> Iterator[Sketch]:
    """Yields birds that face left, and their mirror images."""
    for head, neck, tail, extra, facing in product(HEADS, NECKS, TAILS, SMALLS, FACINGS):
        front = put("large", "down", "nw", point())
        rear = put("large", "up", "n", front.anchor("ne"))
        throat = (
            put("parallelogram", "flat \\", "se", point(2)) if neck == "forward" else put("parallelogram", "flat /", "sw", point())
        )
        nape = point(-1, -2) if neck == "forward" else point(3, -2)
        face = put("square", head, "s", nape)
        if head == "square":
            beak = put("small", "se", "se", face.anchor("sw"))
            crest = put("small", "se", "se", face.anchor("ne"))
        else:
            beak = put("small", "up", "n", face.anchor("w"))
            crest = put("small", "left", "w", face.anchor("n"))
        start = rear.anchor("n")
        plume = {
            "up": put("medium", "left", "w", start),
            "level": put("medium", "down", "nw", start),
            "wing": put("medium", "se", "se", start),
        }[tail]
        leg = put("small", "nw", "nw", Point(roots(6), roots(4)))
        yield Sketch(
            {"head": head, "neck": neck, "tail": tail, "extra": extra},
            (
                ("body", front), ("body", rear), ("neck", throat), ("head", face), ("beak", beak), ("tail", plume),
                (extra, leg if extra == "leg" else crest),
            ),
        ).facing(facing)
