"""The assembly of figures: poses with names, and pieces placed at points of other pieces.

A family file describes each of its figures as a `Sketch`: its attributes, and its pieces with the part of each. Pieces
are placed as a person would describe it, such as "the small triangle pointing up, its lower left corner on the head's
upper left", or by a list with their positions if those are whole units. `checks.py` checks whether the pieces fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, cast

from multiref_gym.tangrams.pieces import SEVEN, ZERO, Piece, Point, Surd

Part = tuple[str, Piece]
"""A part, such as "head", and a piece of it."""

Kind = Literal["large", "medium", "small", "square", "parallelogram"]

TRIANGLE_POSES = ("nw", "up", "ne", "right", "se", "down", "sw", "left")
"""The directions of a triangle's right angle, in turns of 45 degrees: "nw" fills the upper left half of its box, "up"
stands on its long side."""

SQUARE_POSES = ("square", "diamond")

PARALLELOGRAM_POSES = ("flat \\", "steep \\", "tall /", "long /", "flat /", "steep /", "tall \\", "long \\")
"""The first word gives the upright box (width x height): flat 4 x 2, tall 2 x 4, long 3 x 1 and steep 1 x 3 (these two
times sqrt 2); the stroke shows how the slanted sides lean."""

ORIGIN = Point(ZERO, ZERO)

SIDES = ("left", "right")

TURNS = ("upright", "right", "over", "left")
"""The directions that the top of a sketch can point to, in quarter turns clockwise: "over" is upside down."""


@cache
def posed(kind: Kind, pose: str) -> Piece:
    """Returns a piece in a named pose, at any position. Raises ValueError if the piece has no such pose."""
    piece = Piece.canonical(kind)
    poses = {"square": SQUARE_POSES, "parallelogram": PARALLELOGRAM_POSES}.get(kind, TRIANGLE_POSES)
    if pose not in poses:
        raise ValueError(f"unknown pose {pose!r} of the {kind}: expected one of {', '.join(poses)}")
    turns = poses.index(pose)
    if kind == "medium":
        # Its canonical pose is "up"; that of the other triangles is "nw".
        turns -= 1
    if kind == "parallelogram" and turns >= 4:
        return piece.mirrored().turned(8 - turns)
    return piece.turned(turns)


def put(kind: Kind, pose: str, compass: str, at: Point) -> Piece:
    """Returns a piece in a named pose whose anchor ``compass`` (see `Piece.anchor`) lies on the point ``at``."""
    corner = _corner(kind, pose, compass)
    return posed(kind, pose).moved(at.x - corner.x, at.y - corner.y)


@cache
def _corner(kind: Kind, pose: str, compass: str) -> Point:
    return posed(kind, pose).anchor(compass)


@cache
def laid(listed: str, origin: Point = ORIGIN) -> tuple[Piece, ...]:
    """Returns the pieces of a list such as "small ne 0 2, tall / 2 0".

    Each item has a pose, for a triangle after its kind, and the position of the upper left corner of the box, in whole
    units from ``origin``.
    """
    pieces = []
    for item in filter(None, listed.split(", ")):
        name, x, y = item.rsplit(" ", 2)
        kind, _, pose = name.partition(" ")
        if name in SQUARE_POSES:
            kind, pose = "square", name
        elif name in PARALLELOGRAM_POSES:
            kind, pose = "parallelogram", name
        pieces.append(put(cast(Kind, kind), pose, "nw", origin.moved(units(int(x)), units(int(y)))))
    return tuple(pieces)


def named(part: str, *pieces: Piece) -> tuple[Part, ...]:
    """Returns the pieces with a part that they all belong to."""
    return tuple((part, piece) for piece in pieces)


def on(side: str, *parts: Part) -> tuple[Part, ...]:
    """Returns parts that are drawn for the left side, mirrored if the side is "right"."""
    return tuple((part, piece.mirrored()) for part, piece in parts) if side == "right" else parts


def other(side: str) -> str:
    """Returns the opposite side."""
    return "right" if side == "left" else "left"


def point(x: int = 0, y: int = 0) -> Point:
    """Returns a point with whole coordinates."""
    return Point(Surd(x), Surd(y))


def units(number: int) -> Surd:
    """Returns a length of whole units; the small triangle's leg is 2."""
    return Surd(number)


def roots(number: int) -> Surd:
    """Returns a length of this many halves of sqrt(2); the small triangle's long side is 4 of them."""
    return Surd(0, number)


@dataclass(frozen=True)
class Sketch:
    """A proposed figure: its attributes, and its pieces with the part of each."""

    attributes: dict[str, str]
    pieces: tuple[Part, ...]

    def sided(self, attribute: str, side: str) -> Sketch:
        """Returns the sketch mirrored if the side is "right", with the side as an attribute such as "handle"."""
        return Sketch({**self.attributes, attribute: side}, on(side, *self.pieces))

    def facing(self, side: str) -> Sketch:
        """Returns the sketch, which is drawn facing left, mirrored for "right"; the attribute is "facing"."""
        return self.sided("facing", side)

    def leaning(self, side: str) -> Sketch:
        """Returns the sketch, which is drawn upright, turned by 45 degrees to that side; the attribute is "lean"."""
        return self.rotated(-1 if side == "left" else 1, lean=side)

    def turned(self, where: str) -> Sketch:
        """Returns the sketch, which is drawn upright, turned to one of `TURNS`; the attribute is "turned"."""
        return self.rotated(2 * TURNS.index(where), turned=where)

    def rotated(self, eighths: int, **attributes: str) -> Sketch:
        """Returns the sketch turned clockwise by ``eighths`` times 45 degrees, with these further attributes."""
        (_, first), *_ = self.pieces
        x, y = first.vertices[0]

        def spun(piece: Piece) -> Piece:
            return Piece(piece.kind, tuple(vertex.moved(-x, -y).turned(eighths) for vertex in piece.vertices))

        return Sketch({**self.attributes, **attributes}, tuple((part, spun(piece)) for part, piece in self.pieces))

    def __str__(self) -> str:
        """Returns the name of the template, such as "person(pose=kneeling, hat=none)"."""
        rest = (f"{name}={value}" for name, value in self.attributes.items() if name != "family")
        return f"{self.attributes.get('family', 'sketch')}({', '.join(rest)})"

    def ordered(self) -> tuple[Part, ...]:
        """Returns the pieces in the order of `SEVEN`."""
        return tuple(sorted(self.pieces, key=lambda item: SEVEN.index(item[1].kind)))


__all__ = [
    "ORIGIN",
    "SIDES",
    "TURNS",
    "ZERO",
    "Kind",
    "Part",
    "Piece",
    "Point",
    "Sketch",
    "Surd",
    "laid",
    "named",
    "on",
    "other",
    "point",
    "posed",
    "put",
    "roots",
    "units",
]
