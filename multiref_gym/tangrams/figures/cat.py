"""Cats, sitting or lying: a face with two ears, a body, a paw in front, a tail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import ZERO, Part, Point, Sketch, put, roots, units
from multiref_gym.tangrams.figures.family import Family, Words

POSES = ("sitting", "lying")
EARS = ("both", "one")
TAILS = ("up", "down", "out")
PAWS = ("forward", "tucked")
FACINGS = ("left", "right")

CROWN = Point(roots(4), ZERO)
"""The top of the back, at the nape."""


def cats() -> Iterator[Sketch]:
    """Proposes every pose, tail and pair of ears; a lying cat always has its paws tucked."""
    for pose, ears, tail, paw, facing in product(POSES, EARS, TAILS, PAWS, FACINGS):
        if (pose, paw) == ("lying", "forward"):
            continue
        parts = (*_head(ears), *(_sitting(tail, paw) if pose == "sitting" else _lying(tail)))
        yield Sketch({"pose": pose, "ears": ears, "tail": tail, "paw": paw}, parts).facing(facing)


def _head(ears: str) -> Iterator[Part]:
    """A face on the front slope of the body, the rear ear pricked or hanging out to the back."""
    face = put("square", "diamond", "e", CROWN)
    top = face.anchor("n")
    yield "head", face
    yield "ear", put("small", "right", "e", top)
    yield "ear", put("small", "left", "w", top) if ears == "both" else put("small", "down", "nw", top)


def _sitting(tail: str, paw: str) -> Iterator[Part]:
    chest = put("large", "left", "ne", CROWN)
    yield "body", chest
    feet = chest.anchor("se")
    back = put("large", "sw", "sw", feet)
    yield "body", back
    yield "paw", put("medium", "up", "se", feet) if paw == "forward" else put("medium", "sw", "se", feet)
    rump = back.anchor("se")
    tails = {
        "up": put("parallelogram", "tall \\", "se", rump),
        "down": put("parallelogram", "flat \\", "sw", rump.moved(units(-2))),
        "out": put("parallelogram", "flat /", "sw", rump),
    }
    yield "tail", tails[tail]


def _lying(tail: str) -> Iterator[Part]:
    front = put("large", "up", "n", CROWN)
    back = put("large", "down", "nw", CROWN)
    haunch = put("medium", "se", "ne", back.anchor("ne"))
    yield from (("body", front), ("body", back), ("haunch", haunch))
    tails = {
        "up": put("parallelogram", "tall /", "sw", haunch.anchor("se")),
        "down": put("parallelogram", "tall \\", "sw", haunch.anchor("se")),
        "out": put("parallelogram", "flat /", "sw", haunch.anchor("ne")),
    }
    yield "tail", tails[tail]


FAMILY = Family(
    "cat",
    cats,
    {
        "family=cat": Words(("a cat",), ("a kitty", "a meowing puss")),
        "pose=sitting": Words(("sitting",), ("on its haunches", "begging for dinner")),
        "pose=lying": Words(("lying down",), ("napping lazily", "flopped on the sofa")),
        "paw=forward": Words(("with a paw forward",), ("testing the water", "scratching a post")),
        "paw=tucked": Words(("with tucked paws",), ("curled as a loaf", "hiding its mittens")),
        "ears=both": Words(("with both ears up",), ("listening closely", "horned like a devil")),
        "ears=one": Words(("with one ear up",), ("half deaf", "lopsided on the skull")),
        "tail=out": Words(("with its tail out",), ("pointing away like a lever", "easy to step on")),
    },
)
