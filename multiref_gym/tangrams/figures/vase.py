"""Vases: a flower or a leaf out of the top, or a handle at a side."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Piece, Sketch, point, put
from multiref_gym.tangrams.figures.blocks import bar, block, blossom, leaning_out
from multiref_gym.tangrams.figures.family import Family, Words


def vases() -> Iterator[Sketch]:
    """Proposes every vase with a flower, and those with a neck, of the square, with a leaf or a handle."""
    for body, side in product(("straight", "tulip", "urn", "bottle"), ("left", "right")):
        flower = blossom(side, point(2, -2 if body == "bottle" else 0))
        about = {"body": body, "neck": "none", "inside": "flower", "bent": side, "handle": "none"}
        yield _vase(about, _body(body), flower)
    for body, side in product(("straight", "urn", "bottle"), ("left", "right")):
        about = {"body": body, "neck": "long"}
        trunk = *_body(body, neck=True), put("square", "square", "s", point(2))
        leaf = leaning_out(side, point(2, -4 if body == "bottle" else -2))
        yield _vase({**about, "inside": "leaf", "bent": side, "handle": "none"}, trunk, (leaf,))
        for handle in {"straight": (), "urn": ("hook", "raised"), "bottle": ("raised",)}[body]:
            if handle == "hook":
                ear = put("parallelogram", "tall /", "ne", point())
            else:
                ear = put("parallelogram", "tall \\", "se", point(0, 4 if body == "urn" else 2))
            yield _vase({**about, "inside": "none", "bent": "none", "ear": handle}, trunk, (ear,)).sided("handle", side)


def _vase(attributes: dict[str, str], body: tuple[Piece, ...], extra: tuple[Piece, ...]) -> Sketch:
    part = "handle" if attributes["inside"] == "none" else attributes["inside"]
    return Sketch(attributes, (*(("body", piece) for piece in body), *((part, piece) for piece in extra)))


def _body(shape: str, neck: bool = False) -> tuple[Piece, ...]:
    """The rim of the belly is at height 0 from 0 to 4; an urn's mouth is at the top of its neck, if it has one."""
    belly = block(point())
    if shape == "straight":
        return *belly, *bar("medium", point(0, 4))
    if shape == "tulip":
        taper = put("small", "ne", "ne", point(2, 4)), put("small", "nw", "nw", point(2, 4))
        return *belly, *taper, put("medium", "up", "n", point(2, 6))
    if shape == "urn":
        left, right = (point(1, -2), point(3, -2)) if neck else (point(0), point(4))
        mouth = put("small", "ne", "ne", left), put("small", "nw", "nw", right)
        return *belly, *mouth, put("medium", "up", "n", point(2, 4))
    foot = put("small", "se", "se", point(0, 4)), put("small", "sw", "sw", point(4, 4))
    return *belly, *foot, put("medium", "down", "s", point(2, -2 if neck else 0))


FAMILY = Family(
    "vase",
    vases,
    {
        "family=vase": Words(("a vase",), ("a jug", "an amphora", "mum's pottery")),
        "body=straight": Words(("with a plain body",), ("like a milk carton", "rectangular")),
        "body=tulip": Words(("with a body like a tulip",), ("pointy underneath", "narrowing down like a carrot")),
        "body=urn": Words(("with a body like an urn",), ("flaring at the mouth", "like for ashes")),
        "body=bottle": Words(("with a body like a bottle",), ("with a funnel for a mouth", "spreading at the bottom")),
        "neck=none": Words(("without a neck",), ("stumpy", "squat at the collar")),
        "neck=long": Words(("with a neck",), ("like a giraffe", "stretching its throat")),
        "inside=none": Words(("empty",), ("awaiting a bouquet", "with just air")),
        "inside=flower": Words(("with a flower",), ("with a rose in", "budding in spring")),
        "inside=leaf": Words(("with a leaf",), ("with a twig sticking out", "holding one fern")),
        "ear=raised": Words(("with a handle bent up",), ("with an elbow up", "like it lifts one hand")),
    },
)
