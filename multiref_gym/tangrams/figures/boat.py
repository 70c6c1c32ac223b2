"""Sailing boats: a hull, two sails, a flag."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Part, Piece, Sketch, point, put, roots, units

SAILS = ("pair", "block", "kite", "stacked", "single")
FLAGS = ("left", "right", "up")
HULLS = ("even", "left", "right")

DECK = point(4, 0)
"""The middle of the deck, which is 8 wide on an even hull and 6 on one that runs out to a side below."""


def boats() -> Iterator[Sketch]:
    """Proposes every rig with every flag on every hull."""
    for sails, flag, hull in product(SAILS, FLAGS, HULLS):
        cloth = _sails(sails)
        tip = min((corner for piece in cloth for corner in piece.vertices), key=lambda corner: corner.y)
        pennant = {
            "left": put("medium", "left", "se", tip),
            "right": put("medium", "right", "sw", tip),
            "up": put("medium", "up", "s", tip),
        }[flag]
        parts = (*(("sail", piece) for piece in cloth), ("flag", pennant), *_hull(hull))
        yield Sketch({"sails": sails, "flag": flag, "hull": hull}, parts)


def _sails(rig: str) -> tuple[Piece, Piece]:
    if rig == "pair":
        return put("large", "se", "se", DECK), put("large", "sw", "sw", DECK)
    if rig == "block":
        return put("large", "sw", "s", DECK), put("large", "ne", "s", DECK)
    if rig == "kite":
        lower = put("large", "down", "s", DECK)
        return lower, put("large", "up", "s", lower.anchor("n"))
    if rig == "stacked":
        lower = put("large", "up", "s", DECK)
        return lower, put("large", "up", "s", lower.anchor("n"))
    mast = DECK.moved(roots(4))
    return put("large", "left", "se", mast), put("large", "up", "se", mast)


def _hull(shape: str) -> tuple[Part, ...]:
    """Four pieces between deck and water; a lopsided hull has its last triangle the other way round."""
    bow = DECK.moved(units(-4))
    pieces: tuple[Piece, ...] = (
        put("parallelogram", "flat \\", "nw", bow),
        put("small", "ne", "nw", bow.moved(units(2))),
        put("square", "square", "nw", DECK),
        put("small", "nw" if shape == "even" else "sw", "nw", DECK.moved(units(2))),
    )
    if shape == "left":
        # Mirrored about the middle of the deck, to which mirroring about the origin has to be moved back.
        pieces = tuple(piece.mirrored().moved(units(8)) for piece in pieces)
    return tuple(("hull", piece) for piece in pieces)
