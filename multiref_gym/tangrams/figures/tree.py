"""Trees: a crown of the two large triangles with a tip, a trunk, what it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Part, Piece, Sketch, point, put, units
from multiref_gym.tangrams.figures.family import Family, Words

CROWNS = ("broad", "tiered", "round")
TIPS = ("left", "right", "up")
FEET = ("pot", "bowl", "mound")

TRUNK = put("square", "square", "s", point(0, 0))


def trees() -> Iterator[Sketch]:
    """Proposes every crown with every tip in every vessel."""
    for crown, tip, foot in product(CROWNS, TIPS, FEET):
        leaves = _crown(crown)
        summit = min((corner for piece in leaves for corner in piece.vertices), key=lambda corner: corner.y)
        top = {
            "left": put("medium", "left", "se", summit),
            "right": put("medium", "right", "sw", summit),
            "up": put("medium", "up", "s", summit),
        }[tip]
        parts: tuple[Part, ...] = (
            *(("crown", piece) for piece in leaves),
            ("tip", top),
            ("trunk", TRUNK),
            *((foot, piece) for piece in _foot(foot)),
        )
        yield Sketch({"crown": crown, "tip": tip, "foot": foot}, parts)


def _crown(shape: str) -> tuple[Piece, Piece]:
    base = TRUNK.anchor("n")
    if shape == "broad":
        return put("large", "se", "se", base), put("large", "sw", "sw", base)
    lower = put("large", "up" if shape == "tiered" else "down", "s", base)
    return lower, put("large", "up", "s", lower.anchor("n"))


def _foot(shape: str) -> tuple[Piece, Piece, Piece]:
    """The parallelogram and the small triangles: a pot, or a trapezium on its short side or its long one."""
    ground = TRUNK.anchor("s")
    if shape == "pot":
        return (
            put("small", "nw", "nw", ground.moved(units(-2))),
            put("parallelogram", "flat /", "n", ground),
            put("small", "se", "ne", ground.moved(units(2))),
        )
    right = ground.moved(units(1))
    if shape == "bowl":
        return (
            put("parallelogram", "flat \\", "ne", right),
            put("small", "ne", "ne", right),
            put("small", "nw", "nw", right),
        )
    return put("parallelogram", "flat /", "ne", right), put("small", "se", "ne", right), put("small", "sw", "nw", right)


FAMILY = Family(
    "tree",
    trees,
    {
        "family=tree": Words(("a tree",), ("a plant from the forest", "an evergreen for christmas")),
        "crown=broad": Words(("with a broad crown",), ("casting lots of shade", "thick as an umbrella")),
        "crown=tiered": Words(("with a tiered crown",), ("ruffled in two skirts", "like doubled chevrons")),
        "crown=round": Words(("with a round crown",), ("trimmed to a lollipop", "clipped by a gardener")),
        "tip=left": Words(("with its tip to the left",), ("whose apex nods at dusk", "topped by a parrot")),
        "tip=right": Words(
            ("with its tip to the right",), ("combed over to dawn", "with a weathercock veering clockwise")
        ),
        "tip=up": Words(("with its tip up",), ("decorated by a star", "sharp enough to prick clouds")),
        "foot=pot": Words(("in a rectangular pot",), ("on a brick", "atop a suitcase")),
        "foot=bowl": Words(("in a bowl",), ("served like salad", "in a flower basket")),
        "foot=mound": Words(("on a mound",), ("flaring at its roots", "clinging to a knoll")),
    },
)
