"""Sailing boats: a hull, two sails, a flag."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Part, Piece, Sketch, point, put, roots, units
from multiref_gym.tangrams.figures.family import Family, Words

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


FAMILY = Family(
    "boat",
    boats,
    {
        "family=boat": Words(("a boat",), ("a ship at sea", "a yacht")),
        "sails=pair": Words(("with a pair of sails",), ("rigged as a pyramid", "like a mountain")),
        "sails=block": Words(("with a block of sails",), ("freighted with containers", "hauling cargo")),
        "sails=kite": Words(("with sails like a kite",), ("poised on tiptoe", "hoisting a lozenge")),
        "sails=stacked": Words(("with stacked sails",), ("like a wedding cake", "layered as a pagoda")),
        "sails=single": Words(("with a single sail",), ("under a lone ramp", "catching wind in a wedge")),
        "flag=left": Words(
            ("with its flag to the left",), ("pennant fluttering westerly", "in a breeze from the orient")
        ),
        "flag=right": Words(("with its flag to the right",), ("ribbon flying outward", "in gusts toward the margin")),
        "flag=up": Words(("with its flag up",), ("tipped by a steeple", "with an awning at the summit")),
        "hull=even": Words(("with an even hull",), ("cradled as in a hammock", "symmetrical beneath")),
        "hull=left": Words(("with a hull to the left",), ("with a plough at the prow", "scooping waves")),
        "hull=right": Words(("with a hull to the right",), ("whose stern kicks", "leaving wake finally")),
    },
)
