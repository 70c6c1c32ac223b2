"""People in profile: a head, a body of the two large triangles, an arm, legs, a hat or a pack on the back."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import ZERO, Part, Piece, Point, Sketch, Surd, point, put, roots, units
from multiref_gym.tangrams.figures.family import Family, Words

HEADS = ("square", "diamond")
BODIES = ("box", "cape", "dress")
ARMS = ("raised", "lowered")
LOADS = ("hat", "pack")
LEGS = ("apart", "walking")
FACINGS = ("left", "right")

NECK = point(0, 0)
WAIST = NECK.moved(dy=roots(4))


def people() -> Iterator[Sketch]:
    """Proposes every head, body, arm, load and pair of legs; a dress has no back for a pack."""
    for head, body, arm, load, legs, facing in product(HEADS, BODIES, ARMS, LOADS, LEGS, FACINGS):
        if (body, load) == ("dress", "pack"):
            continue
        face = put("square", head, "s", NECK)
        trunk = _body(body)
        parts: tuple[Part, ...] = (
            ("head", face),
            ("body", trunk[0]),
            ("body", trunk[1]),
            ("arm", _arm(body, arm)),
            (load, put("medium", "up", "s", face.anchor("n")) if load == "hat" else _pack(body)),
            *(("leg", leg) for leg in _legs(legs, trunk[1].anchor("s").y)),
        )
        yield Sketch({"head": head, "body": body, "arm": arm, "load": load, "legs": legs}, parts).facing(facing)


def _body(shape: str) -> tuple[Piece, Piece]:
    """The upper or front triangle, then one that stands on the ground of the legs."""
    if shape == "box":
        corner = NECK.moved(units(-2))
        return put("large", "nw", "nw", corner), put("large", "se", "nw", corner)
    if shape == "cape":
        return put("large", "se", "ne", NECK), put("large", "sw", "nw", NECK)
    return put("large", "down", "s", WAIST), put("large", "up", "n", WAIST)


def _arm(body: str, pose: str) -> Piece:
    shapes = {
        ("box", "raised"): ("tall \\", "se", point(-2, 2)),
        ("box", "lowered"): ("tall /", "ne", point(-2, 0)),
        ("cape", "raised"): ("tall /", "nw", point(-4, 0)),
        ("cape", "lowered"): ("flat /", "nw", point(-5, 1)),
        ("dress", "raised"): ("flat \\", "se", point(-1, 0)),
        ("dress", "lowered"): ("steep \\", "nw", Point(roots(-4), ZERO)),
    }
    return put("parallelogram", *shapes[body, pose])


def _pack(body: str) -> Piece:
    return put("medium", "right", "nw", point(2, 0)) if body == "box" else put("medium", "left", "w", point(1, 1))


def _legs(pose: str, hip: Surd) -> tuple[Piece, Piece]:
    """Two small triangles from a hip of width 4; the front one leans with the other in a step."""
    rear = put("small", "ne", "ne", Point(units(2), hip))
    if pose == "apart":
        return put("small", "nw", "nw", Point(units(-2), hip)), rear
    return put("small", "ne", "ne", Point(ZERO, hip)), rear


FAMILY = Family(
    "person",
    people,
    {
        "family=person": Words(("a person", "a human figure"), ("a fellow", "some dude")),
        "body=box": Words(("with a body like a box",), ("built like a fridge", "of stocky robot frame")),
        "body=cape": Words(("in a cape",), ("draped in superhero cloth", "bundled as if for a storm")),
        "body=dress": Words(("in a dress",), ("with an hourglass waist", "pretty as a ballerina")),
        "arm=raised": Words(("with a raised arm",), ("hailing a taxi", "saying hello")),
        "arm=lowered": Words(("with a lowered arm",), ("carrying heavy groceries", "dangling a limb")),
        "load=hat": Words(("wearing a hat",), ("dressed for the sun", "sporting a sombrero")),
        "load=pack": Words(("with a pack on the back",), ("on a hiking trip", "lugging school stuff")),
        "legs=apart": Words(("with legs apart",), ("planted like a cowboy", "doing the splits")),
        "legs=walking": Words(("walking",), ("marching along", "out for a stroll")),
    },
)
