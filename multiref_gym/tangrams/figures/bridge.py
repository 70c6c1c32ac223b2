"""Bridges: a deck on ramps, over an arch or across a valley; with a pier, a hut, a spire or a flag."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Kind, Part, Sketch, laid, named, point, put, units
from multiref_gym.tangrams.figures.flags import flag

PLACES = {"left": -1, "middle": 0, "right": 1}
"""The places on the deck, and their distance from its middle for a square on a deck of length 4."""

ENDS = ("ramps", "leftramp", "rightramp", "cliffs")
"""The ends of a bridge: ramps, overhanging cliffs, or a ramp on one side and a cliff on the other."""

PIERS: dict[str, tuple[Kind, str]] = {
    "post": ("square", "square"),
    "foot": ("medium", "up"),
    "wedge": ("medium", "down"),
}

DECKS = {
    ("hump", "parallelogram"): "small se -4 -2, square -2 -2, small nw 0 -2, medium up 0 -2",
    ("hump", "medium"): "flat / -4 -2, small se -2 -2, square 0 -2, small sw 2 -2",
    ("hump", "square"): "flat / -4 -2, medium up -2 -2, small ne 0 -2, small sw 2 -2",
    ("flat", "parallelogram"): "square -3 -2, small nw -1 -2, medium up -1 -2, small ne 1 -2",
    ("flat", "medium"): "small sw -3 -2, flat \\ -3 -2, small ne -1 -2, square 1 -2",
    ("flat", "square"): "small sw -3 -2, flat \\ -3 -2, medium down -1 -2, small se 1 -2",
    ("flat", "none"): "square -4 -2, small sw -2 -2, flat \\ -2 -2, medium down 0 -2, small se 2 -2",
}
"""Decks of height 2, by their shape and the piece that they do not use, as pieces from left to right. A "hump" is 8
long below and 4 above. A "flat" deck is as long above as below: 6, or 8 if it uses all pieces."""


def bridges() -> Iterator[Sketch]:
    """Proposes high decks between all ends and low ones between ramps, empty, with a load, or on a pier."""
    for ends, deck in product(ENDS, ("hump", "flat")):
        yield from _laden(ends, deck)
    yield from _laden("ramps", "low")
    for pier, (kind, pose) in PIERS.items():
        piece = put(kind, pose, "n", point())
        yield Sketch({"ends": "ramps", "deck": "low", "pier": pier}, (*_span("ramps", "low", kind), ("pier", piece)))


def _laden(ends: str, deck: str) -> Iterator[Sketch]:
    facts = {"ends": ends, "deck": deck}
    if deck != "hump":
        yield Sketch({**facts, "load": "none"}, _span(ends, deck, "none"))
    if (ends, deck) == ("cliffs", "flat"):
        # Under a shorter deck, the cliffs would leave almost no gap.
        return
    for side, x in PLACES.items():
        hut = put("square", "square", "s", point(x if deck == "hump" else 2 * x, -2))
        yield Sketch({**facts, "load": "hut", "side": side}, (*_span(ends, deck, "square"), ("hut", hut)))
        if deck != "hump":
            tent = put("medium", "up", "s", point(x, -2))
            yield Sketch({**facts, "load": "tent", "side": side}, (*_span(ends, deck, "medium"), ("tent", tent)))
    for (side, x), blown in product(PLACES.items(), SIDES):
        banner = flag("banner", blown, point(x if deck == "hump" else 2 * x, -2))
        parts = (*_span(ends, deck, "parallelogram"), ("flag", banner))
        yield Sketch({**facts, "load": "flag", "side": side, "flagside": blown}, parts)


def _span(ends: str, deck: str, spare: str) -> tuple[Part, ...]:
    """Returns the deck without the spare piece, and the large triangles at its ends: ramps or overhanging cliffs."""
    shape = "hump" if deck == "hump" else "flat"
    pieces = laid(DECKS[shape, spare])
    tip = pieces[-1].anchor("se").x
    foot = units(2 if deck == "low" else 4)
    ramp = put("large", "sw", "sw", point().moved(tip, foot))
    cliff = put("large", "ne", "nw", point().moved(tip - units(2)))
    left = cliff if ends in ("cliffs", "rightramp") else ramp
    right = cliff if ends in ("cliffs", "leftramp") else ramp
    return (*named("end", left.mirrored(), right), *named("deck", *pieces))


WORDS = {
    "family=bridge": ("a bridge", "something to drive across", "a crossing", "an overpass"),
    "ends=ramps": ("with two slopes", "going down either side", "rolling up and down"),
    "ends=leftramp": ("with a slope on the left", "rolling down left only", "broken off on the right"),
    "ends=rightramp": ("with a slope on the right", "rolling down right only", "broken off on the left"),
    "ends=cliffs": ("on two cliffs", "across a canyon", "over a deep gorge"),
    "deck=hump": ("with a humped deck", "arching in japanese style", "curved like an eyebrow"),
    "deck=flat": ("with a lifted deck", "letting trucks through", "hoisted for ferries"),
    "deck=low": ("with a sunken deck", "barely off the water", "close to the river"),
    "load=none": ("with an empty deck", "free of traffic", "deserted"),
    "load=hut": ("with a hut on the deck", "with a toll booth", "with a ticket office"),
    "load=tent": ("with a pointed roof on the deck", "with a camper on it", "with a pointy shelter"),
    "load=flag": ("with a flag on the deck", "flying its colours", "with a streamer aboard"),
    "pier=post": ("on a square pier", "propped by a stump", "with two tunnels"),
    "pier=foot": ("over a pyramid", "with a thorn beneath it", "over a tiny egyptian tomb"),
    "pier=wedge": ("on a pier pointed down", "with a fang", "dripping like an icicle"),
}
