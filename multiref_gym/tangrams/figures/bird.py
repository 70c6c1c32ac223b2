"""Birds from the side, on the water, on their feet or in flight: a head with a beak, a body, a tail, one thing more."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import (
    SIDES,
    Part,
    Piece,
    Point,
    Sketch,
    laid,
    named,
    point,
    put,
    roots,
    units,
)
from multiref_gym.tangrams.figures.blocks import beak, crest

HEADS = ("square", "diamond")
EXTRAS = ("crest", "tuft", "foot")

BREAST = point(0, 0)
"""The front end of the back."""


def birds() -> Iterator[Sketch]:
    """Proposes the birds of every pose, each with its own choices."""
    for sketch in (*_swimming(), *_standing(), *_perching(), *_sitting(), *_flying()):
        for facing in SIDES:
            yield sketch.facing(facing)


def _swimming() -> Iterator[Sketch]:
    """Proposes birds with a hull and a long neck.

    On a head so far ahead, a crest would look like a second beak; a raised tail would meet a neck that bends back.
    """
    front = put("large", "down", "nw", BREAST)
    rear = put("large", "up", "n", front.anchor("ne"))
    rump = rear.anchor("n")
    necks = {
        "forward": put("parallelogram", "flat \\", "se", BREAST.moved(units(2))),
        "bent": put("parallelogram", "flat /", "sw", BREAST),
    }
    tails = {
        "up": put("medium", "se", "se", rump),
        "fan": put("medium", "left", "w", rump),
        "level": put("medium", "down", "nw", rump),
    }
    foot = put("small", "nw", "nw", Point(roots(6), roots(4)))
    for shape, neck, tail, extra in product(HEADS, necks, tails, EXTRAS):
        if (neck, extra) == ("forward", "crest") or (neck, tail) == ("bent", "up"):
            continue
        throat = necks[neck]
        nape = throat.anchor("nw").moved(units(1)) if neck == "forward" else throat.anchor("ne").moved(units(-1))
        head = put("square", shape, "s", nape)
        parts = (*named("body", front, rear), ("neck", throat), *_rest(head, shape, tails[tail], extra, foot))
        yield Sketch({"pose": "swimming", "head": shape, "neck": neck, "tail": tail, "extra": extra}, parts)


def _standing() -> Iterator[Sketch]:
    """Proposes birds whose body narrows to one leg, in front of its lowest point or behind it.

    A crest and a raised tail together would look like two horns, and hide the head.
    """
    middle, rump = point(4), point(8)
    body = named("body", *laid("large ne 0 0, large nw 4 0"))
    ankle = middle.moved(dy=units(4) - roots(2))
    legs = {
        "front": put("parallelogram", "steep \\", "ne", ankle),
        "rear": put("parallelogram", "steep /", "nw", ankle),
    }
    tails = {
        "up": put("medium", "se", "se", rump),
        "fan": put("medium", "left", "w", rump),
        "level": put("medium", "up", "sw", rump),
        "down": put("medium", "nw", "nw", rump),
    }
    for shape, leg, tail, extra in product(HEADS, legs, tails, EXTRAS):
        if (tail, extra) == ("up", "crest"):
            continue
        head = put("square", shape, "s", BREAST.moved(units(1)))
        heel = "se" if leg == "front" else "sw"
        foot = put("small", "up", heel, legs[leg].anchor(heel))
        parts = (*body, ("leg", legs[leg]), *_rest(head, shape, tails[tail], extra, foot))
        yield Sketch({"pose": "standing", "head": shape, "leg": leg, "tail": tail, "extra": extra}, parts)


def _perching() -> Iterator[Sketch]:
    """Proposes birds on one leg, whose body slants down from the head to the tail."""
    body = named("body", *laid("large ne 0 0, large sw 4 0"))
    rump = point(8, 4)
    leg = put("parallelogram", "steep \\", "nw", point(2, 2))
    tails = {"fan": put("medium", "left", "w", rump), "down": put("medium", "ne", "ne", rump)}
    for shape, tail, extra in product(HEADS, tails, EXTRAS):
        head = put("square", shape, "s", BREAST.moved(units(1)))
        foot = put("small", "up", "se", leg.anchor("se"))
        parts = (*body, ("leg", leg), *_rest(head, shape, tails[tail], extra, foot))
        yield Sketch({"pose": "perching", "head": shape, "tail": tail, "extra": extra}, parts)


def _sitting() -> Iterator[Sketch]:
    """Proposes birds with a round body on broad feet."""
    upper = put("large", "up", "n", BREAST)
    lower = put("large", "down", "n", upper.anchor("s"))
    feet = put("medium", "up", "n", lower.anchor("s"))
    rump = upper.anchor("se")
    tails = {
        "up": put("parallelogram", "steep /", "sw", rump),
        "level": put("parallelogram", "long /", "sw", rump),
        "down": put("parallelogram", "long \\", "nw", rump),
    }
    for shape, tail, extra in product(HEADS, tails, ("crest", "tuft")):
        head = put("square", shape, "e" if shape == "diamond" else "s", BREAST)
        parts = (*named("body", upper, lower), ("feet", feet), *_rest(head, shape, tails[tail], extra))
        yield Sketch({"pose": "sitting", "head": shape, "tail": tail, "extra": extra}, parts)


def _flying() -> Iterator[Sketch]:
    """Proposes birds with a stretched neck and one big wing, raised or swept back; with a swept wing some rise steeply.

    There is room for a crest or a tuft only if the head stands on the neck, and for a tuft only if the wing is swept.
    """
    body = put("large", "down", "nw", BREAST)
    rump = body.anchor("ne")
    neck = put("parallelogram", "long \\", "ne", BREAST.moved(roots(2)))
    nape = neck.anchor("nw")
    wings = {"up": put("large", "sw", "sw", BREAST.moved(units(1))), "swept": put("large", "se", "se", rump)}
    tails = {"fan": put("medium", "left", "w", rump), "down": put("medium", "nw", "nw", rump)}
    for shape, wing, tail, extra in product(HEADS, wings, tails, EXTRAS):
        if (shape == "diamond" and extra != "foot") or (wing, extra) == ("up", "tuft"):
            continue
        head = put("square", shape, *(("n", nape) if shape == "diamond" else ("s", nape.moved(units(1)))))
        foot = put("small", "ne", "nw", body.anchor("s"))
        trunk = ("body", body), ("wing", wings[wing]), ("neck", neck)
        parts = (*trunk, *_rest(head, shape, tails[tail], extra, foot))
        facts = {"head": shape, "wing": wing, "tail": tail, "extra": extra}
        yield Sketch({"pose": "flying", **facts}, parts)
        if (shape, wing) == ("square", "swept"):
            yield Sketch(facts, parts).rotated(1, pose="rising")


def _rest(head: Piece, shape: str, tail: Piece, extra: str, foot: Piece | None = None) -> tuple[Part, ...]:
    """Returns the parts of every bird: the head with its beak, the tail, and as the extra a foot or a plume."""
    more = _plume(head, shape, extra) if foot is None or extra != "foot" else foot
    return ("head", head), ("beak", beak(head, shape)), ("tail", tail), (extra, more)


def _plume(head: Piece, shape: str, style: str) -> Piece:
    """Returns a crest, which rises from the head, or a tuft, which streams back from it."""
    if style == "crest":
        return crest(head, shape)
    if shape == "square":
        return put("small", "nw", "nw", head.anchor("ne"))
    return put("small", "down", "s", head.anchor("e"))


WORDS = {
    "family=bird": ("a bird", "some kind of duck", "our feathered friend", "a chicken maybe"),
    "pose=swimming": ("swimming", "floating on a pond", "out on the lake"),
    "pose=perching": ("perching", "hanging out on a wire", "about to slide off"),
    "pose=flying": ("in flight", "way up in the sky", "heading south for winter"),
    "pose=rising": ("in steep flight", "leaving the nest", "climbing steeply"),
    "neck=forward": ("with its neck forward", "craning ahead", "reaching for bread"),
    "neck=bent": ("with a bent neck", "curved like the number two", "with a swan throat"),
    "leg=front": ("with its leg in front", "stepping ahead", "toes out first"),
    "leg=rear": ("with its leg at the rear", "lagging a step late", "about to fall over"),
    "wing=up": ("with its wing up", "flapping hard", "waving hi"),
    "wing=swept": ("with a swept wing", "gliding along", "built like a jet"),
    "extra=crest": ("with a crest", "rocking a mohawk", "crowned like royalty"),
    "extra=tuft": ("with a tuft", "with slick hair", "with a ponytail"),
    "extra=foot": ("with a foot", "showing its flipper", "with a webbed thing"),
}
