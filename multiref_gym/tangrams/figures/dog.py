"""Dogs: a head with a snout and an ear, a body in some pose, a tail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Part, Sketch, put
from multiref_gym.tangrams.figures.family import Family, Words
from multiref_gym.tangrams.figures.quadruped import BODIES, NAPE, long_tails

POSES = ("standing", "walking", "running")
HEADS = ("square", "diamond")
EARS = ("up", "down")
FACINGS = ("left", "right")


def dogs() -> Iterator[Sketch]:
    """Proposes every pose with every head and ear and the tails that go with it.

    Only a square head with its ear up shows on the low back of a running dog. A hanging ear meets a curled tail.
    """
    for pose, head, ears, facing in product(POSES, HEADS, EARS, FACINGS):
        if pose == "running" and (head, ears) != ("square", "up"):
            continue
        for tail, piece in long_tails(pose).items():
            if (ears, tail) == ("down", "curled") or (pose, tail) == ("running", "down"):
                continue
            parts = (*_head(pose, head, ears), *BODIES[pose].parts, ("tail", piece))
            yield Sketch({"pose": pose, "head": head, "ears": ears, "tail": tail}, parts).facing(facing)


def _head(pose: str, shape: str, ears: str) -> Iterator[Part]:
    """A head on the back or on the slope of the chest; an ear that hangs is behind it."""
    if shape == "square":
        head = put("square", "square", "s" if pose == "running" else "sw", NAPE)
        snout = put("small", "se", "se", head.anchor("sw"))
        pricked = put("small", "sw", "sw", head.anchor("nw"))
        hanging = put("small", "nw", "nw", head.anchor("ne"))
    else:
        head = put("square", "diamond", "s", NAPE)
        snout = put("small", "up", "n", head.anchor("w"))
        pricked = put("small", "left", "w", head.anchor("n"))
        hanging = put("small", "down", "s", head.anchor("e"))
    yield from (("head", head), ("snout", snout), ("ear", pricked if ears == "up" else hanging))


FAMILY = Family(
    "dog",
    dogs,
    {
        "family=dog": Words(("a dog",), ("a barking puppy", "some doggo", "man's best buddy")),
        "ears=down": Words(("with its ears down",), ("floppy like a beagle", "looking kinda guilty")),
    },
)
