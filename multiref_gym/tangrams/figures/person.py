"""People in profile: a head, a trunk, an arm, legs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from .assembly import Sketch, point, put, roots, units

HEADS = ("square", "diamond")
ARMS = ("raised", "forward", "down")
LEGS = ("walking", "kneeling", "standing")
FACINGS = ("left", "right")


def people() -> Iterator[Sketch]:
    for head, arm, legs, facing in product(HEADS, ARMS, LEGS, FACINGS):
        trunk = (("trunk", put("large", "nw", "nw", point(0, 0))), ("trunk", put("large", "se", "nw", point(0, 0))))
        crown = ("head", put("square", head, "s", point(2, 0)))
        shoulder = point(0, 0)
        limb = ("arm", {"raised": put("small", "se", "se", shoulder), "forward": put("small", "ne", "ne", shoulder), "down": put("small", "left", "ne", shoulder)}[arm])
        if legs == "walking":
            low = (("leg", put("parallelogram", "flat /", "nw", point(-2, 4))), ("leg", put("medium", "ne", "ne", point(4, 4))), )
            foot = ("foot", put("small", "se", "se", low[1][1].anchor("se")))
        elif legs == "kneeling":
            low = (("leg", put("parallelogram", "flat /", "nw", point(-2, 4))), ("leg", put("medium", "down", "nw", point(2, 4))), )
            foot = ("foot", put("small", "sw", "sw", point(4, 6)))
        else:
            low = (("leg", put("parallelogram", "flat /", "nw", point(0, 4))), ("leg", put("medium", "down", "nw", point(2, 4))), )
            foot = ("foot", put("small", "sw", "sw", point(4, 6)))
        yield Sketch({"head": head, "arm": arm, "legs": legs}, (crown, *trunk, limb, *low, foot)).facing(facing)
