"""Cats: a face with two ears, carried high or low, a body in some pose, a tail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Part, Sketch, put, roots, units
from multiref_gym.tangrams.figures.quadruped import BODIES, NAPE, long_tails

POSES = ("standing", "running", "sitting", "lying", "rearing", "arching")
HEADS = ("up", "level", "down")


def cats() -> Iterator[Sketch]:
    """Proposes every pose with every head and the tails that go with it.

    A low head would be hidden by a sitting body, and a curled tail by an arched one. On a short back, a curled tail
    would meet the head.
    """
    for pose, head, facing in product(POSES, HEADS, SIDES):
        if (pose, head) == ("sitting", "down"):
            continue
        for tail, piece in long_tails(pose).items():
            if tail == "curled" and (pose == "arching" or (pose, head) == ("lying", "up")):
                continue
            parts = (*_head(pose, head), *BODIES[pose].parts, ("tail", piece))
            yield Sketch({"pose": pose, "head": head, "tail": tail}, parts).facing(facing)


def _head(pose: str, height: str) -> Iterator[Part]:
    """Yields a face on top of the nape, in front of it, or further down the chest, which is upright or slanted."""
    upright = pose in ("standing", "arching")
    face = {
        "up": put("square", "diamond", "s", NAPE),
        "level": put("square", "diamond", "e", NAPE),
        "down": put("square", "diamond", "e", NAPE.moved(dy=units(2)) if upright else NAPE.moved(-roots(2), roots(2))),
    }[height]
    yield "head", face
    yield "ear", put("small", "right", "e", face.anchor("n"))
    yield "ear", put("small", "left", "w", face.anchor("n"))


WORDS = {
    "family=cat": ("a cat", "a kitty", "a meowing puss", "somebody's pet feline"),
    "pose=arching": ("with its spine up", "hissing like it is halloween", "spooked by a cucumber"),
}
