"""Houses: cottages under a pointed, a flat or a narrow roof, bungalows, barns; with a chimney, an annex, a flag."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import (
    SIDES,
    Kind,
    Part,
    Piece,
    Sketch,
    Surd,
    laid,
    named,
    on,
    other,
    point,
    put,
    roots,
    units,
)
from multiref_gym.tangrams.figures.blocks import bar
from multiref_gym.tangrams.figures.family import both_sides
from multiref_gym.tangrams.figures.flags import FLAGS, flag, flagged

EAVES = point()
"""The middle of the upper side of the walls."""

COTTAGE = units(2), units(4)
BUNGALOW = roots(4), roots(4)
"""Half the length of the walls, and their height."""

GABLE: Part = ("roof", put("large", "up", "s", EAVES))
RIDGE = EAVES.moved(dy=roots(-4))
"""The roof of a cottage or a bungalow and its top."""

HIGH_WALLS = named("wall", *laid("large sw -2 0, large ne -2 0"))
"""A square of side 4."""

BARN_RIDGE = EAVES.moved(dy=units(-4))
BARN_ROOF = named("roof", put("large", "se", "ne", BARN_RIDGE), put("large", "sw", "nw", BARN_RIDGE))


def houses() -> Iterator[Sketch]:
    """Proposes the houses of all kinds."""
    yield from _cottages()
    yield from _hip_roofed()
    yield from _bungalows()
    yield from _barns()
    yield from _on_pillars()
    yield from _narrow()


def _cottages() -> Iterator[Sketch]:
    """Proposes houses with high walls of one large triangle and three smaller pieces; two pieces are left over."""
    kind = {"roof": "overhanging"}
    for annex, side in product(("box", "balcony", "shed"), SIDES):
        room = _annex(annex, side, *COTTAGE)
        facts = {**kind, "annex": annex, "side": side}
        shell = (GABLE, *_cottage_walls("square" if annex == "shed" else "medium"), *room)
        yield from _topped(facts, shell)
        prop = on(other(side), ("prop", put("parallelogram", "tall /", "se", point(-2, 4))))
        yield Sketch({**facts, "chimney": "none", "flag": "none"}, (*shell, *prop))
        shape = "square" if annex == "shed" else "triangle"
        for blown in SIDES:
            parts = (GABLE, *_cottage_walls("parallelogram"), *room)
            yield flagged({**facts, "chimney": "none"}, parts, shape, blown, RIDGE)
    for (shape, filler), side in product((("triangle", "square"), ("square", "medium")), SIDES):
        shell = (GABLE, *_cottage_walls(filler), *_chimney(side))
        yield flagged({**kind, "annex": "none", "chimney": side}, shell, shape, other(side), RIDGE)


def _cottage_walls(filler: str) -> tuple[Part, ...]:
    """Returns a square of side 4, made of a large triangle, the small ones and one more piece."""
    fill = {
        "medium": "medium down -2 0, small se 0 0",
        "square": "square 0 0, small ne -2 0",
        "parallelogram": "flat \\ -2 0, small ne 0 0",
    }[filler]
    return named("wall", *laid(f"large sw -2 0, {fill}, small ne 0 2"))


def _topped(facts: dict[str, str], parts: tuple[Part, ...]) -> Iterator[Sketch]:
    """Proposes the house with the parallelogram as a chimney or as a flag."""
    for side in SIDES:
        yield Sketch({**facts, "chimney": side}, (*parts, *_chimney(side)))
        yield flagged({**facts, "chimney": "none"}, parts, "banner", side, RIDGE)


def _chimney(side: str) -> tuple[Part, ...]:
    """Returns the parallelogram as a chimney, a little below the ridge: at its height, it would look like a gable."""
    left = put("parallelogram", "tall /", "se", EAVES.moved(roots(-1), units(2) - roots(3)))
    return on(side, ("chimney", left))


def _annex(shape: str, side: str, width: Surd, height: Surd) -> tuple[Part, ...]:
    corner, foot = EAVES.moved(-width), EAVES.moved(-width, height)
    left = {
        "box": put("square", "square", "se", foot),
        "balcony": put("square", "square", "ne", corner),
        "shed": put("medium", "se", "se", foot),
    }[shape]
    return on(side, ("annex", left))


def _hip_roofed() -> Iterator[Sketch]:
    """Proposes houses with high walls of the large triangles; the roof is flat on top, as wide as a chimney there."""
    of_small = (*HIGH_WALLS, *named("roof", *laid("flat / -3 -2, small se -1 -2, small sw 1 -2")))
    of_medium = (*HIGH_WALLS, *named("roof", *laid("flat / -3 -2, medium up -1 -2")))
    of_square = (*HIGH_WALLS, *named("roof", *laid("small se -3 -2, square -1 -2, small sw 1 -2")))
    chimney = ("chimney", put("square", "square", "s", point(0, -2)))
    for side in SIDES:
        shed = _annex("shed", side, *COTTAGE)
        yield _hipped("shed", side, {"chimney": "middle"}, (*of_small, *shed, chimney))
        for annex in ("box", "balcony"):
            yield _hipped(annex, side, {"chimney": "middle"}, (*of_medium, *_halved_annex(annex, side), chimney))
        for blown in SIDES:
            facts = {"chimney": "none", "flagside": blown}
            corner = point(-1 if blown == "left" else 1, -2)
            flags: dict[str, Part] = {shape: ("flag", flag(shape, blown, corner)) for shape in FLAGS}
            yield _hipped("shed", side, {**facts, "flag": "banner"}, (*of_square, *shed, flags["banner"]))
            yield _hipped("shed", side, {**facts, "flag": "square"}, (*of_small, *shed, flags["square"]))
            for annex in ("box", "balcony"):
                whole, halved = _annex(annex, side, *COTTAGE), _halved_annex(annex, side)
                yield _hipped(annex, side, {**facts, "flag": "triangle"}, (*of_small, *whole, flags["triangle"]))
                yield _hipped(annex, side, {**facts, "flag": "square"}, (*of_medium, *halved, flags["square"]))


def _hipped(annex: str, side: str, more: dict[str, str], parts: tuple[Part, ...]) -> Sketch:
    return Sketch({"roof": "flat", "annex": annex, "side": side, **more}, parts)


def _halved_annex(shape: str, side: str) -> tuple[Part, ...]:
    """Returns a box or a balcony, made of the small triangles."""
    foot = point(-2, 2) if shape == "balcony" else point(-2, 4)
    return on(side, *named("annex", *laid("small nw -2 -2, small se -2 -2", foot)))


def _bungalows() -> Iterator[Sketch]:
    """Proposes houses with low walls as long as the roof, a large triangle; square and parallelogram are left over."""
    width, height = BUNGALOW
    shell = (
        GABLE,
        ("wall", put("large", "up", "n", EAVES)),
        ("wall", put("medium", "nw", "nw", EAVES.moved(-width))),
        ("wall", put("small", "down", "ne", EAVES.moved(width))),
        ("wall", put("small", "left", "se", EAVES.moved(width, height))),
    )
    kind = {"roof": "flush"}
    for annex, side in product(("box", "balcony"), SIDES):
        yield from _topped({**kind, "annex": annex, "side": side}, (*shell, *_annex(annex, side, *BUNGALOW)))
    for side in SIDES:
        facts = {**kind, "annex": "none", "chimney": side}
        yield flagged(facts, (*shell, *_chimney(side)), "square", other(side), RIDGE)


def _barns() -> Iterator[Sketch]:
    """Proposes barns: both large triangles are the roof; the walls have a gap for a door, or are shorter than it."""
    for door, blown in product((*SIDES, "middle"), SIDES):
        yield from _barn({"door": door}, blown)
    for side, blown in product((*SIDES, "middle"), SIDES):
        yield from _barn({"door": "none", "side": side}, blown)


def _barn(facts: dict[str, str], side: str) -> Iterator[Sketch]:
    """Proposes a barn whose walls lack one piece, which is a chimney or a flag."""
    facts = {"roof": "huge", **facts}
    yield Sketch({**facts, "chimney": side}, (*BARN_ROOF, *_barn_walls(facts, "parallelogram"), *_barn_chimney(side)))
    for shape, (spare, _) in FLAGS.items():
        if shape == "square" and facts["door"] in SIDES:
            # The square is a part of the wall beside such a door.
            continue
        parts = (*BARN_ROOF, *_barn_walls(facts, spare))
        yield flagged({**facts, "chimney": "none"}, parts, shape, side, BARN_RIDGE)


def _barn_chimney(side: str) -> tuple[Part, ...]:
    return on(side, ("chimney", put("parallelogram", "tall /", "s", point(-2, -1))))


def _barn_walls(facts: dict[str, str], spare: Kind) -> tuple[Part, ...]:
    """Returns walls of height 2, made of the smaller pieces without the spare one."""
    door, side = facts["door"], facts.get("side", "middle")
    if door == "middle":
        return named("wall", *_barn_walls_ajar(spare))
    if spare == "square":
        pieces = laid("small sw -4 0, flat \\ -4 0, medium down -2 0, small se 0 0")
    else:
        third: Kind = "medium" if spare == "parallelogram" else "parallelogram"
        pieces = *bar(third, point(-4)), *laid(f"square {0 if door == 'none' else 2} 0")
    # The pieces start at the left and leave a gap of 2: at the right, after a bar of 4, or half of it on each side.
    if (door, side) == ("none", "middle"):
        return named("wall", *(piece.moved(units(1)) for piece in pieces))
    return on("right" if side == "right" or door == "left" else "left", *named("wall", *pieces))


def _barn_walls_ajar(spare: Kind) -> tuple[Piece, ...]:
    """Returns walls with a pointed gap in the middle; each is a small triangle and another piece."""
    halves = {
        "square": "square -4 0, small nw -2 0",
        "medium": "medium down -4 0, small sw -4 0",
        "parallelogram": "flat / -4 0, small nw -4 0",
    }
    left, right = (laid(half) for piece, half in halves.items() if piece != spare)
    return *left, *(piece.mirrored() for piece in right)


def _on_pillars() -> Iterator[Sketch]:
    """Proposes barn roofs on two square pillars, at different distances, in the middle or to a side."""
    for door, left, right in (("wide", -4, 2), ("middle", -3, 1), ("left", -4, 0), ("right", -2, 2)):
        pillars = named("wall", *laid(f"square {left} 0, small nw {right} 0, small se {right} 0"))
        for side in SIDES:
            facts = {"roof": "huge", "door": door, "chimney": side}
            yield flagged(facts, (*BARN_ROOF, *pillars, *_barn_chimney(side)), "triangle", other(side), BARN_RIDGE)


def _narrow() -> Iterator[Sketch]:
    """Proposes houses with high walls of the large triangles, a roof of the medium one and an annex as high as they."""
    gable = put("medium", "up", "s", EAVES)
    shell = (("roof", gable), *HIGH_WALLS)
    for annex, side in product(SIDES, SIDES):
        wing = (*_annex("box", annex, *COTTAGE), *_halved_annex("balcony", annex))
        facts = {"roof": "narrow", "annex": "flat", "side": annex}
        chimney = on(side, ("chimney", put("parallelogram", "steep /", "sw", point(-2, 0))))
        yield Sketch({**facts, "chimney": side}, (*shell, *wing, *chimney))
        yield flagged({**facts, "chimney": "none"}, (*shell, *wing), "banner", side, gable.anchor("n"))


WORDS = {
    "family=house": ("a house", "a home", "a cosy cottage", "some kind of building"),
    "roof=overhanging": ("with an overhanging roof", "wearing long eaves", "with an awning all around"),
    "roof=flush": ("with a roof as wide as the walls", "shaped like an envelope", "as kids draw it"),
    "roof=flat": ("with a flat roof", "chopped off up top", "fit to land a chopper"),
    "roof=huge": ("with a roof over everything", "like a barn", "like a ski chalet"),
    "roof=narrow": ("with a narrow roof", "like a townhouse", "shaped like a milk carton"),
    **both_sides("chimney", "with a chimney on the {}", "with a stovepipe on the {}", "where santa enters {}"),
    "chimney=middle": ("with a chimney in the centre", "with a stovepipe amid the ridgepole", "with a smokestack"),
    "chimney=none": ("without a chimney", "where santa gets stuck", "never had a fireplace"),
    "annex=box": ("with a square annex", "with a garage attached", "with parking"),
    "annex=balcony": ("with an annex upstairs", "having a balcony", "with a terrace jutting out"),
    "annex=shed": ("with a sloping annex", "with a slide for kids", "with a carport"),
    "annex=flat": ("with a flat annex", "built like a duplex", "boxy like a factory"),
    "annex=none": ("without an annex", "all by itself", "minus any extension"),
    "door=left": ("with a door on the left", "with an entrance bottom left", "you come in left"),
    "door=middle": ("with a door in the centre", "with an entrance dead ahead", "you come in halfway"),
    "door=right": ("with a door on the right", "with an entrance bottom right", "you come in right"),
    "door=wide": ("with a wide door", "fit for a tractor", "like a bus shelter"),
    "door=none": ("without a door", "with nowhere to enter", "totally shut"),
}
