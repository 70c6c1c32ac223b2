"""Dogs from the side: a body at rest or at a run, a head with a snout, a front paw, a hind leg, a tail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Part, Sketch, point, put, roots, units
from multiref_gym.tangrams.figures.family import Family, Words

GAITS = ("standing", "running")
HEADS = ("square", "diamond")
PAWS = ("planted", "raised")
TAILS = ("up", "level", "down")
FACINGS = ("left", "right")

SHOULDER = point(0, 0)


def dogs() -> Iterator[Sketch]:
    """Proposes every gait with every head, paw and tail."""
    for gait, head, paw, tail, facing in product(GAITS, HEADS, PAWS, TAILS, FACINGS):
        body = _standing(paw, tail) if gait == "standing" else _running(paw, tail)
        parts = (*_head(head, gait), *body)
        yield Sketch({"gait": gait, "head": head, "paw": paw, "tail": tail}, parts).facing(facing)


def _head(shape: str, gait: str) -> Iterator[Part]:
    if shape == "square":
        head = put("square", "square", "se", SHOULDER)
        snout = put("small", "se", "se", head.anchor("sw"))
    else:
        head = put("square", "diamond", "e", SHOULDER)
        if gait == "standing":
            head = put("square", "diamond", "s", SHOULDER.moved(units(-2)))
        snout = put("small", "up", "n", head.anchor("w"))
    yield from (("head", head), ("snout", snout))


def _standing(paw: str, tail: str) -> Iterator[Part]:
    """A body whose chest leans forward over the front leg."""
    front = put("large", "down", "nw", SHOULDER.moved(units(-2)))
    rear = put("large", "up", "sw", front.anchor("s"))
    hip, rump = rear.anchor("n"), rear.anchor("se")
    yield from (("body", front), ("body", rear), ("leg", put("medium", "ne", "ne", rump)))
    if paw == "planted":
        yield "paw", put("small", "nw", "nw", front.anchor("s"))
    else:
        yield "paw", put("small", "sw", "se", front.anchor("s"))
    tails = {
        "up": put("parallelogram", "steep /", "sw", hip),
        "level": put("parallelogram", "long \\", "nw", hip),
        "down": put("parallelogram", "flat \\", "nw", rump),
    }
    yield "tail", tails[tail]


def _running(paw: str, tail: str) -> Iterator[Part]:
    """A body whose chest reaches forward to the ground, the hind leg thrown back."""
    front = put("large", "up", "n", SHOULDER)
    rear = put("large", "down", "nw", SHOULDER)
    chest, hip = front.anchor("sw"), rear.anchor("ne")
    yield from (("body", front), ("body", rear), ("leg", put("medium", "nw", "nw", rear.anchor("s").moved(-roots(2)))))
    if paw == "planted":
        yield "paw", put("small", "nw", "nw", chest)
    else:
        yield "paw", put("small", "up", "se", chest)
    tails = {
        "up": put("parallelogram", "steep /", "sw", hip),
        "level": put("parallelogram", "long /", "sw", hip),
        "down": put("parallelogram", "flat \\", "nw", hip),
    }
    yield "tail", tails[tail]


FAMILY = Family(
    "dog",
    dogs,
    {
        "family=dog": Words(("a dog",), ("a barking puppy", "man's best buddy")),
        "gait=standing": Words(("standing",), ("waiting patiently", "frozen still")),
        "gait=running": Words(("running",), ("chasing a ball", "in a mad dash")),
        "paw=planted": Words(("with its paw on the ground",), ("firmly rooted", "obeying stay")),
        "paw=raised": Words(("with a raised paw",), ("shaking hands", "giving high five")),
    },
)
