"""Knives: a broad blade with a tip, held by a narrow handle along its back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Piece, Sketch, point, put
from multiref_gym.tangrams.figures.blocks import GRIPS, block, grip, held
from multiref_gym.tangrams.figures.family import Family, Words


def knives() -> Iterator[Sketch]:
    """Proposes every tip on every handle."""
    for tip, end in product(("back", "notched", "middle"), GRIPS):
        pieces = *(("blade", piece) for piece in _blade(tip)), *(("handle", piece) for piece in grip(end, point()))
        yield from held(Sketch({"tip": tip, "grip": end}, pieces))


def _blade(tip: str) -> tuple[Piece, ...]:
    """The blade over the handle, whose top is at height 0; its back goes on from the handle's."""
    end = {
        "back": put("medium", "se", "se", point(1, -4)),
        "notched": put("medium", "se", "sw", point(-3, -4)),
        "middle": put("medium", "up", "s", point(-1, -4)),
    }[tip]
    return *block(point(-3, -4)), end


FAMILY = Family(
    "knife",
    knives,
    {
        "family=knife": Words(("a knife",), ("a cleaver", "a chopping tool", "some butcher stuff")),
        "tip=back": Words(("with a slanted blade",), ("with a ramp to a spike", "slicing like a razor")),
        "tip=notched": Words(("with a notched blade",), ("with a jagged finish", "broken off")),
        "tip=middle": Words(("with an even blade",), ("like a pencil", "tapering evenly")),
    },
)
