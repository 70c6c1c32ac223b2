"""Lamps: a shade on a stem, standing or hanging, some with a ball or a cord to pull."""

from __future__ import annotations

from collections.abc import Iterator

from multiref_gym.tangrams.figures.assembly import SIDES, Piece, Sketch, laid, named, point, put
from multiref_gym.tangrams.figures.blocks import long_post, post
from multiref_gym.tangrams.figures.family import both_sides

RIM = point()
"""The middle of the lower side of the shade."""

CORD = put("parallelogram", "steep /", "ne", point(-2))
"""The cord, which hangs from the left of the rim."""

JOINTS = ("straight", "square"), ("knobbed", "diamond")
"""Poles made of the square alone, and its pose."""


def lamps() -> Iterator[Sketch]:
    """Proposes lamps that stand and lamps that hang; cords and bent poles are drawn on the left, and then mirrored."""
    for sketch in (*standing(), *hanging()):
        if sketch.attributes["pole"] == "bent":
            yield from (sketch.sided("bent", side) for side in SIDES)
        elif sketch.attributes["cord"] == "left":
            yield from (sketch.sided("cord", side) for side in SIDES)
        else:
            yield sketch


def standing() -> Iterator[Sketch]:
    """Proposes lamps on a foot; the piece that shade and stem do not use is a ball on top or a cord."""
    pole, low_foot = post("parallelogram", point(-1)), put("medium", "up", "n", point(0, 4))
    for stem, pose in JOINTS:
        joint = put("square", pose, "n", RIM)
        foot = put("medium", "up", "n", joint.anchor("s"))
        yield _lamp("standing", "bell", stem, "none", _shade("bell"), (joint, foot), cord=CORD)
    yield _lamp("standing", "cone", "straight", "ball", _shade("cone"), pole, (low_foot, _ball(-4)))
    yield _lamp(
        "standing", "cone", "straight", "none", _shade("cone"), post("square", point(-1)), (low_foot,), cord=CORD
    )
    bent = put("parallelogram", "tall /", "ne", point(1))
    foot = put("medium", "up", "n", bent.anchor("sw"))
    yield _lamp("standing", "bell", "bent", "ball", _shade("bell"), (bent,), (foot, _ball(-4)))
    cap = put("large", "up", "s", RIM)
    both = cap, put("large", "up", "n", point(0, 6))
    ball = put("square", "diamond", "s", cap.anchor("n"))
    yield _lamp("standing", "cap", "straight", "ball", both, long_post("square", point(-1)), (ball,))
    yield _lamp("standing", "cap", "straight", "none", both, long_post("parallelogram", point(-1)), cord=CORD)


def hanging() -> Iterator[Sketch]:
    """Proposes lamps on a stem from the ceiling, with a cord or with a ball under the shade."""
    ball, ceiling = put("square", "diamond", "n", RIM), put("medium", "down", "s", point(0, -8))
    pole, open_pole = post("parallelogram", point(-1, -8)), post("square", point(-1, -8))
    yield _lamp("hanging", "cone", "straight", "ball", _shade("cone"), pole, (ceiling, ball))
    yield _lamp("hanging", "cone", "straight", "none", _shade("cone"), open_pole, (ceiling,), cord=CORD)
    for stem, pose in JOINTS:
        joint = put("square", pose, "s", point(0, -4))
        ceiling = put("medium", "down", "s", joint.anchor("n"))
        yield _lamp("hanging", "bell", stem, "none", _shade("bell"), (joint, ceiling), cord=CORD)
    bent = put("parallelogram", "tall \\", "se", point(1, -4))
    ceiling = put("medium", "down", "s", bent.anchor("nw"))
    yield _lamp("hanging", "bell", "bent", "ball", _shade("bell"), (bent, ceiling, ball))


def _lamp(
    mount: str, shade: str, pole: str, light: str, *parts: tuple[Piece, ...], cord: Piece | None = None
) -> Sketch:
    groups = dict(zip(("shade", "pole", "foot"), parts, strict=False)) | ({"cord": (cord,)} if cord else {})
    attributes = {"mount": mount, "shade": shade, "pole": pole, "light": light, "cord": "left" if cord else "none"}
    return Sketch(attributes, tuple(part for name, pieces in groups.items() for part in named(name, *pieces)))


def _shade(shape: str) -> tuple[Piece, ...]:
    if shape == "cone":
        return put("large", "se", "se", RIM), put("large", "sw", "sw", RIM)
    return laid("large nw -2 -4, large se -2 -4, small se -4 -2, small sw 2 -2")


def _ball(height: int) -> Piece:
    return put("square", "diamond", "s", point(0, height))


WORDS = {
    "family=lamp": ("a lamp", "a bedside light", "something to read by", "a lantern"),
    "mount=standing": ("on a foot", "plugged in on the floor", "set down on furniture"),
    "mount=hanging": ("from the ceiling", "dangling like a chandelier", "over the kitchen"),
    "shade=cone": ("with a shade like a cone", "with a coolie brim", "like a wigwam"),
    "shade=bell": ("with a shade like a bell", "ringing like at church", "like a jellyfish"),
    "shade=cap": ("with a little shade", "with a petite awning", "like a garden mushroom"),
    "pole=straight": ("on a plain stalk", "stiff as a stick", "held rigid"),
    "pole=knobbed": ("on a diamond stalk", "with a bead threaded", "with a swollen waist"),
    "pole=bent": ("on a bent stalk", "all crooked", "wobbly"),
    "light=none": ("without a bulb", "needing electricity", "switched off"),
    "light=ball": ("with a diamond bulb", "sporting a marble", "with a pearl poking out"),
    **both_sides("cord", "with a cord on the {}", "with a string down the {}", "pull at {}"),
    "cord=none": ("without a cord", "wireless", "switched at the wall"),
}
