"""Trees: a crown of the large triangles and the medium one, a trunk, a base, and maybe a branch or a fruit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Part, Point, Sketch, laid, named, on, point, put, roots, units
from multiref_gym.tangrams.figures.family import both_sides

CROWNS = ("fir", "wide", "round", "diamond", "fan", "umbrella", "palm")
POINTED = ("fir", "wide")
OVERHANGING = ("fir", "wide", "palm")
"""The crowns that can have a fruit on top, and those that a fruit can hang from.

Only the latter can have a crooked trunk: under the others it would look like the handle of a spade."""

LEAVES = {
    "wide": "large se -4 -4, large sw 0 -4, medium up -2 -6",
    "round": "large sw -2 -4, large ne -2 -4, medium up -2 -6",
    "fan": "large ne -4 -4, large nw 0 -4, medium up -2 -6",
    "umbrella": "medium down -2 -2, large se -4 -6, large sw 0 -6",
}
"""Crowns whose pieces are on whole units above their foot."""

BASES = {
    "pot": "small nw -2 0, flat / -2 0, small se 0 0",
    "bowl": "flat \\ -3 0, small ne -1 0, small nw 1 0",
    "mound": "flat / -3 0, small se -1 0, small sw 1 0",
}
SLOPE = "flat / -3 0, small se -1 0, small nw 1 0"
"""The parallelogram and the small triangles below the trunk, as a pot, a trapezium on its short side or on its long
one, or a slope."""

ROOT = point()
"""The middle of the lower end of the trunk."""

TRUNK: Part = ("trunk", put("square", "square", "s", ROOT))


def trees() -> Iterator[Sketch]:
    """Proposes every tree on every base, with a branch, on a crooked trunk and with a fruit."""
    for crown, lean in (*((crown, "none") for crown in CROWNS), ("fir", "left"), ("fir", "right")):
        facts = {"crown": crown, "lean": lean}
        leaves = _crown(crown, lean, ROOT.moved(dy=units(-2)))
        for base in ("pot", "bowl", "mound"):
            yield Sketch({**facts, "trunk": "plain", "base": base}, (*leaves, TRUNK, *named(base, *laid(BASES[base]))))
        for side in SIDES:
            sided = {**facts, "side": side}
            slope = on(side, *named("slope", *laid(SLOPE)))
            yield Sketch({**sided, "trunk": "plain", "base": "slope"}, (*leaves, TRUNK, *slope))
            high = _crown(crown, lean, ROOT.moved(dy=units(-4)))
            branch = on(side, ("branch", put("parallelogram", "tall \\", "se", point(-1))))
            parts = (*high, TRUNK, *_halved_trunk(point(0, -2)), *branch)
            yield Sketch({**sided, "trunk": "branch", "base": "none"}, parts)
            if crown in POINTED:
                summit = min((corner for _, leaf in leaves for corner in leaf.vertices), key=lambda corner: corner.y)
                top = ("fruit", put("square", "diamond", "s", summit))
                yield _fruiting({**sided, "fruit": "top"}, (*leaves, top))
    for crown, side in product(OVERHANGING, SIDES):
        # From the root up: the square, the slanted parallelogram, and the small triangles, which are further left.
        left = (*_crown(crown, "none", point(-2, -6)), TRUNK, *_halved_trunk(point(-2, -4)))
        bend = ("trunk", put("parallelogram", "flat \\", "s", point(-1, -2)))
        yield Sketch({"crown": crown, "lean": side, "trunk": "crooked", "base": "none"}, on(side, *left, bend))
    hangers = [(crown, "none", hung, 4) for crown in OVERHANGING for hung in SIDES]
    # A leaning fir reaches out further, and only to the side to which it leans.
    hangers += [("fir", lean, lean, 5) for lean in SIDES]
    for (crown, lean, hung, reach), side in product(hangers, SIDES):
        leaves = _crown(crown, lean, ROOT.moved(dy=units(-2)))
        fruit = on(hung, ("fruit", put("square", "diamond", "n", ROOT.moved(roots(-reach), units(-2)))))
        yield _fruiting({"crown": crown, "lean": lean, "fruit": hung, "side": side}, (*leaves, *fruit))


def _fruiting(facts: dict[str, str], crown: tuple[Part, ...]) -> Sketch:
    """Returns a tree with the square as a fruit, the small triangles as the trunk and the parallelogram as the base."""
    slab = on(facts["side"], ("base", put("parallelogram", "flat /", "n", point(-1, 0))))
    return Sketch({**facts, "trunk": "plain", "base": "slab"}, (*crown, *_halved_trunk(ROOT), *slab))


def _crown(shape: str, lean: str, foot: Point) -> tuple[Part, ...]:
    """Returns a crown of the two large triangles and the medium one; those of a leaning fir shift more and more."""
    if shape in LEAVES:
        return named("crown", *laid(LEAVES[shape], foot))
    if shape == "fir":
        step = roots({"left": -1, "none": 0, "right": 1}[lean])
        low = put("large", "up", "s", foot.moved(step))
        middle = put("large", "up", "s", low.anchor("n").moved(step))
        return named("crown", low, middle, put("medium", "up", "s", middle.anchor("n").moved(step)))
    if shape == "diamond":
        low = put("large", "down", "s", foot)
        high = put("large", "up", "s", low.anchor("n"))
        return named("crown", low, high, put("medium", "up", "s", high.anchor("n")))
    leaves = put("large", "up", "se", foot), put("large", "up", "sw", foot)
    return named("crown", *leaves, put("medium", "down", "s", foot))


def _halved_trunk(foot: Point) -> tuple[Part, ...]:
    """Returns a square of the small triangles."""
    return named("trunk", *laid("small nw -1 -2, small se -1 -2", foot))


WORDS = {
    "family=tree": ("a tree", "a plant", "something in a forest", "some shrub"),
    "crown=fir": ("with a tiered crown", "for christmas", "like an evergreen"),
    "crown=wide": ("with a wide crown", "fit for a picnic under it", "pretty bushy"),
    "crown=round": ("with a round crown", "trimmed like a lollipop", "clipped like a hedge"),
    "crown=diamond": ("with a diamond crown", "cut like a jewel", "like a kebab"),
    "crown=fan": ("with a crown like a fan", "like a peacock", "spreading open"),
    "crown=umbrella": ("with a crown like an umbrella", "like a mushroom", "like a parasol"),
    "crown=palm": ("with a crown like a palm", "on a tropical beach", "dropping coconuts"),
    "trunk=plain": ("with a plain stem", "on a stubby log", "planted as usual"),
    "trunk=branch": ("with a branch", "sprouting a twig", "like a cactus"),
    "trunk=crooked": ("with a zigzag stem", "kinked in half", "wiggling upward"),
    "base=pot": ("in a pot", "on a brick", "sold in a planter"),
    "base=bowl": ("in a bowl", "served like salad", "in a rocking basket"),
    "base=mound": ("on a mound", "clinging to a knoll", "with roots either side"),
    "base=slope": ("on a slope", "perched on a hillside", "sliding downhill"),
    "base=slab": ("on a slanted base", "sticking a toe out", "with a curly root"),
    "base=none": ("without a base", "naked at the bottom", "stuck in the soil"),
    **both_sides("fruit", "with a fruit on the {}", "holding an apple {}", "with a bauble dangling {}"),
    "fruit=top": ("with a fruit on top", "with a star up top", "topped by an ornament"),
}
