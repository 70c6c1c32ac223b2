"""Houses: square walls under a wide or a flat roof, a chimney, an annex to one side."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Part, Piece, Sketch, point, put, roots, units
from multiref_gym.tangrams.figures.family import Family, Words

ROOFS = ("wide", "flat")
CHIMNEYS = ("left", "right", "none")
ANNEXES = ("square", "upstairs", "sloping", "pointed")
SIDES = ("left", "right")

TOP, BOTTOM = point(2, 0), point(2, 4)
"""The middle of the upper and lower side of the walls, a square of side 4 whatever pieces it is made of."""


def houses() -> Iterator[Sketch]:
    """Proposes every roof, chimney and annex; only a wide roof leaves a square over for an annex."""
    for roof, chimney, annex, side in product(ROOFS, CHIMNEYS, ANNEXES, SIDES):
        square_annex = annex in ("square", "upstairs")
        if roof == "flat" and square_annex:
            continue
        parts = (
            *(_wide_roof(square_annex) if roof == "wide" else _flat_roof()),
            ("annex", _annex(annex, side)),
            ("chimney", _chimney(roof, chimney, side)),
        )
        yield Sketch({"roof": roof, "chimney": chimney, "annex": annex, "annexside": side}, parts)


def _wide_roof(medium_in_wall: bool) -> Iterator[Part]:
    """A large triangle over walls of the other one and of three smaller pieces, the medium or the square among them."""
    corner = TOP.moved(units(-2))
    yield "roof", put("large", "up", "s", TOP)
    yield "wall", put("large", "sw", "nw", corner)
    if medium_in_wall:
        yield "wall", put("medium", "down", "nw", corner)
        yield "wall", put("small", "se", "nw", corner.moved(units(2)))
    else:
        yield "wall", put("square", "square", "nw", corner.moved(units(2)))
        yield "wall", put("small", "ne", "nw", corner)
    yield "wall", put("small", "ne", "nw", corner.moved(units(2), units(2)))


def _flat_roof() -> Iterator[Part]:
    """A roof with a flat ridge: the square between the small triangles."""
    yield "roof", put("square", "square", "s", TOP)
    yield "roof", put("small", "se", "se", TOP.moved(units(-1)))
    yield "roof", put("small", "sw", "sw", TOP.moved(units(1)))
    yield "wall", put("large", "sw", "n", TOP)
    yield "wall", put("large", "ne", "n", TOP)


def _annex(shape: str, side: str) -> Piece:
    left = {
        "square": put("square", "square", "se", BOTTOM.moved(units(-2))),
        "upstairs": put("square", "square", "ne", TOP.moved(units(-2))),
        "sloping": put("medium", "se", "se", BOTTOM.moved(units(-2))),
        "pointed": put("medium", "left", "se", BOTTOM.moved(units(-2))),
    }[shape]
    return left if side == "left" else _across(left)


def _chimney(roof: str, side: str, annex_side: str) -> Piece:
    """The parallelogram on the roof; with no chimney it props the wall opposite to the annex."""
    if side == "none":
        prop = put("parallelogram", "tall /", "se", BOTTOM.moved(units(-2)))
        return prop if annex_side == "right" else _across(prop)
    if roof == "wide":
        # A little below the ridge: flush with it the chimney would look like a gable.
        left = put("parallelogram", "tall /", "se", TOP.moved(-roots(1), units(2) - roots(3)))
    else:
        left = put("parallelogram", "flat \\", "se", TOP.moved(units(1), units(-2)))
    return left if side == "left" else _across(left)


def _across(piece: Piece) -> Piece:
    """Mirrors a piece about the middle of the house."""
    return piece.mirrored().moved(TOP.x + TOP.x)


FAMILY = Family(
    "house",
    houses,
    {
        "family=house": Words(("a house",), ("somebody's home", "a cosy cottage")),
        "roof=wide": Words(("with a wide roof",), ("under a huge lid", "capped by a gable")),
        "roof=flat": Words(("with a flat roof",), ("chopped off on the peak", "good for landing helicopters")),
        "chimney=left": Words(("with a chimney on the left",), ("smoking at port", "where santa enters")),
        "chimney=right": Words(("with a chimney on the right",), ("puffing by starboard", "fuming over the guests")),
        "chimney=none": Words(("with no chimney",), ("lacking any fireplace", "propped by a crutch")),
        "annex=square": Words(("with a square annex",), ("with garage attached", "with room to park")),
        "annex=upstairs": Words(("with an annex upstairs",), ("having a balcony", "with a mailbox hanging off")),
        "annex=sloping": Words(("with a sloping annex",), ("great for skiing", "that kids slide from")),
        "annex=pointed": Words(("with a pointed annex",), ("with a beaky nose", "like a tent sideways")),
        "annexside=left": Words(("extended to the left",), ("growing towards sunset", "bulging near its heart")),
        "annexside=right": Words(("extended to the right",), ("spreading at sunrise", "swollen at the far end")),
    },
)
