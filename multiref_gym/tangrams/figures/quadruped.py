"""Bodies on four legs, made of three pieces, in several poses: what cats, dogs and rabbits have in common.

All face left. The nape is where the head goes: on the flat back of an animal on its feet, at the top of a slope down to
the front of one that runs, sits, lies or rears.
"""

from __future__ import annotations

from dataclasses import dataclass

from multiref_gym.tangrams.figures.assembly import Part, Piece, Point, point, put, roots, units

NAPE = point(0, 0)


@dataclass(frozen=True)
class Body:
    """Three pieces and the points where something can be hung on them.

    Attributes:
        parts: The two large triangles and the medium one.
        rump: The upper end of the back, or the tip of the seat on the ground.
    """

    parts: tuple[Part, ...]
    rump: Point


def _standing() -> Body:
    rump = NAPE.moved(units(8))
    return Body(
        (
            ("front leg", put("large", "nw", "nw", NAPE)),
            ("hind leg", put("large", "ne", "ne", rump)),
            ("belly", put("medium", "up", "n", NAPE.moved(units(4)))),
        ),
        rump,
    )


def _walking() -> Body:
    """Both legs slant back, as in a step."""
    hip = NAPE.moved(units(4))
    return Body(
        (
            ("front leg", put("large", "nw", "nw", NAPE)),
            ("hind leg", put("large", "nw", "nw", hip)),
            ("belly", put("medium", "se", "ne", hip)),
        ),
        hip.moved(units(4)),
    )


def _halting() -> Body:
    """Both legs slant forward, against a pull."""
    hip = NAPE.moved(units(4))
    rump = hip.moved(units(4))
    return Body(
        (
            ("front leg", put("large", "ne", "ne", hip)),
            ("hind leg", put("large", "ne", "ne", rump)),
            ("belly", put("medium", "sw", "nw", hip)),
        ),
        rump,
    )


def _running() -> Body:
    """The chest reaches forward to the ground, the hind leg is thrown back."""
    rump = NAPE.moved(roots(8))
    return Body(
        (
            ("front leg", put("large", "up", "n", NAPE)),
            ("body", put("large", "down", "nw", NAPE)),
            ("hind leg", put("medium", "up", "n", rump)),
        ),
        rump,
    )


def _lying() -> Body:
    rump = NAPE.moved(roots(8))
    return Body(
        (
            ("chest", put("large", "up", "n", NAPE)),
            ("body", put("large", "down", "nw", NAPE)),
            ("haunch", put("medium", "se", "ne", rump)),
        ),
        rump,
    )


def _sitting() -> Body:
    feet = NAPE.moved(dy=roots(8))
    return Body(
        (
            ("chest", put("large", "left", "ne", NAPE)),
            ("body", put("large", "sw", "sw", feet)),
            ("paw", put("medium", "up", "se", feet)),
        ),
        feet.moved(units(4)),
    )


def _rearing() -> Body:
    """The standing body, turned about the nape until the back is a slope."""
    rump = NAPE.moved(roots(8), roots(8))
    return Body(
        (
            ("front leg", put("large", "up", "n", NAPE)),
            ("hind leg", put("large", "right", "e", rump)),
            ("belly", put("medium", "ne", "ne", NAPE.moved(roots(4), roots(4)))),
        ),
        rump,
    )


def _arching() -> Body:
    """The standing body with its belly piece on its back."""
    standing = _standing()
    front, hind, _ = standing.parts
    return Body((front, hind, ("hump", put("medium", "up", "s", NAPE.moved(units(4))))), standing.rump)


BODIES = {
    "standing": _standing(),
    "walking": _walking(),
    "halting": _halting(),
    "running": _running(),
    "sitting": _sitting(),
    "lying": _lying(),
    "rearing": _rearing(),
    "arching": _arching(),
}


def long_tails(pose: str) -> dict[str, Piece]:
    """Returns the tails that a parallelogram can be on the body in that pose, by their shape."""
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
    """Returns the tails that a small triangle can be behind an upright hind leg."""
    return {
        "up": put("small", "sw", "sw", rump.moved(dy=units(2))),
        "level": put("small", "left", "w", rump),
        "down": put("small", "nw", "nw", rump),
    }
