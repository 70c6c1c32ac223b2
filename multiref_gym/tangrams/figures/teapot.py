"""Teapots: a square belly with a spout, and by choice a lid, a handle and a foot."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Part, Sketch, named, point, put, units
from multiref_gym.tangrams.figures.blocks import block

RIM, GROUND = point(2, 0), point(2, 4)
"""The middle of the upper and lower side of the belly, which is 4 wide and 4 high."""

POTS = (
    ("dome", "square", "flared"),
    ("dome", "square", "pedestal"),
    ("dome", "pointed", "square"),
    ("flat", "pointed", "none"),
    ("knob", "pointed", "none"),
    ("knob", "forked", "none"),
)
"""The lids, ears and feet that the medium triangle, the small ones and the square are enough for."""


def teapots() -> Iterator[Sketch]:
    """Proposes every pot with its spout high or low, where neither a wide lid nor a flared foot is in the way."""
    for lid, ear, foot in POTS:
        spouts = {"high", "low"} - {"high" if lid == "flat" else "", "low" if foot == "flared" else ""}
        for spout, side in product(sorted(spouts), SIDES):
            parts = (
                *named("belly", *block(point())),
                ("spout", put("parallelogram", "tall \\", "se", point(0, 4 if spout == "low" else 2))),
                *_lid(lid, with_medium=ear != "pointed" and foot != "pedestal"),
                *_ear(ear),
                *_foot(foot),
            )
            yield Sketch({"lid": lid, "ear": ear, "foot": foot, "spout": spout}, parts).facing(side)


def _lid(shape: str, with_medium: bool) -> Iterator[Part]:
    """A dome is the medium triangle or the small ones; a flat lid is the square between the small ones."""
    if shape in ("dome", "knob"):
        if with_medium:
            yield "lid", put("medium", "up", "s", RIM)
        else:
            yield "lid", put("small", "se", "se", RIM)
            yield "lid", put("small", "sw", "sw", RIM)
    if shape == "flat":
        yield "lid", put("small", "se", "se", RIM.moved(units(-1)))
        yield "lid", put("square", "square", "s", RIM)
        yield "lid", put("small", "sw", "sw", RIM.moved(units(1)))
    if shape == "knob":
        yield "knob", put("square", "diamond", "s", RIM.moved(dy=units(-2)))


def _ear(shape: str) -> Iterator[Part]:
    top, bottom = point(4, 0), point(4, 4)
    if shape == "square":
        yield "ear", put("square", "square", "nw", top)
    elif shape == "pointed":
        yield "ear", put("medium", "right", "nw", top)
    elif shape == "forked":
        yield "ear", put("small", "nw", "nw", top)
        yield "ear", put("small", "sw", "sw", bottom)


def _foot(shape: str) -> Iterator[Part]:
    if shape == "pedestal":
        yield "foot", put("medium", "up", "n", GROUND)
    elif shape == "square":
        yield "foot", put("square", "square", "n", GROUND)
    elif shape == "flared":
        yield "foot", put("small", "se", "se", GROUND.moved(units(-2)))
        yield "foot", put("small", "sw", "sw", GROUND.moved(units(2)))


WORDS = {
    "family=teapot": ("a teapot", "a kettle", "an afternoon brewing thing", "a genie vessel"),
    "ear=forked": ("with a forked handle", "with a swallowtail", "with a crab pincer"),
    "lid=dome": ("with a domed lid", "with a roofed top", "covered by a tent"),
    "lid=flat": ("with a flat lid", "wearing a bonnet", "with a helmet on"),
    "lid=knob": ("with a diamond on its lid", "with a bauble on it", "having a bobble up top"),
    "spout=high": ("with an upper spout", "pouring from up top", "snout up in the air"),
    "spout=low": ("with a lower spout", "pouring from down there", "trunk near its bottom"),
}
