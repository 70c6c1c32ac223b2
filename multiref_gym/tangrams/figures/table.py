"""Tables with something on them: a flower, a candle, a bowl, a heap."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Piece, Sketch, point, put
from multiref_gym.tangrams.figures.blocks import blossom, flare, leaning_out, post
from multiref_gym.tangrams.figures.family import Family, Words

PLACES = {"left": 1, "middle": 4, "right": 7}
"""Where on the top, which is 8 wide, a thing stands."""

NEIGHBOURS = {
    ("left", "left"): ("middle", "right"),
    ("left", "right"): ("middle", "right"),
    ("middle", "left"): ("right",),
    ("middle", "right"): ("left",),
    ("right", "left"): ("middle", "left"),
    ("right", "right"): ("middle", "left"),
}
"""Where there is room for another thing, by the place of a flower and the side that it is bent to."""


def tables() -> Iterator[Sketch]:
    """Proposes flowers beside something else, candles, and drinks and dishes with something in them."""
    for place, bent in product(PLACES, ("left", "right")):
        spot = point(PLACES[place])
        flower = blossom(bent, spot)
        yield _table("flower", place, bent, "flaps", "both", flower, _flaps())
        for other, where in product(("heap", "box"), NEIGHBOURS[place, bent]):
            beside = _heap(where) if other == "heap" else _box(where)
            yield _table("flower", place, bent, other, where, flower, beside)
        glass = put("square", "square", "s", spot)
        drink = glass, leaning_out(bent, glass.anchor("n"))
        yield _table("drink", place, bent, "flaps", "both", drink, _flaps())
    for bent in ("left", "right"):
        candle = *post("square", point(3, -4)), flare(bent, point(4, -4))
        yield _table("candle", "middle", bent, "none", "none", candle)
        for item in ("bowl", "pot"):
            yield _table(item, "middle", bent, "none", "none", _dish(item, bent))


def _table(item: str, place: str, bent: str, other: str, where: str, *things: tuple[Piece, ...]) -> Sketch:
    """A table whose top, at height 0 from 0 to 8, is 2 thick between the legs."""
    parts = (
        ("leg", put("large", "nw", "nw", point(0))),
        ("leg", put("large", "ne", "ne", point(8))),
        ("top", put("medium", "up", "n", point(4))),
        *((part, piece) for part, thing in zip((item, other), things, strict=False) for piece in thing),
    )
    return Sketch({"item": item, "place": place, "bent": bent, "other": other, "otherplace": where}, parts)


def _flaps() -> tuple[Piece, ...]:
    return put("small", "ne", "ne", point(0)), put("small", "nw", "nw", point(8))


def _heap(where: str) -> tuple[Piece, ...]:
    foot = point({"left": 2, "middle": 4, "right": 6}[where])
    return put("small", "se", "se", foot), put("small", "sw", "sw", foot)


def _box(where: str) -> tuple[Piece, ...]:
    corner = point(PLACES[where] - 1)
    return put("small", "nw", "sw", corner), put("small", "se", "sw", corner)


def _dish(shape: str, spoon: str) -> tuple[Piece, ...]:
    """A bowl widens to the top, a pot to the foot."""
    middle = put("square", "square", "s", point(4))
    if shape == "bowl":
        sides = put("small", "ne", "ne", middle.anchor("nw")), put("small", "nw", "nw", middle.anchor("ne"))
    else:
        sides = put("small", "se", "se", middle.anchor("sw")), put("small", "sw", "sw", middle.anchor("se"))
    return middle, *sides, leaning_out(spoon, middle.anchor("n"))


FAMILY = Family(
    "table",
    tables,
    {
        "family=table": Words(("a table",), ("a desk", "a dining spot", "somewhere to eat")),
        "item=flower": Words(("with a flower on it",), ("with a daisy", "set for a date")),
        "item=drink": Words(("with a drink on it",), ("with a soda", "having juice served")),
        "item=candle": Words(("with a candle on it",), ("lit for romance", "with birthday lights")),
        "item=bowl": Words(("with a bowl on it",), ("with cereal ready", "with some salad")),
        "item=pot": Words(("with a pot on it",), ("with stew cooking", "having a chef's pan")),
        "place=left": Words(("with it on the left",), ("set way left", "loaded toward the left side")),
        "place=middle": Words(("with it at the centre",), ("as a proper topper", "all balanced")),
        "place=right": Words(("with it on the right",), ("set way right", "loaded toward the right side")),
        "other=flaps": Words(("with flaps",), ("with wings extended", "stretched for extra guests")),
        "other=heap": Words(("with a heap too",), ("plus some rice", "and a slice of pie")),
        "other=box": Words(("with a block too",), ("plus a wrapped gift", "and some cube")),
        "other=none": Words(("without company",), ("otherwise cleared", "and tidy apart from that")),
        "otherplace=both": Words(("on both ends",), ("symmetrically", "left and right alike")),
        "otherplace=left": Words(("beside it on the left",), ("over toward the left", "with a left neighbour")),
        "otherplace=middle": Words(("beside it at the centre",), ("next to the core", "in between somewhere")),
        "otherplace=right": Words(("beside it on the right",), ("over toward the right", "with a right neighbour")),
        "otherplace=none": Words(("with room beside it",), ("alone up there", "leaving lots of space")),
    },
)
