"""Spades: a square blade on a long handle, in four directions or leaning."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Piece, Sketch, point, put
from multiref_gym.tangrams.figures.blocks import GRIPS, block, grip
from multiref_gym.tangrams.figures.family import Family, Words

DIRECTIONS = ("upright", "left", "right", "over")


def spades() -> Iterator[Sketch]:
    """Proposes a blade that ends or begins with the medium triangle, or a plain one with that at the other end."""
    blades = *product(("pointed", "shouldered"), GRIPS), ("plain", "tee")
    for blade, end in blades:
        handle = grip("flat" if end == "tee" else end, point())
        if end == "tee":
            handle = *handle, put("medium", "up", "n", point(0, 6))
        parts = *(("blade", piece) for piece in _blade(blade)), *(("handle", piece) for piece in handle)
        spade = Sketch({"blade": blade, "grip": end}, parts)
        yield from (spade.turned(where) for where in DIRECTIONS)
        yield from (spade.leaning(side) for side in ("left", "right"))


def _blade(shape: str) -> tuple[Piece, ...]:
    """The blade over the handle, whose top is at height 0."""
    if shape == "pointed":
        return *block(point(-2, -4)), put("medium", "up", "s", point(0, -4))
    if shape == "shouldered":
        return *block(point(-2, -6)), put("medium", "down", "s", point())
    return block(point(-2, -4))


FAMILY = Family(
    "spade",
    spades,
    {
        "family=spade": Words(("a spade",), ("a shovel", "a digging tool", "a gardening thing")),
        "blade=pointed": Words(("with a pointed blade",), ("with a sharp scoop", "like a spearhead")),
        "blade=shouldered": Words(
            ("with a blade with shoulders",), ("with a paddle that narrows", "like a paintbrush")
        ),
        "blade=plain": Words(("with a plain blade",), ("just a slab", "with an ordinary scoop")),
        "grip=tee": Words(("with a footed grip",), ("with something to push", "with a propeller to hold")),
    },
)
