"""Fish from the side: a body of the two large triangles, a tail of three pieces, a big fin and a little one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Part, Piece, Point, Sketch, point, put, units
from multiref_gym.tangrams.figures.family import Family, Words

TAILS = ("fan", "forked")
BIG_FINS = ("above", "below")
LEANS = ("upright", "swept")
LITTLE_FINS = ("front", "rear")
FACINGS = ("left", "right")

UPPER = put("large", "up", "s", point(0, 0))
LOWER = put("large", "down", "n", point(0, 0))


def fish() -> Iterator[Sketch]:
    """Proposes every tail with the big fin above or below, and the little one on the other side."""
    for tail, big, lean, little, facing in product(TAILS, BIG_FINS, LEANS, LITTLE_FINS, FACINGS):
        attributes = {"tail": tail, "bigfin": big, "lean": lean, "littlefin": little}
        parts = (("body", UPPER), ("body", LOWER), *_tail(tail), *_fins(big, lean, little))
        yield Sketch(attributes, parts).facing(facing)


def _tail(shape: str) -> Iterator[Part]:
    root = put("square", "diamond", "w", UPPER.anchor("se"))
    yield "tail", root
    if shape == "fan":
        yield "tail", put("small", "left", "w", root.anchor("n"))
        yield "tail", put("small", "left", "w", root.anchor("s"))
    else:
        yield "tail", put("small", "down", "nw", root.anchor("n"))
        yield "tail", put("small", "up", "sw", root.anchor("s"))


def _fins(side: str, lean: str, little: str) -> tuple[Part, Part]:
    back = UPPER.anchor("n")
    big = put("medium", "left", "w", back) if lean == "upright" else put("medium", "down", "nw", back)
    shoulder = back.moved(dy=units(2))
    if little == "front":
        small = put("parallelogram", "tall /", "se", shoulder)
    else:
        small = put("parallelogram", "tall \\", "sw", shoulder)
    if side == "above":
        return ("fin", big), ("fin", _upside_down(small))
    return ("fin", _upside_down(big)), ("fin", small)


def _upside_down(piece: Piece) -> Piece:
    """Mirrors a piece about the middle line of the body, from the back to the belly."""
    return Piece(piece.kind, tuple(Point(x, -y) for x, y in piece.vertices))


FAMILY = Family(
    "fish",
    fish,
    {
        "family=fish": Words(("a fish",), ("something that swims", "an aquarium pet")),
        "tail=fan": Words(("with a tail like a fan",), ("with a propeller behind", "ending in a bow tie")),
        "tail=forked": Words(("with a forked tail",), ("trailing an arrow", "finishing in a fletched dart")),
        "bigfin=above": Words(("with a big fin above",), ("cruising like a shark", "with a canopy overhead")),
        "bigfin=below": Words(("with a big fin below",), ("dragging its keel", "with a rudder underneath")),
        "lean=upright": Words(("with an upright fin",), ("rigid as a board", "poking vertically")),
        "lean=swept": Words(("with a swept fin",), ("blown by the current", "streamlined for speed")),
        "littlefin=front": Words(
            ("with a little fin in front",), ("bearded on the chin", "showing a tiny flipper early")
        ),
        "littlefin=rear": Words(("with a little fin at the rear",), ("with a mini paddle late", "where a spur juts")),
    },
)
