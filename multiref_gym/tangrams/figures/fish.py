"""Fish from the side: a body of the two large triangles, a tail, a main fin and an opposite one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Piece, Point, Sketch, named, point, put, roots, units

BODIES = ("diamond", "slanted")
TAILS = ("fan", "forked", "uneven", "broad")
MAIN_FINS = ("above", "below")
FINS = ("forward", "swept", "flat")
OPPOSITE_FINS = ("front", "rear")

NOSE = point(0, 0)


def fish() -> Iterator[Sketch]:
    """Proposes every body and tail with every shape and place of the fins.

    A flat fin would run into the upper lobe of a tail. A slanted body needs a main fin like a shark's to look like a
    fish.
    """
    for body, tail, main, fin, opposite, facing in product(BODIES, TAILS, MAIN_FINS, FINS, OPPOSITE_FINS, SIDES):
        if fin == "flat" and tail in ("fan", "uneven"):
            continue
        if body == "slanted" and fin == "flat":
            continue
        attributes = {"body": body, "tail": tail, "mainfin": main, "fin": fin, "oppositefin": opposite}
        flesh, end, big, little = _diamond(main, fin, opposite) if body == "diamond" else _slanted(main, fin, opposite)
        # The medium triangle is the main fin, or a broad tail: then two small ones make the same fin.
        fins = _halves(big) if tail == "broad" else (big,)
        parts = (
            *named("body", *flesh),
            *named("tail", *_tail(tail, end)),
            *(("fin", piece) for piece in (*fins, little)),
        )
        yield Sketch(attributes, parts).facing(facing)


def _diamond(main: str, fin: str, opposite: str) -> tuple[tuple[Piece, Piece], Point, Piece, Piece]:
    """Returns the two triangles of the body, the point where the tail begins, the main fin and the opposite one."""
    upper = put("large", "up", "sw", NOSE)
    back = upper.anchor("n")
    big = {
        "forward": put("medium", "right", "e", back),
        "swept": put("medium", "left", "w", back),
        "flat": put("medium", "down", "nw", back),
    }[fin]
    shoulder = back.moved(dy=units(2))
    if opposite == "front":
        little = put("parallelogram", "tall /", "se", shoulder)
    else:
        little = put("parallelogram", "tall \\", "sw", shoulder)
    if main == "above":
        little = _upside_down(little)
    else:
        big = _upside_down(big)
    return (upper, _upside_down(upper)), upper.anchor("se"), big, little


def _slanted(main: str, fin: str, opposite: str) -> tuple[tuple[Piece, Piece], Point, Piece, Piece]:
    """Returns what `_diamond` does, for a body that rises from a low nose to a high tail."""
    front = put("large", "up", "sw", NOSE)
    back = front.anchor("n")
    if main == "above":
        big = put("medium", "sw" if fin == "forward" else "se", "s", back.moved(roots(4)))
        little = put("parallelogram", "flat \\", "nw", NOSE.moved(units(1 if opposite == "front" else 3)))
    else:
        big = put("medium", "nw" if fin == "forward" else "ne", "n", NOSE.moved(roots(4)))
        little = put("parallelogram", "flat /", "sw", back.moved(units(0 if opposite == "front" else 2)))
    return (front, put("large", "down", "nw", back)), back.moved(roots(8)), big, little


def _tail(shape: str, end: Point) -> tuple[Piece, ...]:
    """Returns a square with two lobes, or with a triangle if the tail is broad.

    The lobes of a fan go up and down; those of a forked tail are level; an uneven tail has one of each.
    """
    root = put("square", "diamond", "w", end)
    top, bottom = root.anchor("n"), root.anchor("s")
    if shape == "broad":
        return root, put("medium", "left", "w", root.anchor("e"))
    upper = put("small", "down", "nw", top) if shape == "forked" else put("small", "left", "w", top)
    lower = put("small", "left", "w", bottom) if shape == "fan" else put("small", "up", "sw", bottom)
    return root, upper, lower


def _halves(medium: Piece) -> tuple[Piece, Piece]:
    """Returns the two small triangles that fill a medium one, cut from its right angle."""
    corner, left, right = medium.vertices
    middle = Point((left.x + right.x).half, (left.y + right.y).half)
    return Piece("small", (middle, corner, left)), Piece("small", (middle, right, corner))


def _upside_down(piece: Piece) -> Piece:
    """Returns a piece mirrored at the height of the nose."""
    return Piece(piece.kind, tuple(Point(x, -y) for x, y in piece.vertices))


WORDS = {
    "family=fish": ("a fish", "something that swims", "an aquarium pet", "a salmon or something"),
    "body=diamond": ("with a diamond body", "puffed like a blowfish", "fat for its age"),
    "body=slanted": ("with a slanted body", "long like a shark", "diving for worms"),
    "tail=forked": ("with a forked tail", "snipped at the end", "spread like chopsticks"),
    "tail=uneven": ("with an uneven tail", "crooked at the end", "steering funny"),
    "tail=broad": ("with a broad tail", "like a mermaid behind", "slapping the water like a whale"),
    "mainfin=above": ("with the main fin above", "cruising like in jaws", "with a canopy overhead"),
    "mainfin=below": ("with the main fin below", "dragging its keel", "with a rudder underneath"),
    "fin=forward": ("with a fin forward", "bristling like a punk", "tilted against the current"),
    "fin=flat": ("with a flat fin", "like a graduation cap", "with a shelf on it"),
    "fin=swept": ("with a swept fin", "combed like a surfer", "streamlined for speed"),
    "oppositefin=front": ("with the opposite fin in front", "with a chin beard", "with a tiny paddle early"),
    "oppositefin=rear": ("with the opposite fin at the rear", "with a mini paddle late", "where a spur juts"),
}
