"""Cups and mugs: tall or wide, on a foot, with a handle at a side, solid or open."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Kind, Part, Sketch, named, point, put
from multiref_gym.tangrams.figures.blocks import bar, block, post

FITTINGS: tuple[tuple[str, str, str, str, Kind], ...] = (
    *(("tall", "hook", height, "square", "medium") for height in ("high", "low")),
    *(("tall", "hook", height, "pedestal", "square") for height in ("high", "low")),
    *(("tall", "square", height, "pedestal", "parallelogram") for height in ("high", "low")),
    *(("tall", "loop", height, "none", "medium") for height in ("high", "low")),
    ("wide", "hook", "high", "pedestal", "square"),
    ("wide", "square", "high", "pedestal", "parallelogram"),
)
"""The shapes of body and handle, the handle's height, the shape of the foot, and the piece left for the body."""


def cups() -> Iterator[Sketch]:
    """Proposes every fitting with the handle on both sides."""
    for (body, ear, height, foot, third), side in product(FITTINGS, SIDES):
        parts = (*_body(body, third), *_handle(ear, height), *_foot(body, foot))
        yield Sketch({"body": body, "ear": ear, "handleat": height, "foot": foot}, parts).sided("handle", side)


def _body(shape: str, third: Kind) -> tuple[Part, ...]:
    rest = bar(third, point(0, 4)) if shape == "tall" else post(third, point(4, 0))
    return named("body", *block(point()), *rest)


def _handle(ear: str, height: str) -> Iterator[Part]:
    """Yields a handle on the left; a loop is as high as the body, and its square touches the body."""
    if ear == "loop":
        square, arm, pose = ("ne", "se", "tall \\") if height == "high" else ("se", "ne", "tall /")
        yield "handle", put("square", "square", square, point(0, 0 if height == "high" else 6))
        yield "handle", put("parallelogram", pose, arm, point(0, 6 if height == "high" else 0))
    elif ear == "hook":
        yield "handle", put("parallelogram", "tall /", "ne", point(0, 0 if height == "high" else 2))
    else:
        yield "handle", put("square", "square", "ne", point(0, 0 if height == "high" else 2))


def _foot(body: str, shape: str) -> Iterator[Part]:
    ground = point(2, 6) if body == "tall" else point(3, 4)
    if shape == "square":
        yield "foot", put("square", "square", "n", ground)
    elif shape == "pedestal":
        yield "foot", put("medium", "up", "n", ground)


WORDS = {
    "family=cup": ("a mug", "a cup", "some coffee holder", "a beer stein"),
    "body=tall": ("with a tall body", "like a pint", "holding plenty"),
    "ear=loop": ("with a handle like a ring", "with a finger hole", "with a keyhole beside it"),
    "body=wide": ("with a wide body", "like for soup", "chubby"),
}
