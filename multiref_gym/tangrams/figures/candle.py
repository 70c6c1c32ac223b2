"""Candles: a stick with a flame in a stand, or a thick pillar; some have a handle, others lean."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Kind, Piece, Point, Sketch, point, put
from multiref_gym.tangrams.figures.blocks import bar, block, flare, long_post, post
from multiref_gym.tangrams.figures.family import Family, Words

FLAMES = ("diamond", "left", "right")

TOP = point(1, 0)
"""The middle of the top of the stand; a pillar reaches from 4 above it to 2 below."""


def candles() -> Iterator[Sketch]:
    """Proposes every flame on candles with a handle, and on candles without one, upright and leaning."""
    for flame, base, height, side in product(FLAMES, ("block", "pillar"), ("high", "low"), ("left", "right")):
        body = _pillar("medium") if base == "pillar" else (*_stand(base), *post("medium", point(0, -4)))
        bottom = 2 if base == "pillar" else 4
        if (flame, height) == ("diamond", "high"):
            continue
        # Mirrored as a whole if the handle is on the right, so the flame is drawn the other way round.
        drawn = flame if side == "left" else {"diamond": "diamond", "left": "right", "right": "left"}[flame]
        parts = (
            *(("candle", piece) for piece in body),
            ("flame", _flame(drawn, point(1, -4))),
            ("handle", _handle(flame, point(-1, bottom if height == "low" else bottom - 2))),
        )
        yield Sketch({"flame": flame, "base": base, "handleat": height}, parts).sided("handle", side)
    for flame, base in product(FLAMES, ("block", "cone", "hourglass", "saucer", "column", "pillar")):
        fire: Kind = "square" if flame == "diamond" else "parallelogram"
        # What is neither the flame nor the medium triangle.
        spare: Kind = "parallelogram" if flame == "diamond" else "square"
        if base == "pillar":
            body = *_pillar(spare), put("medium", "up", "n", point(1, 2))
        elif base == "column":
            body = *_stand("block"), *post(spare, point(0, -4)), put("medium", "up", "n", point(1, 4))
        elif base == "saucer":
            body = *_stand("cone"), put("medium", "down", "s", TOP), *post(spare, point(0, -6))
        else:
            body = *_stand(base), *long_post(fire, point(0, -6))
        tip = point(1, -4 if base in ("pillar", "column") else -6)
        parts = (*(("candle", piece) for piece in body), ("flame", _flame(flame, tip)))
        upright = Sketch({"flame": flame, "base": base, "handle": "none"}, parts)
        yield upright
        if base in ("block", "column"):
            yield upright.leaning("left")
            yield upright.leaning("right")


def _pillar(third: Kind) -> tuple[Piece, ...]:
    return *block(point(-1, -4)), *bar(third, point(-1, 0))


def _stand(shape: str) -> tuple[Piece, ...]:
    if shape == "block":
        return block(point(-1, 0))
    if shape == "cone":
        return put("large", "se", "ne", TOP), put("large", "sw", "nw", TOP)
    upper = put("large", "down", "n", TOP)
    return upper, put("large", "up", "n", upper.anchor("s"))


def _flame(shape: str, tip: Point) -> Piece:
    if shape == "diamond":
        return put("square", "diamond", "s", tip)
    return flare(shape, tip)


def _handle(flame: str, foot: Point) -> Piece:
    """At the foot of the left wall, of the piece that is not the flame."""
    if flame == "diamond":
        return put("parallelogram", "tall /", "se", foot)
    return put("square", "square", "se", foot)


FAMILY = Family(
    "candle",
    candles,
    {
        "family=candle": Words(("a candle",), ("a wax light", "something to blow out", "a birthday light")),
        "lean=left": Words(("leaning left",), ("about to fall left", "tipping left")),
        "lean=right": Words(("leaning right",), ("about to fall right", "tipping right")),
        "flame=diamond": Words(("with a diamond flame",), ("burning calmly", "glowing like a jewel")),
        "flame=left": Words(("with its flame to the left",), ("flickering left", "blown by a draught to the left")),
        "flame=right": Words(("with its flame to the right",), ("flickering right", "blown by a draught to the right")),
        "base=block": Words(("on a block",), ("stuck in a cube", "on some crate")),
        "base=cone": Words(("on a cone",), ("over a volcano", "with a tent under")),
        "base=hourglass": Words(("on an hourglass",), ("held by an egg timer", "on a bow tie")),
        "base=saucer": Words(("on a saucer and a cone",), ("with a wax catcher", "with a drip tray")),
        "base=column": Words(("on a column",), ("propped on a plinth", "on a monument")),
        "base=pillar": Words(("without a stand",), ("like a barrel", "super chunky")),
    },
)
