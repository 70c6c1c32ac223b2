"""Camels: a body with a hump, a neck, a head with a muzzle, a tail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Part, Sketch, point, put, units
from multiref_gym.tangrams.figures.blocks import beak
from multiref_gym.tangrams.figures.quadruped import short_tails

HUMPS = ("front", "middle", "rear")
HEADS = ("square", "diamond")

WITHERS = point(0, 0)
"""The front end of the back."""


def camels() -> Iterator[Sketch]:
    """Proposes every hump, head and tail; all camels stand, because a lying camel looks like a duck."""
    rump = WITHERS.moved(units(8))
    for hump, head, (tail, tail_piece), facing in product(HUMPS, HEADS, short_tails(rump).items(), SIDES):
        parts = (
            *_head_and_neck(head),
            ("front leg", put("large", "nw", "nw", WITHERS)),
            ("hind leg", put("large", "ne", "ne", rump)),
            ("hump", put("medium", "up", "s", WITHERS.moved(units(3 + HUMPS.index(hump))))),
            ("tail", tail_piece),
        )
        yield Sketch({"hump": hump, "head": head, "tail": tail}, parts).facing(facing)


def _head_and_neck(shape: str) -> tuple[Part, ...]:
    """Returns a neck that leans forward, and a head with a muzzle on it."""
    neck = put("parallelogram", "flat \\", "se", point(1))
    head = put("square", shape, "s", neck.anchor("nw").moved(units(1)))
    return ("neck", neck), ("head", head), ("muzzle", beak(head, shape))


WORDS = {
    "family=camel": ("a camel", "some desert critter", "a llama maybe", "one of those spitting guys"),
    "hump=front": ("with the hump in front", "hunched near the collar", "with bad posture early"),
    "hump=middle": ("with a central hump", "centered for a rider", "with a tent pitched on it"),
    "hump=rear": ("with the hump at the rear", "loaded late", "with luggage in the trunk"),
}
