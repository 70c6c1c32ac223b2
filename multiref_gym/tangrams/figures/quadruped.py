"""The bodies of cats, dogs and rabbits: three pieces, on four legs, in several poses.

All face left. The head is placed at the nape: on the flat back of an animal on its feet, or at the top of the chest,
which is a slope, of one that runs, sits, lies or rears.
"""

from __future__ import annotations

from typing import NamedTuple

from multiref_gym.tangrams.figures.assembly import Part, Piece, Point, point, put, roots, units

NAPE, MIDDLE, RUMP = point(0), point(4), point(8)
"""The ends and the middle of a flat back."""

HAUNCH, LOW, SEAT = point().moved(roots(8)), point().moved(roots(8), roots(8)), point(4).moved(dy=roots(8))
"""The rear ends of bodies: of one that runs or lies, of one that rears, and of one that sits."""

CHEST, TRUNK = put("large", "up", "n", NAPE), ("body", put("large", "down", "nw", NAPE))
"""A chest that is a slope, and the trunk behind it."""


class Body(NamedTuple):
    """A body of the two large triangles and the medium one, and the point where a tail can start.

    Attributes:
        rump: The upper end of the back, or the tip of the seat on the ground.
        parts: The pieces.
    """

    rump: Point
    parts: tuple[Part, ...]


FRONT, HIND = ("front leg", put("large", "nw", "nw", NAPE)), ("hind leg", put("large", "ne", "ne", RUMP))

BODIES = {
    "standing": Body(RUMP, (FRONT, HIND, ("belly", put("medium", "up", "n", MIDDLE)))),
    # Both legs slant back, as in a step.
    "walking": Body(
        RUMP, (FRONT, ("hind leg", put("large", "nw", "nw", MIDDLE)), ("belly", put("medium", "se", "ne", MIDDLE)))
    ),
    # Both legs slant forward, against a pull.
    "halting": Body(
        RUMP, (("front leg", put("large", "ne", "ne", MIDDLE)), HIND, ("belly", put("medium", "sw", "nw", MIDDLE)))
    ),
    # The chest reaches forward to the ground, and the hind leg is stretched back.
    "running": Body(HAUNCH, (("front leg", CHEST), TRUNK, ("hind leg", put("medium", "up", "n", HAUNCH)))),
    "sitting": Body(
        SEAT,
        (
            ("chest", put("large", "left", "ne", NAPE)),
            ("body", put("large", "sw", "se", SEAT)),
            ("paw", put("medium", "up", "se", SEAT.moved(units(-4)))),
        ),
    ),
    "lying": Body(HAUNCH, (("chest", CHEST), TRUNK, ("haunch", put("medium", "se", "ne", HAUNCH)))),
    # The standing body, turned about the nape until the back is a slope.
    "rearing": Body(
        LOW,
        (
            ("front leg", CHEST),
            ("hind leg", put("large", "right", "e", LOW)),
            ("belly", put("medium", "ne", "ne", NAPE.moved(roots(4), roots(4)))),
        ),
    ),
    # The standing body with its belly piece on its back.
    "arching": Body(RUMP, (FRONT, HIND, ("hump", put("medium", "up", "s", MIDDLE)))),
}


def long_tails(pose: str) -> dict[str, Piece]:
    """Returns the tails that a parallelogram can make on a body in this pose, by their shape."""
    rump = BODIES[pose].rump
    if pose == "sitting":
        return {
            "up": put("parallelogram", "tall /", "sw", rump),
            "level": put("parallelogram", "flat /", "sw", rump),
            "down": put("parallelogram", "flat \\", "sw", rump.moved(units(-2))),
        }
    if pose == "rearing":
        return {
            "up": put("parallelogram", "steep \\", "se", rump),
            "level": put("parallelogram", "long /", "nw", rump.moved(-roots(2))),
            "down": put("parallelogram", "steep \\", "nw", rump),
        }
    level = put("parallelogram", "long /", "sw", rump.moved(-roots(2)))
    if pose == "running":
        return {
            "up": put("parallelogram", "steep /", "sw", rump),
            "level": level,
            "down": put("parallelogram", "flat \\", "nw", rump),
        }
    if pose == "walking":
        return {
            "up": put("parallelogram", "flat /", "sw", rump.moved(units(-2))),
            "level": level,
            "down": put("parallelogram", "tall \\", "nw", rump),
        }
    return {
        "up": put("parallelogram", "tall /", "sw", rump.moved(dy=units(2))),
        "level": level,
        "down": put("parallelogram", "tall \\", "nw", rump),
        "curled": put("parallelogram", "flat \\", "se", rump),
    }


def short_tails(rump: Point) -> dict[str, Piece]:
    """Returns the tails that a small triangle can make behind an upright hind leg."""
    return {
        "up": put("small", "sw", "sw", rump.moved(dy=units(2))),
        "level": put("small", "left", "w", rump),
        "down": put("small", "nw", "nw", rump),
    }
