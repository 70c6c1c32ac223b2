"""Houses: cottages under a pointed, a flat or a narrow roof, bungalows, barns; with a chimney, an annex, a flag."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Kind, Part, Piece, Sketch, Surd, point, put, roots, units
from multiref_gym.tangrams.figures.blocks import bar
from multiref_gym.tangrams.figures.family import both_sides
from multiref_gym.tangrams.figures.flags import FLAGS, flag

EAVES = point()
"""The middle of the upper side of the walls."""

COTTAGE = units(2), units(4)
BUNGALOW = roots(4), roots(4)
"""Half the length of the walls and their height."""

GABLE: Part = ("roof", put("large", "up", "s", EAVES))
RIDGE = EAVES.moved(dy=roots(-4))
"""The roof of a cottage or a bungalow and its top."""

BARN_RIDGE = EAVES.moved(dy=units(-4))
BARN_ROOF: tuple[Part, ...] = (
    ("roof", put("large", "se", "ne", BARN_RIDGE)),
    ("roof", put("large", "sw", "nw", BARN_RIDGE)),
)


def houses() -> Iterator[Sketch]:
    """Proposes the houses of all kinds."""
    yield from _cottages()
    yield from _hip_roofed()
    yield from _bungalows()
    yield from _barns()
    yield from _on_pillars()
    yield from _narrow()


def _cottages() -> Iterator[Sketch]:
    """High walls of one large triangle and three small pieces; two pieces are left over."""
    kind = {"roof": "overhanging"}
    for annex, side in product(("box", "balcony", "shed"), SIDES):
        room = _annex(annex, side, *COTTAGE)
        facts = {**kind, "annex": annex, "side": side}
        shell = (GABLE, *_cottage_walls("square" if annex == "shed" else "medium"), room)
        yield from _topped(facts, shell)
        prop = ("prop", _on(_other(side), put("parallelogram", "tall /", "se", point(-2, 4))))
        yield Sketch({**facts, "chimney": "none", "flag": "none"}, (*shell, prop))
        shape = "square" if annex == "shed" else "triangle"
        for blown in SIDES:
            banner = ("flag", flag(shape, blown, RIDGE))
            yield Sketch(
                {**facts, "chimney": "none", "flag": shape, "flagside": blown},
                (GABLE, *_cottage_walls("parallelogram"), room, banner),
            )
    for shape, filler in (("triangle", "square"), ("square", "medium")):
        for chimney in SIDES:
            blown = _other(chimney)
            parts = (GABLE, *_cottage_walls(filler), _chimney(chimney), ("flag", flag(shape, blown, RIDGE)))
            yield Sketch({**kind, "annex": "none", "chimney": chimney, "flag": shape, "flagside": blown}, parts)


def _cottage_walls(filler: str) -> Iterator[Part]:
    """The square of side 4 from a large triangle, the small ones and one more piece."""
    left, right = point(-2, 0), point(2, 0)
    yield "wall", put("large", "sw", "nw", left)
    if filler == "medium":
        yield "wall", put("medium", "down", "nw", left)
        yield "wall", put("small", "se", "ne", right)
    elif filler == "square":
        yield "wall", put("square", "square", "ne", right)
        yield "wall", put("small", "ne", "nw", left)
    else:
        yield "wall", put("parallelogram", "flat \\", "nw", left)
        yield "wall", put("small", "ne", "ne", right)
    yield "wall", put("small", "ne", "ne", right.moved(dy=units(2)))


def _topped(facts: dict[str, str], parts: tuple[Part, ...]) -> Iterator[Sketch]:
    """The parallelogram is a chimney or a flag."""
    for side in SIDES:
        yield Sketch({**facts, "chimney": side}, (*parts, _chimney(side)))
        banner = ("flag", flag("banner", side, RIDGE))
        yield Sketch({**facts, "chimney": "none", "flag": "banner", "flagside": side}, (*parts, banner))


def _chimney(side: str) -> Part:
    """The parallelogram on the roof, a little below the ridge: flush with it a chimney would look like a gable."""
    return "chimney", _on(side, put("parallelogram", "tall /", "se", EAVES.moved(roots(-1), units(2) - roots(3))))


def _annex(shape: str, side: str, width: Surd, height: Surd) -> Part:
    corner, foot = EAVES.moved(-width), EAVES.moved(-width, height)
    left = {
        "box": put("square", "square", "se", foot),
        "balcony": put("square", "square", "ne", corner),
        "shed": put("medium", "se", "se", foot),
    }[shape]
    return "annex", _on(side, left)


def _hip_roofed() -> Iterator[Sketch]:
    """High walls of the large triangles; the roof's flat ridge is as wide as the chimney that may stand on it."""
    walls = (("wall", put("large", "sw", "n", EAVES)), ("wall", put("large", "ne", "n", EAVES)))
    slope = ("roof", put("parallelogram", "flat /", "sw", point(-3, 0)))
    halves = ("roof", put("small", "se", "sw", point(-1, 0))), ("roof", put("small", "sw", "sw", point(1, 0)))
    of_small = (*walls, slope, *halves)
    of_medium = (*walls, slope, ("roof", put("medium", "up", "sw", point(-1, 0))))
    of_square = (
        *walls,
        ("roof", put("small", "se", "sw", point(-3, 0))),
        ("roof", put("square", "square", "s", EAVES)),
        ("roof", put("small", "sw", "sw", point(1, 0))),
    )
    chimney = ("chimney", put("square", "square", "s", point(0, -2)))
    for side in SIDES:
        shed = _annex("shed", side, *COTTAGE)
        yield _hipped("shed", side, {"chimney": "middle"}, (*of_small, shed, chimney))
        for annex in ("box", "balcony"):
            yield _hipped(annex, side, {"chimney": "middle"}, (*of_medium, *_halved_annex(annex, side), chimney))
        for blown in SIDES:
            facts = {"chimney": "none", "flagside": blown}
            corner = point(-1 if blown == "left" else 1, -2)
            flags: dict[str, Part] = {shape: ("flag", flag(shape, blown, corner)) for shape in FLAGS}
            yield _hipped("shed", side, {**facts, "flag": "banner"}, (*of_square, shed, flags["banner"]))
            yield _hipped("shed", side, {**facts, "flag": "square"}, (*of_small, shed, flags["square"]))
            for annex in ("box", "balcony"):
                whole, halved = _annex(annex, side, *COTTAGE), _halved_annex(annex, side)
                yield _hipped(annex, side, {**facts, "flag": "triangle"}, (*of_small, whole, flags["triangle"]))
                yield _hipped(annex, side, {**facts, "flag": "square"}, (*of_medium, *halved, flags["square"]))


def _hipped(annex: str, side: str, more: dict[str, str], parts: tuple[Part, ...]) -> Sketch:
    return Sketch({"roof": "flat", "annex": annex, "side": side, **more}, parts)


def _halved_annex(shape: str, side: str) -> tuple[Part, Part]:
    """A box or a balcony from the small triangles."""
    foot = point(-2, 2) if shape == "balcony" else point(-2, 4)
    halves = put("small", "nw", "se", foot), put("small", "se", "se", foot)
    return ("annex", _on(side, halves[0])), ("annex", _on(side, halves[1]))


def _bungalows() -> Iterator[Sketch]:
    """Low walls as long as the large triangle that is the roof; the square and the parallelogram are left over."""
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
        yield from _topped({**kind, "annex": annex, "side": side}, (*shell, _annex(annex, side, *BUNGALOW)))
    for chimney in SIDES:
        blown = _other(chimney)
        facts = {**kind, "annex": "none", "chimney": chimney, "flag": "square", "flagside": blown}
        yield Sketch(facts, (*shell, _chimney(chimney), ("flag", flag("square", blown, RIDGE))))


def _barns() -> Iterator[Sketch]:
    """A roof of both large triangles over walls with a gap for a door, or over walls that are shorter than the roof."""
    for door, blown in product((*SIDES, "middle"), SIDES):
        yield from _barn({"door": door}, blown)
    for side, blown in product((*SIDES, "middle"), SIDES):
        yield from _barn({"door": "none", "side": side}, blown)


def _barn(facts: dict[str, str], side: str) -> Iterator[Sketch]:
    """The piece that the walls leave over is a chimney or a flag."""
    facts = {"roof": "huge", **facts}
    yield Sketch({**facts, "chimney": side}, (*BARN_ROOF, *_barn_walls(facts, "parallelogram"), _barn_chimney(side)))
    for shape, (spare, _) in FLAGS.items():
        if shape == "square" and facts["door"] in SIDES:
            # Beside such a door is the square.
            continue
        parts = (*BARN_ROOF, *_barn_walls(facts, spare), ("flag", flag(shape, side, BARN_RIDGE)))
        yield Sketch({**facts, "chimney": "none", "flag": shape, "flagside": side}, parts)


def _barn_chimney(side: str) -> Part:
    return "chimney", _on(side, put("parallelogram", "tall /", "s", point(-2, -1)))


def _barn_walls(facts: dict[str, str], spare: Kind) -> Iterator[Part]:
    """Walls of height 2 from the small pieces without the spare one."""
    door, side = facts["door"], facts.get("side", "middle")
    if door == "middle":
        yield from (("wall", piece) for piece in _barn_walls_ajar(spare))
        return
    corner = point(-4)
    pieces: tuple[Piece, ...]
    if spare == "square":
        pieces = (
            put("small", "sw", "nw", corner),
            put("parallelogram", "flat \\", "nw", corner),
            put("medium", "down", "nw", point(-2)),
            put("small", "se", "ne", point(2)),
        )
    else:
        third: Kind = "medium" if spare == "parallelogram" else "parallelogram"
        pieces = (*bar(third, corner), put("square", "square", "nw", point(0 if door == "none" else 2)))
    # They are laid from the left on and leave 2 units: at the right, or after a bar of 4, or half on each side.
    mirrored = side == "right" or door == "left"
    shift = units(1 if (door, side) == ("none", "middle") else 0)
    yield from (("wall", piece.mirrored() if mirrored else piece.moved(shift)) for piece in pieces)


def _barn_walls_ajar(spare: Kind) -> tuple[Piece, ...]:
    """Walls with a pointed gap in the middle: each of a small triangle and another piece."""
    halves = {
        "square": (put("square", "square", "nw", point(-4)), put("small", "nw", "nw", point(-2))),
        "medium": (put("medium", "down", "nw", point(-4)), put("small", "sw", "nw", point(-4))),
        "parallelogram": (put("parallelogram", "flat /", "nw", point(-4)), put("small", "nw", "nw", point(-4))),
    }
    left, right = (half for piece, half in halves.items() if piece != spare)
    return *left, *(piece.mirrored() for piece in right)


def _on_pillars() -> Iterator[Sketch]:
    """A barn's roof on two square pillars, near to each other or not, in the middle or to a side."""
    for door, left, right in (("wide", -4, 2), ("middle", -3, 1), ("left", -4, 0), ("right", -2, 2)):
        pillars = (
            ("wall", put("square", "square", "nw", point(left))),
            ("wall", put("small", "nw", "nw", point(right))),
            ("wall", put("small", "se", "nw", point(right))),
        )
        for side in SIDES:
            pennant = ("flag", flag("triangle", _other(side), BARN_RIDGE))
            facts = {"chimney": side, "flag": "triangle", "flagside": _other(side)}
            parts = (*BARN_ROOF, *pillars, _barn_chimney(side), pennant)
            yield Sketch({"roof": "huge", "door": door, **facts}, parts)


def _narrow() -> Iterator[Sketch]:
    """High walls of the large triangles under a roof of the medium one; an annex as high as they are."""
    gable = put("medium", "up", "s", EAVES)
    shell: tuple[Part, ...] = (
        ("roof", gable),
        ("wall", put("large", "sw", "n", EAVES)),
        ("wall", put("large", "ne", "n", EAVES)),
    )
    for annex, side in product(SIDES, SIDES):
        wing = (_annex("box", annex, *COTTAGE), *_halved_annex("balcony", annex))
        facts = {"roof": "narrow", "annex": "flat", "side": annex}
        chimney = ("chimney", _on(side, put("parallelogram", "steep /", "sw", point(-2, 0))))
        yield Sketch({**facts, "chimney": side}, (*shell, *wing, chimney))
        banner = ("flag", flag("banner", side, gable.anchor("n")))
        yield Sketch({**facts, "chimney": "none", "flag": "banner", "flagside": side}, (*shell, *wing, banner))


def _other(side: str) -> str:
    return "right" if side == "left" else "left"


def _on(side: str, piece: Piece) -> Piece:
    """Returns a piece laid on the left side of the house, or mirrored to the right one."""
    return piece if side == "left" else piece.mirrored()


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
