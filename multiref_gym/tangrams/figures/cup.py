"""Cups and mugs: tall or wide, on a foot, with a handle at a side, something in them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Kind, Part, Sketch, point, put
from multiref_gym.tangrams.figures.blocks import bar, block, leaning_out, post
from multiref_gym.tangrams.figures.family import Family, Words

FITTINGS: tuple[tuple[str, str, str, Kind], ...] = (
    ("hook", "square", "none", "medium"),
    ("hook", "pedestal", "none", "square"),
    ("square", "pedestal", "none", "parallelogram"),
    ("square", "none", "left", "medium"),
    ("square", "none", "right", "medium"),
)
"""Ear, foot, the side that a straw is bent to, and the piece that is left for the body."""

SHAPES = (("tall", "high"), ("tall", "low"), ("wide", "high"))
"""The body, and where its handle is; a wide one is too low for a choice."""


def cups() -> Iterator[Sketch]:
    """Proposes every body with every fitting; only a tall cup has a straw."""
    for (body, height), (ear, foot, straw, third), side in product(SHAPES, FITTINGS, ("left", "right")):
        if body == "wide" and straw != "none":
            continue
        attributes = {"body": body, "ear": ear, "handleat": height, "foot": foot, "straw": straw}
        # Mirrored as a whole if the handle is on the right, so the straw is drawn the other way round.
        drawn = straw if side == "left" else {"none": "none", "left": "right", "right": "left"}[straw]
        parts = (*_body(body, third), *_handle(ear, height), *_foot(body, foot), *_straw(drawn))
        yield Sketch(attributes, parts).sided("handle", side)


def _body(shape: str, third: Kind) -> Iterator[Part]:
    rest = bar(third, point(0, 4)) if shape == "tall" else post(third, point(4, 0))
    for piece in (*block(point()), *rest):
        yield "body", piece


def _handle(ear: str, height: str) -> Iterator[Part]:
    corner = point(0, 0 if height == "high" else 2)
    if ear == "hook":
        yield "handle", put("parallelogram", "tall /", "ne", corner)
    else:
        yield "handle", put("square", "square", "ne", corner)


def _foot(body: str, shape: str) -> Iterator[Part]:
    ground = point(2, 6) if body == "tall" else point(3, 4)
    if shape == "square":
        yield "foot", put("square", "square", "n", ground)
    elif shape == "pedestal":
        yield "foot", put("medium", "up", "n", ground)


def _straw(bent: str) -> Iterator[Part]:
    if bent != "none":
        yield "straw", leaning_out(bent, point(2))


FAMILY = Family(
    "cup",
    cups,
    {
        "family=cup": Words(("a mug",), ("a cup", "some coffee holder", "a beer stein")),
        "body=tall": Words(("with a tall body",), ("like a pint", "holding plenty")),
        "body=wide": Words(("with a wide body",), ("like for soup", "chubby")),
    },
)
