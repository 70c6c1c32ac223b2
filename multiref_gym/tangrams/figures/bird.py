"""Birds: a body, a neck and a head with a beak, a tail, legs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .assembly import Sketch, point, put, roots, units

HEADS = ("square", "diamond")
TAILS = ("up", "down", "level")
NECKS = ("upright", "stretched")
FACINGS = ("left", "right")


def birds() -> Iterator[Sketch]:
    for head, tail, neck, facing in product(HEADS, TAILS, NECKS, FACINGS):
        front = put("large", "down", "nw", point(0, 0))
        rear = put("large", "up", "sw", front.anchor("s"))
        throat = put("parallelogram", "steep \\" if neck == "upright" else "flat \\", "se" if neck == "stretched" else "sw", point(0, 0))
        face = put("square", head, "s" , throat.anchor("nw"))
        beak = put("small", "right" if head == "diamond" else "se", "e" if head == "diamond" else "se", face.anchor("w" if head == "diamond" else "sw"))
        end = rear.anchor("n")
        plume = {"up": put("medium", "sw", "sw", end), "level": put("medium", "up", "sw", end), "down": put("medium", "nw", "nw", rear.anchor("se"))}[tail]
        leg = put("small", "nw", "nw", rear.anchor("sw"))
        yield Sketch({"head": head, "tail": tail, "neck": neck}, (("body", front), ("body", rear), ("neck", throat), ("head", face), ("beak", beak), ("tail", plume), ("leg", leg))).facing(facing)
