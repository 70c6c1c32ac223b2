"""Arrows in eight directions: a head, a shaft, a tail."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Part, Sketch, laid, named, on, point, put

CROOKED = tuple(product(("bent", "zigzag"), SIDES))

BODIES = {
    "wide": (*product(["thin"], ["plain", "pointed", "flared", "bulging"]), ("thick", "plain"), *CROOKED),
    # A flared or bulging tail under two heads makes a tree of them.
    "double": (*product(["thin"], ["plain", "pointed"]), *CROOKED),
}
"""For each head, the shafts and tails that make an arrow with it."""

PIECES = {
    ("thin", "plain"): "square -1 0, small ne -1 2, medium right -1 2, tall / -1 4, small se -1 6",
    ("thin", "pointed"): "square -1 0, small nw -1 2, tall / -1 2, small se -1 4, medium down -2 6",
    ("thin", "flared"): "small nw -1 0, small se -1 0, square -1 2, flat / -3 4, medium up -1 4",
    ("thin", "bulging"): "small nw -1 0, small se -1 0, square -1 2, flat \\ -3 4, medium down -1 4",
    ("thick", "plain"): "small nw -2 0, square 0 0, tall / -2 0, small ne 0 2, medium up -2 2",
    ("bent", "left"): "square -1 0, small nw -1 2, medium left -1 2, flat \\ -3 4, small sw -3 4",
    ("zigzag", "left"): "square -1 0, small ne -1 2, flat \\ -3 2, medium right -3 2, small se -3 4",
}
"""The five smaller pieces below the neck, those of the tail last; shapes that go to the right are mirrored."""

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
"""The directions of an arrow, clockwise by 45 degrees: how steeply it points, and to which side."""

TAIL_PIECES = {"plain": 0, "pointed": 1, "flared": 2, "bulging": 2, "left": 2, "right": 2}
"""The number of lowest pieces that make the tail; the others make the shaft."""

NECK = point(0, 0)
"""The point where the head, above, stands on the middle of the shaft."""


def arrows() -> Iterator[Sketch]:
    """Proposes every head with its shafts and tails in all directions; each is drawn pointing up, and then turned."""
    for head, bodies in BODIES.items():
        for (shaft, tail), (eighths, (rise, side)) in product(bodies, enumerate(DIRECTIONS)):
            pieces = laid(PIECES[shaft, "left" if tail == "right" else tail])
            end = len(pieces) - TAIL_PIECES[tail]
            body = on(tail, *named("shaft", *pieces[:end]), *named("tail", *pieces[end:]))
            sketch = Sketch({"head": head, "shaft": shaft, "tail": tail}, (*_head(head), *body))
            yield sketch.rotated(eighths, vertical=rise, horizontal=side)


def _head(shape: str) -> tuple[Part, ...]:
    """Returns two large triangles, side by side or one on the tip of the other."""
    if shape == "double":
        lower = put("large", "up", "s", NECK)
        return named("head", put("large", "up", "s", lower.anchor("n")), lower)
    return named("head", put("large", "se", "se", NECK), put("large", "sw", "sw", NECK))


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
