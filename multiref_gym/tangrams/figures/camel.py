"""Camels: a body with a hump, a neck, a head with a muzzle, a tail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Part, Point, Sketch, point, put, roots, units
from multiref_gym.tangrams.figures.family import Family, Words
from multiref_gym.tangrams.figures.quadruped import short_tails

POSES = ("standing", "lying")
HUMPS = ("front", "middle", "rear")
HEADS = ("square", "diamond")
TAILS = ("up", "level", "down")
FACINGS = ("left", "right")

WITHERS = point(0, 0)
"""The front end of the back."""


def camels() -> Iterator[Sketch]:
    """Proposes every pose, hump, head and tail; the short back of a lying camel has no room for a hump in front."""
    for pose, hump, head, tail, facing in product(POSES, HUMPS, HEADS, TAILS, FACINGS):
        if (pose, hump) == ("lying", "front"):
            continue
        shoulders, trunk = _standing(hump, tail) if pose == "standing" else _lying(hump, tail)
        parts = (*_head_and_neck(head, shoulders), *trunk)
        yield Sketch({"pose": pose, "hump": hump, "head": head, "tail": tail}, parts).facing(facing)


def _standing(hump: str, tail: str) -> tuple[Point, tuple[Part, ...]]:
    """Where the neck ends on the back, and the body with hump and tail."""
    rump = WITHERS.moved(units(8))
    trunk = (
        ("front leg", put("large", "nw", "nw", WITHERS)),
        ("hind leg", put("large", "ne", "ne", rump)),
        ("hump", put("medium", "up", "s", WITHERS.moved(units(3 + HUMPS.index(hump))))),
        ("tail", short_tails(rump)[tail]),
    )
    return WITHERS.moved(units(1)), trunk


def _lying(hump: str, tail: str) -> tuple[Point, tuple[Part, ...]]:
    rump = WITHERS.moved(roots(8))
    tails = {
        "up": put("small", "up", "sw", rump),
        "level": put("small", "left", "w", rump),
        "down": put("small", "se", "ne", rump),
    }
    middle = WITHERS.moved(roots(4))
    trunk = (
        ("chest", put("large", "up", "n", WITHERS)),
        ("body", put("large", "down", "nw", WITHERS)),
        ("hump", put("medium", "up", "s", middle) if hump == "middle" else put("medium", "up", "se", rump)),
        ("tail", tails[tail]),
    )
    return WITHERS.moved(roots(1)), trunk


def _head_and_neck(shape: str, shoulders: Point) -> Iterator[Part]:
    """A neck that leans forward, and on it a head with a muzzle."""
    neck = put("parallelogram", "flat \\", "se", shoulders)
    crest = neck.anchor("nw")
    yield "neck", neck
    if shape == "square":
        head = put("square", shape, "sw", crest)
        yield from (("head", head), ("muzzle", put("small", "se", "se", head.anchor("sw"))))
    else:
        head = put("square", shape, "s", crest.moved(units(1)))
        yield from (("head", head), ("muzzle", put("small", "up", "n", head.anchor("w"))))


FAMILY = Family(
    "camel",
    camels,
    {
        "family=camel": Words(("a camel",), ("some desert critter", "a llama maybe", "one of those spitting guys")),
        "hump=front": Words(("with the hump in front",), ("hunched near the collar", "with bad posture early")),
        "hump=middle": Words(("with a central hump",), ("centered for a rider", "with a tent pitched on it")),
        "hump=rear": Words(("with the hump at the rear",), ("loaded late", "with luggage in the trunk")),
    },
)
