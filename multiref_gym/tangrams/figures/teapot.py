"""Teapots: a square belly with a spout, a lid and a handle, and maybe a foot."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Part, Sketch, laid, named, point, put
from multiref_gym.tangrams.figures.blocks import block

EARS = {"square": "square 4 0", "pointed": "medium right 4 0", "forked": "small nw 4 0, small sw 4 2"}
FEET = {"pedestal": "medium up 0 4", "square": "square 1 4", "flared": "small se -2 2, small sw 4 2", "none": ""}
"""Handles and feet for a belly of 4 x 4."""

POTS = (
    ("dome", "square", "flared"),
    ("dome", "square", "pedestal"),
    ("dome", "pointed", "square"),
    ("flat", "pointed", "none"),
    ("knob", "pointed", "none"),
    ("knob", "forked", "none"),
)
"""The lids, handles and feet that can be made of the medium triangle, the small ones and the square."""


def teapots() -> Iterator[Sketch]:
    """Proposes every pot with a high or a low spout, unless a wide lid or a flared foot is in its way."""
    for lid, ear, foot in POTS:
        spouts = {"high", "low"} - {"high" if lid == "flat" else "", "low" if foot == "flared" else ""}
        for spout, side in product(sorted(spouts), SIDES):
            parts = (
                *named("belly", *block(point())),
                ("spout", put("parallelogram", "tall \\", "se", point(0, 4 if spout == "low" else 2))),
                *_lid(lid, with_medium=ear != "pointed" and foot != "pedestal"),
                *named("ear", *laid(EARS[ear])),
                *named("foot", *laid(FEET[foot])),
            )
            yield Sketch({"lid": lid, "ear": ear, "foot": foot, "spout": spout}, parts).facing(side)


def _lid(shape: str, with_medium: bool) -> tuple[Part, ...]:
    """Returns a lid: a dome is the medium triangle or the small ones, a flat lid the square between the small ones."""
    if shape == "flat":
        return named("lid", *laid("small se -1 -2, square 1 -2, small sw 3 -2"))
    dome = named("lid", *laid("medium up 0 -2" if with_medium else "small se 0 -2, small sw 2 -2"))
    return dome if shape == "dome" else (*dome, ("knob", put("square", "diamond", "s", point(2, -2))))


WORDS = {
    "family=teapot": ("a teapot", "a kettle", "an afternoon brewing thing", "a genie vessel"),
    "ear=forked": ("with a forked handle", "with a swallowtail", "with a crab pincer"),
    "lid=dome": ("with a domed lid", "with a roofed top", "covered by a tent"),
    "lid=flat": ("with a flat lid", "wearing a bonnet", "with a helmet on"),
    "lid=knob": ("with a diamond on its lid", "with a bauble on it", "having a bobble up top"),
    "spout=high": ("with an upper spout", "pouring from up top", "snout up in the air"),
    "spout=low": ("with a lower spout", "pouring from down there", "trunk near its bottom"),
}
