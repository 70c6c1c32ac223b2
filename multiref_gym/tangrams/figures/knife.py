"""Knives: a long blade, slanted at its tip, that goes on from the handle along its back; most ways up."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Sketch, named, point, put, roots, units
from multiref_gym.tangrams.figures.blocks import long_post, post, slab


def knives() -> Iterator[Sketch]:
    """Proposes tips at the back with every handle, and tips at the edge with a flat one; lying, the edge is down."""
    for (tip, end), side in product((("back", "flat"), ("edge", "flat"), ("back", "bent")), SIDES):
        knife = _knife(tip, end)
        yield knife.facing(side).turned("upright")
        if end == "flat":
            # Turning it over swaps the sides.
            over = knife.facing("right" if side == "left" else "left").turned("over")
            yield Sketch({**over.attributes, "facing": side}, over.pieces)
        yield Sketch(knife.attributes, knife.facing(side).pieces).turned(side)
        yield Sketch(knife.attributes, knife.facing(side).pieces).leaning(side)


def _knife(tip: str, end: str) -> Sketch:
    """Returns a knife with its edge on the left; the handle, 2 wide, is under the right end of the blade."""
    blade = slab("right" if tip == "back" else "left", "bottom", point())
    top = point().moved(roots(4) - units(2), roots(12))
    handle = long_post("medium", top)
    if end == "bent":
        handle = *post("square", top), put("parallelogram", "flat /", "ne", top.moved(units(2), units(4)))
    parts = *named("blade", *blade), *named("handle", *handle)
    return Sketch({"tip": tip, "grip": end}, parts)


WORDS = {
    "family=knife": ("a knife", "a cleaver", "a chopping tool", "some butcher stuff"),
    "tip=back": ("with a blade pointed to its back", "slicing like a razor", "ready to stab"),
    "tip=edge": ("with a blade pointed off its back", "for spreading butter", "like for sushi"),
    "grip=flat": ("with a flat grip", "with a simple stick", "held by a ruler"),
    "grip=bent": ("with a bent grip", "with a crooked hilt", "with a flick at the hilt"),
}
