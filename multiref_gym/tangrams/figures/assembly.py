"""How a figure is put together: poses by name, pieces hung on points of other pieces.

A family file describes each of its figures as a `Sketch`: its attributes, and for each piece the part it plays. Pieces
are placed by what a person would say: "the small triangle pointing up, its lower left corner on the head's upper
left", or listed with their places where those are whole units. Whether they can be laid so is decided in `checks.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, cast

from multiref_gym.tangrams.pieces import SEVEN, ZERO, Piece, Point, Surd

Part = tuple[str, Piece]
"""A piece and the part it plays: "head"."""

Kind = Literal["large", "medium", "small", "square", "parallelogram"]

TRIANGLE_POSES = ("nw", "up", "ne", "right", "se", "down", "sw", "left")
"""Where a triangle's right angle is, turning by 45 degrees: "nw" fills the upper left half of its box, "up" stands on
its long side."""

SQUARE_POSES = ("square", "diamond")

PARALLELOGRAM_POSES = ("flat \\", "steep \\", "tall /", "long /", "flat /", "steep /", "tall \\", "long \\")
"""The first word tells the upright box (width x height): flat 4 x 2, tall 2 x 4, long 3 x 1 and steep 1 x 3 (these two
times sqrt 2); the stroke is the way the slanted sides lean."""

ORIGIN = Point(ZERO, ZERO)

SIDES = ("left", "right")

TURNS = ("upright", "right", "over", "left")
"""Where the top of a sketch can go, by quarters clockwise: "over" is upside down."""


@cache
def posed(kind: Kind, pose: str) -> Piece:
    """Returns a piece in a named pose, somewhere. Raises ValueError for a pose that the piece does not have."""
    piece = Piece.canonical(kind)
    poses = {"square": SQUARE_POSES, "parallelogram": PARALLELOGRAM_POSES}.get(kind, TRIANGLE_POSES)
    if pose not in poses:
        raise ValueError(f"unknown pose {pose!r} of the {kind}: expected one of {', '.join(poses)}")
    turns = poses.index(pose)
    if kind == "medium":
        # Its outline stands "up", those of the other triangles are "nw".
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

    Each has its pose, for a triangle after its kind, and where the upper left corner of its box is, in whole units from
    ``origin``.
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
    """Returns pieces that all play the same part."""
    return tuple((part, piece) for piece in pieces)


def on(side: str, *parts: Part) -> tuple[Part, ...]:
    """Returns parts that are drawn for the left side mirrored if the side is the right one, else as they are."""
    return tuple((part, piece.mirrored()) for part, piece in parts) if side == "right" else parts


def other(side: str) -> str:
    """Returns the side across."""
    return "right" if side == "left" else "left"


def point(x: int = 0, y: int = 0) -> Point:
    """Returns a point with whole coordinates."""
    return Point(Surd(x), Surd(y))


def units(number: int) -> Surd:
    """Returns a length of whole units; the small triangle's leg is 2."""
    return Surd(number)


def roots(number: int) -> Surd:
    """Returns a length of so many halves of sqrt(2); the small triangle's long side is 4 of them."""
    return Surd(0, number)


@dataclass(frozen=True)
class Sketch:
    """A proposed figure: what is true of it, and its pieces with the part each plays."""

    attributes: dict[str, str]
    pieces: tuple[Part, ...]

    def sided(self, attribute: str, side: str) -> Sketch:
        """Returns the sketch, drawn with something on the left, as it is or mirrored: attribute="handle"."""
        return Sketch({**self.attributes, attribute: side}, on(side, *self.pieces))

    def facing(self, side: str) -> Sketch:
        """Returns the sketch, drawn facing left, as it is or mirrored, with that side among its attributes."""
        return self.sided("facing", side)

    def leaning(self, side: str) -> Sketch:
        """Returns the sketch, drawn upright, turned by 45 degrees towards that side, which is its attribute "lean"."""
        return self.rotated(-1 if side == "left" else 1, lean=side)

    def turned(self, where: str) -> Sketch:
        """Returns the sketch, drawn upright, turned as `TURNS` tells, which is its attribute "turned"."""
        return self.rotated(2 * TURNS.index(where), turned=where)

    def rotated(self, eighths: int, **attributes: str) -> Sketch:
        """Returns the sketch turned clockwise by ``eighths`` times 45 degrees, with these attributes more."""
        (_, first), *_ = self.pieces
        x, y = first.vertices[0]

        def spun(piece: Piece) -> Piece:
            return Piece(piece.kind, tuple(vertex.moved(-x, -y).turned(eighths) for vertex in piece.vertices))

        return Sketch({**self.attributes, **attributes}, tuple((part, spun(piece)) for part, piece in self.pieces))

    def __str__(self) -> str:
        """Names the template: "person(pose=kneeling, hat=none)"."""
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
