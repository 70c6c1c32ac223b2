"""Candles: a stick with a flame in a stand, or a thick pillar; some have a handle."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Kind, Piece, Point, Sketch, named, other, point, put
from multiref_gym.tangrams.figures.blocks import bar, block, long_post, post
from multiref_gym.tangrams.figures.family import both_sides

FLAMES = ("diamond", "left", "right")

TOP, CORNER = point(1, 0), point(-1, 0)
"""The middle of the stand's top, and the left end of a block's top. A pillar reaches from 4 above this to 2 below."""


def candles() -> Iterator[Sketch]:
    """Proposes every flame on candles with a handle, and on candles without one."""
    for flame in FLAMES:
        for base, height, side in product(("block", "pillar"), ("high", "low"), SIDES):
            # Under a diamond, a pillar would look like a bottle, and no square is left for an upper handle.
            if flame != "diamond" or (base, height) == ("block", "low"):
                yield _carried(flame, base, height, side)
        for base in ("cone", "hourglass", "saucer"):
            yield _placed(flame, base, foot="none")
        if flame != "diamond":
            yield _placed(flame, "pillar", foot="pedestal")
        for foot in ("none", "pedestal"):
            yield _placed(flame, "block", foot)


def _carried(flame: str, base: str, height: str, side: str) -> Sketch:
    """Returns a candle with a handle; for a handle on the right it is mirrored, so its flame is drawn the other way."""
    body = _pillar("medium") if base == "pillar" else (*block(CORNER), *post("medium", point(0, -4)))
    drawn = other(flame) if side == "right" and flame != "diamond" else flame
    bottom = point(-1, (2 if base == "pillar" else 4) - (2 if height == "high" else 0))
    handle = put("square", "square", "se", bottom)
    if flame == "diamond":
        handle = put("parallelogram", "tall /", "se", bottom)
    parts = (*named("candle", *body), ("flame", _flame(drawn, point(1, -4))), ("handle", handle))
    return Sketch({"flame": flame, "base": base, "foot": "none", "handleat": height}, parts).sided("handle", side)


def _placed(flame: str, base: str, foot: str) -> Sketch:
    """Returns a candle without a handle: its piece makes the stick longer, or replaces the medium one there."""
    fire: Kind = "square" if flame == "diamond" else "parallelogram"
    third: Kind = "parallelogram" if flame == "diamond" else "square"
    body: tuple[Piece, ...]
    if base == "pillar":
        body = *_pillar(third), put("medium", "up", "n", point(1, 2))
    elif foot == "pedestal":
        body = *block(CORNER), *post(third, point(0, -4)), put("medium", "up", "n", point(1, 4))
    elif base == "saucer":
        body = *_stand("cone"), put("medium", "down", "s", TOP), *post(third, point(0, -6))
    else:
        body = *_stand(base), *long_post(fire, point(0, -6))
    fire_at = point(1, -4 if foot == "pedestal" else -6)
    parts = (*named("candle", *body), ("flame", _flame(flame, fire_at)))
    return Sketch({"flame": flame, "base": base, "foot": foot, "handle": "none"}, parts)


def _pillar(third: Kind) -> tuple[Piece, ...]:
    return *block(point(-1, -4)), *bar(third, point(-1, 0))


def _stand(shape: str) -> tuple[Piece, ...]:
    if shape == "block":
        return block(CORNER)
    if shape == "cone":
        return put("large", "se", "ne", TOP), put("large", "sw", "nw", TOP)
    upper = put("large", "down", "n", TOP)
    return upper, put("large", "up", "n", upper.anchor("s"))


def _flame(shape: str, tip: Point) -> Piece:
    if shape == "diamond":
        return put("square", "diamond", "s", tip)
    return put("parallelogram", *(("steep \\", "se") if shape == "left" else ("steep /", "sw")), tip)


WORDS = {
    "family=candle": ("a candle", "a wax light", "something to blow out", "a birthday light"),
    "flame=diamond": ("with a diamond flame", "burning calmly", "glowing like a jewel"),
    **both_sides("flame", "with its flame to the {}", "flickering {}", "blown by a draught to the {}"),
    "base=block": ("on a block", "stuck in a cube", "on some crate"),
    "base=cone": ("on a cone", "over a volcano", "with a tent under"),
    "base=hourglass": ("on an hourglass", "held by an egg timer", "on a bow tie"),
    "base=saucer": ("on a saucer and a cone", "with a wax catcher", "with a drip tray"),
    "base=pillar": ("without a stand", "like a barrel", "super chunky"),
}
