"""Hammers: a long head, blunt at one end and with a claw at the other, across a handle; upright or leaning."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Piece, Sketch, named, point, put, roots, units
from multiref_gym.tangrams.figures.blocks import long_post

HOLDS = {"face": 4, "middle": 6}
"""The position of the handle along the head, which is 12 long, in halves of sqrt(2)."""

LEANS = {"none": 0, "forward": -1, "backward": 1}
"""The leans of a hammer, in turns of 45 degrees; forward is towards its blunt face."""


def hammers() -> Iterator[Sketch]:
    """Proposes both claws on a handle at every place, facing both ways, upright and leaning."""
    for claw, hold, (lean, eighths), side in product(("upper", "lower"), HOLDS, LEANS.items(), SIDES):
        handle = long_post("medium", point().moved(roots(HOLDS[hold]) - units(1)))
        pieces = *named("head", *_head(claw)), *named("handle", *handle)
        yield Sketch({"claw": claw, "hold": hold}, pieces).rotated(eighths, lean=lean).facing(side)


def _head(claw: str) -> tuple[Piece, ...]:
    """Returns the head above height 0, with its blunt face on the left; the claw ends the longer of its long sides."""
    face = point()
    if claw == "upper":
        low = put("large", "up", "sw", face)
        return low, put("large", "down", "nw", low.anchor("n")), put("medium", "nw", "sw", face)
    high = put("large", "down", "sw", face)
    return high, put("large", "up", "sw", high.anchor("s")), put("medium", "sw", "sw", face)


WORDS = {
    "family=hammer": ("a mallet", "a hammer", "a carpenter's tool", "a nail banger"),
    "claw=upper": ("with an upper claw", "spiky along the top", "with a beak at the top"),
    "claw=lower": ("with a lower claw", "spiky along the bottom", "with a downward beak"),
    "hold=face": ("with a shaft off the centre", "ready to pull nails", "with a long nose"),
    "lean=forward": ("leaning forward", "swinging down", "smashing something"),
    "lean=backward": ("leaning backward", "taking a big swing", "cocked for a blow"),
    "hold=middle": ("with a central shaft", "super symmetrical", "like thor swings"),
}
