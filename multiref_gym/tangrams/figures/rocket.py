"""Rockets at take-off: a hull under a nose cone, two fins, a nozzle and the flame below it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Part, Sketch, point, put, units
from multiref_gym.tangrams.figures.family import Family, Words

FINS = ("flared", "winged", "pointed")
PLACES = ("low", "high")
NOZZLES = ("square", "diamond")
FLAMES = ("left", "right")

TOP, BOTTOM = point(2, 0), point(2, 4)
"""The middle of the upper and lower side of the hull, a square of side 4."""


def rockets() -> Iterator[Sketch]:
    """Proposes every pair of fins, low and high on the hull, with every nozzle and flame."""
    for fins, place, nozzle, flame in product(FINS, PLACES, NOZZLES, FLAMES):
        if (fins, place) == ("pointed", "high"):
            # They would run into the nose cone's outline and look like a bell.
            continue
        parts = (
            ("nose", put("medium", "up", "s", TOP)),
            ("hull", put("large", "nw", "n", TOP)),
            ("hull", put("large", "se", "n", TOP)),
            *_fins(fins, place),
            *_fire(nozzle, flame),
        )
        yield Sketch({"fins": fins, "finplace": place, "nozzle": nozzle, "flame": flame}, parts)


def _fins(shape: str, place: str) -> tuple[Part, Part]:
    left, right = {"flared": ("se", "sw"), "winged": ("ne", "nw"), "pointed": ("left", "right")}[shape]
    foot = BOTTOM if place == "low" else BOTTOM.moved(dy=units(-2))
    return (
        ("fin", put("small", left, "se", foot.moved(units(-2)))),
        ("fin", put("small", right, "sw", foot.moved(units(2)))),
    )


def _fire(nozzle: str, flame: str) -> tuple[Part, Part]:
    jet = put("square", nozzle, "n", BOTTOM)
    mouth = jet.anchor("s")
    if flame == "left":
        return ("nozzle", jet), ("flame", put("parallelogram", "flat /", "ne", mouth.moved(units(1))))
    return ("nozzle", jet), ("flame", put("parallelogram", "flat \\", "nw", mouth.moved(units(-1))))


FAMILY = Family(
    "rocket",
    rockets,
    {
        "family=rocket": Words(("a rocket",), ("a spacecraft blasting off", "an astronaut's vehicle")),
        "fins=flared": Words(("with flared fins",), ("gowned to the hem", "shaped as a bell")),
        "fins=winged": Words(("with fins like wings",), ("gliding like a plane", "stiff as a scarecrow")),
        "fins=pointed": Words(("with pointed fins",), ("armed with thorns", "spiky on the flanks")),
        "finplace=low": Words(("with fins at the base",), ("sturdy in the seat", "bottom weighted")),
        "finplace=high": Words(("with fins at the top",), ("shrugging its shoulders", "burly over the chest")),
        "nozzle=square": Words(("with a square nozzle",), ("driven by a cube engine", "on a stubby stalk")),
        "nozzle=diamond": Words(("with a diamond nozzle",), ("spitting a spark", "dripping a crystal")),
        "flame=left": Words(("with its flame to the left",), ("whose blaze drifts westwards", "curling like a comma")),
        "flame=right": Words(("with its flame to the right",), ("whose fire veers easterly", "kicking exhaust forth")),
    },
)
