"""Rockets at take-off, upright or flying to a side: a nose cone, a hull, two fins or none, and the fire below."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Sketch, laid, named, on, point, put

FIRES = ("square", "diamond")
PLACES = {"middle": 1, "low": 2, "end": 3}
"""The distances of the fins below the nose; at the nose itself, they would make the rocket an arrow."""

TOP, BOTTOM = point(0, 0), point(0, 4)
"""The middle of the upper and lower side of the hull, a square of side 4."""

SHELL = (("nose", put("medium", "up", "s", TOP)), *named("hull", *laid("large nw -2 0, large se -2 0")))


def rockets() -> Iterator[Sketch]:
    """Proposes every rocket upright and, if it has no trail of smoke, flying to each side, level or diagonally."""
    for rocket in (*_with_long_fins(), *_without_fins()):
        straight = Sketch({**rocket.attributes, "lean": "none"}, rocket.pieces)
        yield from (straight.turned(where) for where in ("upright", *SIDES))
        yield from (rocket.leaning(side) for side in SIDES)
    for rocket in _with_short_fins():
        yield Sketch({**rocket.attributes, "lean": "none"}, rocket.pieces).turned("upright")


def _with_long_fins() -> Iterator[Sketch]:
    """Proposes rockets with long fins: one is the parallelogram, the other its mirror image of small triangles."""
    for (place, y), fire in product(PLACES.items(), FIRES):
        fins = laid("tall / -4 0, small sw 2 0, small ne 2 2", point(0, y))
        parts = (*SHELL, *named("fin", *fins), ("fire", put("square", fire, "n", BOTTOM)))
        yield Sketch({"fins": "swept", "finplace": place, "fire": fire}, parts)


def _with_short_fins() -> Iterator[Sketch]:
    """Proposes rockets with the small triangles as fins, and the parallelogram as a trail of smoke.

    With a diamond as the fire, these fins would make the rocket look like a bell.
    """
    fin = put("small", "se", "se", point(-2, 4))
    jet = put("square", "square", "n", BOTTOM)
    for smoke in SIDES:
        trail = on(smoke, ("smoke", put("parallelogram", "flat /", "ne", point(1, 6))))
        parts = (*SHELL, *named("fin", fin, fin.mirrored()), ("fire", jet), *trail)
        yield Sketch({"fins": "flared", "fire": "square", "smoke": smoke}, parts)


def _without_fins() -> Iterator[Sketch]:
    """Proposes rockets whose hull is longer by the parallelogram between the small triangles."""
    tail = named("hull", *laid("small sw -2 4, flat \\ -2 4, small ne 0 4"))
    for fire in FIRES:
        parts = (*SHELL, *tail, ("fire", put("square", fire, "n", point(0, 6))))
        yield Sketch({"fins": "none", "fire": fire}, parts)


WORDS = {
    "family=rocket": ("a rocket", "a spaceship", "something from nasa", "a missile"),
    "fins=swept": ("with swept fins", "like a fighter jet", "with drooping flippers"),
    "fins=flared": ("with flared fins", "shaped like a squid", "with a frilly hem"),
    "fins=none": ("without fins", "like a crayon", "smooth as a bullet"),
    "finplace=middle": ("with fins in the centre", "with elbows out", "flapping halfway"),
    "finplace=low": ("with fins below the centre", "squatting on struts", "with sagging hips"),
    "finplace=end": ("with fins at the base", "ready to touch down", "landing on stilts"),
    "fire=square": ("with a square fire", "with a chunky exhaust", "burning a cube"),
    "fire=diamond": ("with a diamond fire", "dropping a spark", "spitting a gem"),
}
