"""Horses: a long head on a neck, a mane, a body in some pose, a tail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Part, Piece, Point, Sketch, point, put, roots, units
from multiref_gym.tangrams.figures.family import Family, Words
from multiref_gym.tangrams.figures.quadruped import short_tails

POSES = ("standing", "lying")
HEADS = ("up", "level", "down")
MANES = ("neck", "withers")
TAILS = ("up", "level", "down")
FACINGS = ("left", "right")

WITHERS = point(0, 0)
"""The front end of the back."""


def horses() -> Iterator[Sketch]:
    """Proposes every pose, mane and tail, and the lower heads of a standing horse."""
    for pose, head, mane, tail, facing in product(POSES, HEADS, MANES, TAILS, FACINGS):
        if head != "up" and pose != "standing":
            continue
        if mane == "withers" and (head == "level" or (pose, tail) == ("lying", "up")):
            # Too many points in a row on one back to see which is what.
            continue
        trunk, tails = BODIES[pose]
        parts = (*_front(head, mane), *trunk, ("tail", tails[tail]))
        yield Sketch({"pose": pose, "head": head, "mane": mane, "tail": tail}, parts).facing(facing)


def _standing() -> tuple[tuple[Part, ...], dict[str, Piece]]:
    """The body, and the tails that can be hung on it."""
    rump = WITHERS.moved(units(8))
    trunk = (
        ("front leg", put("large", "nw", "nw", WITHERS)),
        ("hind leg", put("large", "ne", "ne", rump)),
        ("belly", put("square", "diamond", "n", WITHERS.moved(units(4)))),
    )
    return trunk, short_tails(rump)


def _lying() -> tuple[tuple[Part, ...], dict[str, Piece]]:
    rump = WITHERS.moved(roots(8))
    trunk = (
        ("chest", put("large", "up", "n", WITHERS)),
        ("body", put("large", "down", "nw", WITHERS)),
        ("haunch", put("square", "diamond", "n", rump)),
    )
    tails = {
        "up": put("small", "se", "se", rump),
        "level": put("small", "left", "w", rump),
        "down": put("small", "ne", "nw", rump),
    }
    return trunk, tails


def _front(head: str, mane: str) -> Iterator[Part]:
    """Neck, head and mane on a level back; a neck for grazing hangs before the chest."""
    if head == "down":
        neck = put("parallelogram", "tall /", "ne", WITHERS)
        yield from (("neck", neck), ("head", put("medium", "left", "e", neck.anchor("sw"))))
        yield "mane", put("small", "right", "e", WITHERS) if mane == "neck" else put("small", "sw", "sw", WITHERS)
        return
    shoulders = WITHERS.moved(units(2))
    neck = put("parallelogram", "flat \\", "se", shoulders)
    throat, poll = neck.anchor("nw"), neck.anchor("n")
    yield "neck", neck
    if head == "up":
        yield from (("head", put("medium", "se", "se", poll)), ("mane", _lock(poll if mane == "neck" else shoulders)))
    else:
        yield from (("head", put("medium", "ne", "ne", throat)), ("mane", _lock(throat)))


def _lock(root: Point) -> Piece:
    return put("small", "sw", "sw", root)


BODIES = {"standing": _standing(), "lying": _lying()}
"""For each pose three pieces, and the tails that can be hung on them."""

FAMILY = Family(
    "horse",
    horses,
    {
        "family=horse": Words(("a horse",), ("a pony", "something you ride", "some kind of deer")),
        "mane=neck": Words(("with a mane on the neck",), ("with a fancy haircut", "with bangs")),
        "mane=withers": Words(("with a mane at the withers",), ("with a saddle", "ready for a cowboy")),
    },
)
