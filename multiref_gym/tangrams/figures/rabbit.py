"""Rabbits: a head with a nose and long ears, a body in some pose, a short tail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Part, Piece, Sketch, put
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


def _head(shape: str, ears: str) -> Iterator[Part]:
    """A head on top of the chest or, a diamond, on its slope; both ears are one piece."""
    if shape == "square":
        head = put("square", "square", "s", NAPE)
        nose, crown = put("small", "se", "se", head.anchor("sw")), head.anchor("ne")
    else:
        head = put("square", "diamond", "e", NAPE)
        nose, crown = put("small", "up", "n", head.anchor("w")), head.anchor("n")
    poses = {
        "up": put("parallelogram", "steep /", "sw", crown),
        "forward": put("parallelogram", "steep \\", "se", crown),
        "leaning": put("parallelogram", "tall /", "sw", crown),
    }
    yield from (("head", head), ("nose", nose), ("ears", poses[ears]))


def _tail(pose: str, shape: str) -> Piece:
    rump = BODIES[pose].rump
    if shape == "level":
        return put("small", "left", "w", rump)
    if pose == "sitting":
        return put("small", "sw", "sw", rump)
    return put("small", "up", "sw", rump)


WORDS = {
    "family=rabbit": ("a rabbit", "a bunny", "some kind of hare", "the easter guy"),
    "ears=forward": ("with its ears forward", "with an antenna tipped ahead", "tuned in to the news"),
    "ears=leaning": ("with leaning ears", "hearing something behind", "with a relaxed antenna"),
}
