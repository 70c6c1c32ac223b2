"""Goblets: a bowl on a stem and a foot, with a handle at a side or a straw out of the top."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Part, Piece, Point, Sketch, laid, named, point, put
from multiref_gym.tangrams.figures.blocks import block

STANDS = (("square", "pedestal"), ("diamond", "pedestal"), ("square", "flared"))
"""The shapes of the stem and the foot; a flared foot is the small triangles on both sides of a square stem."""

RIM = point(2, 0)


def goblets() -> Iterator[Sketch]:
    """Proposes every bowl on every stand.

    A heaped bowl is too wide for a handle; a flared bowl needs the small triangles of a flared foot.
    """
    for bowl, (stem, foot), side in product(("flared", "tulip", "heaped"), STANDS, SIDES):
        if (bowl, foot) == ("flared", "flared"):
            continue
        pieces, bottom = _bowl(bowl, with_medium=foot == "flared")
        parts = (*named("bowl", *pieces), *_stand(stem, foot, bottom))
        about = {"bowl": bowl, "stem": stem, "foot": foot}
        straw = ("straw", _straw(side, point(0 if side == "left" else 4) if bowl == "heaped" else RIM))
        yield Sketch({**about, "straw": side, "handle": "none"}, (*parts, straw))
        heights = {"flared": ("low",), "tulip": ("high", "low"), "heaped": ()}[bowl]
        for height in heights:
            handle = ("handle", put("parallelogram", "tall /", "ne", point(0, 0 if height == "high" else 2)))
            full = {**about, "straw": "none", "handleat": height}
            yield Sketch(full, (*parts, handle)).sided("handle", side)


def _bowl(shape: str, with_medium: bool) -> tuple[tuple[Piece, ...], Point]:
    """Returns the bowl, with the medium triangle or with the small ones, and the point where the stem begins."""
    halves, whole = {
        "heaped": ("small se 0 -2, small sw 2 -2", "medium up 0 -2"),
        "flared": ("small ne -2 0, small nw 4 0", ""),
        "tulip": ("small ne 0 4, small nw 2 4", "medium down 0 4"),
    }[shape]
    body = laid("large ne -2 0, large nw 2 0") if shape == "heaped" else block(point())
    return (*body, *laid(whole if with_medium else halves)), point(2, 6 if shape == "tulip" else 4)


def _stand(stem: str, foot: str, top: Point) -> Iterator[Part]:
    middle = put("square", stem, "n", top)
    yield "stem", middle
    base = middle.anchor("s")
    yield from named("foot", *laid("medium up -2 0" if foot == "pedestal" else "small se -3 -2, small sw 1 -2", base))


def _straw(bent: str, foot: Point) -> Piece:
    """Returns the parallelogram as a straw that leans from a point to the left or right."""
    if bent == "left":
        return put("parallelogram", "flat \\", "se", foot)
    return put("parallelogram", "flat /", "sw", foot)


WORDS = {
    "family=goblet": ("a goblet", "a trophy", "a fancy wine glass", "some cocktail"),
    "bowl=flared": ("with a flared bowl", "like a championship prize", "shaped like a bathtub"),
    "bowl=tulip": ("with a bowl like a tulip", "with a shield for a belly", "like an acorn"),
    "bowl=heaped": ("with a heaped bowl", "brimming over", "with whipped cream"),
    "stem=square": ("with a square stem", "with a dice in the waist", "with a chunky waist"),
    "stem=diamond": ("with a diamond stem", "with a dainty waist", "pinched in the waist"),
}
