"""Rabbits: a head with a nose and long ears, a body in some pose, a short tail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Part, Piece, Sketch, put
from multiref_gym.tangrams.figures.blocks import beak
from multiref_gym.tangrams.figures.quadruped import BODIES, NAPE

POSES = ("sitting", "lying", "rearing")
HEADS = ("square", "diamond")
EARS = ("up", "forward", "leaning")
TAILS = ("up", "level")


def rabbits() -> Iterator[Sketch]:
    """Proposes every pose with every head, pair of ears and tail; lying, a diamond head would be too low."""
    for pose, head, ears, tail, facing in product(POSES, HEADS, EARS, TAILS, SIDES):
        if (pose, head) == ("lying", "diamond"):
            continue
        parts = (*_head(head, ears), *BODIES[pose].parts, ("tail", _tail(pose, tail)))
        yield Sketch({"pose": pose, "head": head, "ears": ears, "tail": tail}, parts).facing(facing)


def _head(shape: str, ears: str) -> tuple[Part, ...]:
    """Returns a head on top of the chest, or on its slope if it is a diamond; both ears are one piece."""
    below, crown = ("s", "ne") if shape == "square" else ("e", "n")
    head = put("square", shape, below, NAPE)
    pose, root = {"up": ("steep /", "sw"), "forward": ("steep \\", "se"), "leaning": ("tall /", "sw")}[ears]
    pair = put("parallelogram", pose, root, head.anchor(crown))
    return ("head", head), ("nose", beak(head, shape)), ("ears", pair)


def _tail(pose: str, shape: str) -> Piece:
    rump = BODIES[pose].rump
    if shape == "level":
        return put("small", "left", "w", rump)
    return put("small", "sw" if pose == "sitting" else "up", "sw", rump)


WORDS = {
    "family=rabbit": ("a rabbit", "a bunny", "some kind of hare", "the easter guy"),
    "ears=forward": ("with its ears forward", "with an antenna tipped ahead", "tuned in to the news"),
    "ears=leaning": ("with leaning ears", "hearing something behind", "with a relaxed antenna"),
}
