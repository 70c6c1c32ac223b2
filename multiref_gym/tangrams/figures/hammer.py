"""Hammers: a head across a handle, upright, upside down or lying."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Piece, Sketch, point, put
from multiref_gym.tangrams.figures.blocks import GRIPS, block, grip, held
from multiref_gym.tangrams.figures.family import Family, Words


def hammers() -> Iterator[Sketch]:
    """Proposes every head on every handle."""
    for striking, end in product(("pointed", "clawed", "slanted"), GRIPS):
        pieces = *(("head", piece) for piece in _head(striking)), *(("handle", piece) for piece in grip(end, point()))
        yield from held(Sketch({"striking": striking, "grip": end}, pieces))


def _head(shape: str) -> tuple[Piece, ...]:
    """The head over the handle, whose top is at height 0."""
    if shape == "pointed":
        return *block(point(-2, -4)), put("medium", "left", "se", point(-2))
    if shape == "clawed":
        return *block(point(-1, -4)), put("medium", "nw", "ne", point(-1, -4))
    middle = put("large", "up", "s", point())
    front = put("large", "down", "nw", middle.anchor("n")).mirrored()
    return middle, front, put("medium", "nw", "ne", front.anchor("nw"))


FAMILY = Family(
    "hammer",
    hammers,
    {
        "family=hammer": Words(("a mallet",), ("a hammer", "a carpenter's tool", "a nail banger")),
        "striking=pointed": Words(("with a pointed head",), ("with a beak to strike", "like a woodpecker")),
        "striking=clawed": Words(("with a clawed head",), ("with fangs", "ready to pull nails")),
        "striking=slanted": Words(("with a slanted head",), ("stretched like a pickaxe", "with a floppy top")),
    },
)
