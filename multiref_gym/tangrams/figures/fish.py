"""Fish: a lozenge of a body, a tail, fins."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .assembly import Sketch, point, put, roots, units

TAILS = ("fan", "forked")
BACKS = ("swept", "raised")
BELLIES = ("front", "rear")
FACINGS = ("left", "right")


def fish() -> Iterator[Sketch]:
    for tail, back, belly, facing in product(TAILS, BACKS, BELLIES, FACINGS):
        upper = put("large", "up", "s", point(0, 0))
        lower = put("large", "down", "n", point(0, 0))
        rear, front = upper.anchor("se"), upper.anchor("sw")
        fin = put("parallelogram", "flat \\" if back == "swept" else "tall \\", "sw" , upper.anchor("n").moved(units(1), units(1)))
        chin = put("square", "diamond", "ne", lower.anchor("s").moved(roots(-2), roots(-2)))
        if tail == "fan":
            end = (("tail", put("medium", "left", "w", rear)),
                   ("mouth", put("small", "sw", "se", front)), ("mouth", put("small", "nw", "ne", front)))
        else:
            end = (("tail", put("small", "sw", "sw", rear)), ("tail", put("small", "nw", "nw", rear)), ("mouth", put("medium", "right", "e", front)))
        yield Sketch({"tail": tail, "back": back, "belly": belly}, (("body", upper), ("body", lower), ("back", fin), ("belly", chin), *end)).facing(facing)
