"""Arrows in eight directions: a head, a shaft, a tail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Part, Piece, Sketch, point, put, units

BODIES: dict[str, tuple[tuple[str, str], ...]] = {
    "wide": (
        ("thin", "plain"),
        ("thin", "pointed"),
        ("thin", "flared"),
        ("thin", "bulging"),
        ("thick", "plain"),
        ("bent", "left"),
        ("bent", "right"),
        ("zigzag", "left"),
        ("zigzag", "right"),
    ),
    # A flared or bulging tail under two heads makes a tree of them.
    "double": (
        ("thin", "plain"),
        ("thin", "pointed"),
        ("bent", "left"),
        ("bent", "right"),
        ("zigzag", "left"),
        ("zigzag", "right"),
    ),
}
"""For each head the shafts and tails that read as an arrow with it."""

DIRECTIONS = (
    ("up", "centre"),
    ("up", "right"),
    ("level", "right"),
    ("down", "right"),
    ("down", "centre"),
    ("down", "left"),
    ("level", "left"),
    ("up", "left"),
)
"""Where an arrow points, turning clockwise by 45 degrees: how steeply and to which side."""

TAIL_PIECES = {"plain": 0, "pointed": 1, "flared": 2, "bulging": 2, "left": 2, "right": 2}
"""How many of the lowest pieces make the tail; the others make the shaft."""

NECK = point(0, 0)
"""Where the head, above, stands on the middle of the shaft."""


def arrows() -> Iterator[Sketch]:
    """Proposes every head with its shafts and tails in all directions; all are drawn pointing up."""
    for head, bodies in BODIES.items():
        for (shaft, tail), (eighths, (rise, side)) in product(bodies, enumerate(DIRECTIONS)):
            body = _body(shaft, tail)
            names = ("shaft",) * (len(body) - TAIL_PIECES[tail]) + ("tail",) * TAIL_PIECES[tail]
            sketch = Sketch(
                {"head": head, "shaft": shaft, "tail": tail}, (*_head(head), *zip(names, body, strict=True))
            )
            yield sketch.rotated(eighths, vertical=rise, horizontal=side)


def _head(shape: str) -> tuple[Part, ...]:
    """Two large triangles side by side or one on the other's tip."""
    if shape == "double":
        lower = put("large", "up", "s", NECK)
        return ("head", put("large", "up", "s", lower.anchor("n"))), ("head", lower)
    return ("head", put("large", "se", "se", NECK)), ("head", put("large", "sw", "sw", NECK))


def _body(shaft: str, tail: str) -> tuple[Piece, ...]:
    """The five small pieces below the neck; those of the tail come last."""
    match shaft, tail:
        case "thin", "plain":
            return (
                put("square", "square", "n", NECK),
                put("small", "ne", "nw", point(-1, 2)),
                put("medium", "right", "nw", point(-1, 2)),
                put("parallelogram", "tall /", "nw", point(-1, 4)),
                put("small", "se", "nw", point(-1, 6)),
            )
        case "thin", "pointed":
            return (
                put("square", "square", "n", NECK),
                put("small", "nw", "nw", point(-1, 2)),
                put("parallelogram", "tall /", "nw", point(-1, 2)),
                put("small", "se", "nw", point(-1, 4)),
                put("medium", "down", "n", point(0, 6)),
            )
        case "thin", _:
            left = NECK.moved(units(-1))
            block = put("square", "square", "n", NECK.moved(dy=units(2)))
            foot = block.anchor("sw")
            if tail == "flared":
                wedges = put("parallelogram", "flat /", "n", foot), put("medium", "up", "n", block.anchor("se"))
            else:
                end = block.anchor("se").moved(dy=units(2))
                wedges = put("parallelogram", "flat \\", "n", foot), put("medium", "down", "s", end)
            return put("small", "nw", "nw", left), put("small", "se", "nw", left), block, *wedges
        case "thick", "plain":
            return (
                put("small", "nw", "nw", point(-2, 0)),
                put("square", "square", "nw", NECK),
                put("parallelogram", "tall /", "nw", point(-2, 0)),
                put("small", "ne", "nw", point(0, 2)),
                put("medium", "up", "n", point(0, 2)),
            )
        case _, "right":
            return tuple(piece.mirrored() for piece in _body(shaft, "left"))
        case "bent", _:
            return (
                put("square", "square", "n", NECK),
                put("small", "nw", "nw", point(-1, 2)),
                put("medium", "left", "nw", point(-1, 2)),
                put("parallelogram", "flat \\", "nw", point(-3, 4)),
                put("small", "sw", "nw", point(-3, 4)),
            )
        case _:
            return (
                put("square", "square", "n", NECK),
                put("small", "ne", "nw", point(-1, 2)),
                put("parallelogram", "flat \\", "nw", point(-3, 2)),
                put("medium", "right", "nw", point(-3, 2)),
                put("small", "se", "nw", point(-3, 4)),
            )


WORDS = {
    "family=arrow": ("an arrow", "a pointer", "a road sign", "some kind of cursor"),
    "head=wide": ("with a wide head", "with a giant tip", "with a fat point"),
    "head=double": ("with a double head", "with a second tip stacked on", "like a skip button"),
    "shaft=thin": ("with a thin shaft", "on a skinny stick", "with a slender pole"),
    "shaft=thick": ("with a thick shaft", "really chunky", "short and stubby"),
    "shaft=bent": ("with a bent shaft", "with an elbow", "making a turn"),
    "shaft=zigzag": ("with a zigzag shaft", "like lightning", "with a step halfway"),
    "tail=plain": ("with a plain tail", "ending like a stick", "sawn off"),
    "tail=pointed": ("with a pointed tail", "going two ways", "with a baby one at the other end"),
    "tail=flared": ("with a flared tail", "on a pedestal", "like a golf tee"),
    "tail=bulging": ("with a bulging tail", "like a mushroom behind", "with a knob at the end"),
    "tail=left": ("with a tail off to its left", "swerving in from port", "with a kink toward port"),
    "tail=right": ("with a tail off to its right", "swerving in from starboard", "with a kink toward starboard"),
    "vertical=up": ("directed up", "aimed at the clouds", "headed north"),
    "vertical=level": ("directed level", "along the horizon", "going crosswise"),
    "vertical=down": ("directed down", "aimed at the floor", "headed south"),
    "horizontal=left": ("to the left", "headed west", "toward the left edge"),
    "horizontal=centre": ("centred", "dead vertical", "like a plumb line"),
    "horizontal=right": ("to the right", "headed east", "toward the right edge"),
}
