"""Mountains: a high peak with foothills, two peaks, and volcanoes; with a flag, a hut, the sun or smoke."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Part, Piece, Sketch, point, put, roots, units
from multiref_gym.tangrams.figures.family import both_sides
from multiref_gym.tangrams.figures.flags import flag

SUMMIT = point(0, 0)
"""The top of the high peak, or the middle of a volcano's; its foot is 4 below."""

WEST, EAST = point(-4, 4), point(4, 4)
"""The ends of the high peak's foot."""

HIGH_PEAK: tuple[Part, ...] = (
    ("peak", put("large", "se", "ne", SUMMIT)),
    ("peak", put("large", "sw", "nw", SUMMIT)),
)


def mountains() -> Iterator[Sketch]:
    """Proposes the mountains of all kinds."""
    yield from _with_a_hut()
    yield from _with_even_foothills()
    yield from _two_peaks()
    yield from _twin_peaks()
    yield from _volcanoes()


def _with_a_hut() -> Iterator[Sketch]:
    """A high peak, a foothill with a smaller one, a hut with a roof."""
    for blown, hut, foothill in product(SIDES, SIDES, SIDES):
        hill = put("medium", "up", "se", WEST)
        far = hill.anchor("sw") if hut == foothill else WEST
        bump = put("small", "up", "se", hill.anchor("sw")) if hut != foothill else put("small", "up", "sw", EAST)
        home = put("square", "square", "se" if hut == foothill else "sw", far if hut == foothill else EAST)
        roof = put("small", "up", "s", home.anchor("n"))
        ground = (("foothill", hill), ("foothill", bump), ("hut", home), ("hut", roof))
        yield Sketch(
            {"peaks": "one", "foothill": foothill, "hut": hut, "flag": "banner", "flagside": blown},
            (*HIGH_PEAK, *_side(foothill, ground), ("flag", flag("banner", blown, SUMMIT))),
        )


def _with_even_foothills() -> Iterator[Sketch]:
    """A high peak between foothills, one of them in two pieces; the square is a third one or a hut beyond them."""
    hills = (
        ("foothill", put("medium", "up", "se", WEST)),
        ("foothill", put("small", "se", "sw", EAST)),
        ("foothill", put("small", "sw", "sw", EAST.moved(units(2)))),
    )
    for blown, side in product(SIDES, SIDES):
        banner = ("flag", flag("banner", blown, SUMMIT))
        extras = {
            "ridge": put("square", "diamond", "s", WEST),
            "hut": put("square", "square", "se", WEST.moved(units(-4))),
        }
        for extra, piece in extras.items():
            yield Sketch(
                {"peaks": "three", extra: side, "flag": "banner", "flagside": blown},
                (*HIGH_PEAK, *hills, banner, *_side(side, ((extra, piece),))),
            )


def _two_peaks() -> Iterator[Sketch]:
    """A low peak beside the high one; drawn with the high one on the left."""
    middle = EAST.moved(roots(4))
    from_medium = (
        ("low peak", put("medium", "sw", "sw", middle)),
        ("low peak", put("small", "up", "se", middle)),
        ("low peak", put("small", "left", "se", middle)),
    )
    from_square = (
        ("low peak", put("square", "diamond", "s", middle)),
        ("low peak", put("small", "up", "se", middle)),
        ("low peak", put("small", "up", "sw", middle)),
    )
    knoll = middle.moved(dy=roots(-4))
    for high, side in product(SIDES, SIDES):
        wind = side if high == "left" else _other(side)
        facts = {"peaks": "two", "high": high, "flagside": side}
        high_banner = ("flag", flag("banner", wind, SUMMIT))
        low_banner = ("flag", flag("banner", wind, knoll))
        ridge = ("ridge", put("square", "diamond", "s", EAST))
        base = (*HIGH_PEAK, *from_medium)
        yield _two({**facts, "flag": "banner", "flagged": "high", "ridge": "middle"}, (*base, ridge, high_banner))
        yield _two({**facts, "flag": "banner", "flagged": "low", "ridge": "middle"}, (*base, ridge, low_banner))
        for hut in SIDES:
            near = hut == high
            home = (
                put("square", "square", "se", WEST) if near else put("square", "square", "sw", middle.moved(roots(4)))
            )
            yield _two({**facts, "flag": "banner", "flagged": "high", "hut": hut}, (*base, ("hut", home), high_banner))
        for low in SIDES:
            low_flag = ("flag", flag("banner", low if high == "left" else _other(low), knoll))
            for shape, rest in (("triangle", from_square), ("square", from_medium)):
                high_flag = ("flag", flag(shape, wind, SUMMIT))
                yield _two(
                    {**facts, "flag": shape, "flagged": "both", "otherflag": low},
                    (*HIGH_PEAK, *rest, high_flag, low_flag),
                )


def _two(attributes: dict[str, str], parts: tuple[Part, ...]) -> Sketch:
    return Sketch(attributes, tuple(_side(attributes["high"], parts)))


def _twin_peaks() -> Iterator[Sketch]:
    """Two equal peaks with flags, the square between them or a hut; low foothills to one side or on both."""
    west, east = put("large", "up", "se", SUMMIT), put("large", "up", "sw", SUMMIT)
    first, last = put("small", "up", "se", west.anchor("sw")), put("small", "up", "sw", east.anchor("se"))
    foothills = {
        "left": (first, put("small", "up", "se", first.anchor("sw"))),
        "right": (last, put("small", "up", "sw", last.anchor("se"))),
        "both": (first, last),
    }
    ridge = ("ridge", put("square", "diamond", "s", SUMMIT))
    huts = {
        "left": ("hut", put("square", "square", "se", west.anchor("sw"))),
        "right": ("hut", put("square", "square", "sw", east.anchor("se"))),
    }
    for blown, other, (place, hills) in product(SIDES, SIDES, foothills.items()):
        facts = {"peaks": "twin", "foothill": place, "flag": "triangle", "flagside": blown, "otherflag": other}
        flags = ("flag", flag("triangle", blown, west.anchor("n"))), ("flag", flag("banner", other, east.anchor("n")))
        peaks = (("peak", west), ("peak", east), *(("foothill", hill) for hill in hills), *flags)
        yield Sketch(facts, (*peaks, ridge))
        if place in SIDES:
            hut = _other(place)
            yield Sketch({**facts, "hut": hut}, (*peaks, huts[hut]))


def _volcanoes() -> Iterator[Sketch]:
    """A mountain with a flat top: smoke or fire on it, or a hut."""
    flanks = (("flank", put("large", "se", "se", point(-1, 4))), ("flank", put("large", "sw", "sw", point(1, 4))))
    of_square = (
        *flanks,
        *_core(
            put("square", "square", "n", SUMMIT),
            put("small", "sw", "s", point(0, 4)),
            put("small", "ne", "s", point(0, 4)),
        ),
    )
    of_parallelogram = (
        *flanks,
        *_core(
            put("parallelogram", "tall \\", "n", SUMMIT),
            put("small", "ne", "n", SUMMIT),
            put("small", "sw", "s", point(0, 4)),
        ),
    )
    of_medium = (
        *flanks,
        *_core(
            put("medium", "right", "n", SUMMIT), put("small", "ne", "n", SUMMIT), put("small", "se", "s", point(0, 4))
        ),
    )
    hill = ("foothill", put("medium", "up", "se", point(-5, 4)))
    home = ("hut", put("square", "square", "se", point(-5, 4)))
    ridge = ("ridge", put("square", "diamond", "s", point(-5, 4)))
    top_hut = ("hut", put("square", "square", "s", SUMMIT))
    fire = ("fire", put("medium", "down", "s", SUMMIT))
    for side, smoke in product(SIDES, SIDES):
        puff = ("smoke", flag("banner", smoke, SUMMIT.moved(units(1 if smoke == "left" else -1))))
        yield _volcano({"crater": "plain", "smoke": smoke, "foothill": side}, (*of_square, puff, *_side(side, (hill,))))
        yield _volcano({"crater": "plain", "smoke": smoke, "hut": side}, (*of_medium, puff, *_side(side, (home,))))
    for blown, side in product(SIDES, SIDES):
        pennant = ("flag", flag("triangle", blown, SUMMIT))
        facts = {"crater": "plain", "flag": "triangle", "flagside": blown, "hut": side}
        yield _volcano(facts, (*of_parallelogram, pennant, *_side(side, (home,))))
    for side in SIDES:
        puff = ("smoke", flag("banner", side, fire[1].anchor("nw" if side == "left" else "ne")))
        yield _volcano({"crater": "fire", "smoke": side}, (*of_square, fire, puff))
        for hut, cabin in ((side, home[1].moved(units(-4))), (_other(side), home[1].mirrored())):
            ground = _side(side, (hill, ("hut", cabin)))
            yield _volcano({"crater": "plain", "foothill": side, "hut": hut}, (*of_parallelogram, *ground))
        yield _volcano({"crater": "hut", "foothill": side}, (*of_parallelogram, top_hut, *_side(side, (hill,))))
        yield _volcano(
            {"crater": "plain", "ridge": side, "foothill": side}, (*of_parallelogram, *_side(side, (ridge, hill)))
        )
        yield _volcano(
            {"crater": "hut", "smoke": side},
            (*of_medium, top_hut, ("smoke", flag("banner", side, top_hut[1].anchor("n")))),
        )
        yield _volcano({"crater": "fire", "hut": side}, (*of_parallelogram, fire, *_side(side, (home,))))


def _core(*pieces: Piece) -> Iterator[Part]:
    return (("core", piece) for piece in pieces)


def _volcano(attributes: dict[str, str], parts: tuple[Part, ...]) -> Sketch:
    return Sketch({"peaks": "volcano", **attributes}, parts)


def _side(side: str, parts: tuple[Part, ...]) -> Iterator[Part]:
    """Returns parts drawn for the left side, or mirrored."""
    return ((part, piece if side == "left" else piece.mirrored()) for part, piece in parts)


def _other(side: str) -> str:
    return "right" if side == "left" else "left"


WORDS = {
    "family=mountain": ("a mountain", "some hills", "a view of the alps", "a pile of rock"),
    "peaks=one": ("with one summit", "like mount fuji", "towering alone"),
    "peaks=two": ("with two summits", "with a kid brother", "like parent and child"),
    "peaks=three": ("with three summits", "like a whole range", "bumpy all along"),
    "peaks=twin": ("with equal summits", "like golden arches", "matched like siblings"),
    "peaks=volcano": ("with a crater", "like an old volcano", "about to blow"),
    **both_sides("foothill", "with a foothill on the {}", "with a bump at the {}", "with a baby hill {}"),
    "foothill=both": ("with foothills on both sides", "fenced by molehills", "with bumps all around"),
    **both_sides("hut", "with a hut on the {}", "with a cabin at the {}", "where somebody lives {}"),
    **both_sides("ridge", "with a ridge on the {}", "serrated on the {}", "with a jagged {} side"),
    "ridge=middle": ("with a ridge in the centre", "jagged halfway", "with saw teeth amid"),
    "flagged=high": ("with a flag on the taller summit", "marked at the very top", "claimed by a climber"),
    "flagged=low": ("with a flag on the lower summit", "marked on the lesser one", "where the climber gave up"),
    "flagged=both": ("with a flag on both summits", "claimed twice", "marked everywhere"),
    **both_sides("high", "with the taller summit on the {}", "rising to the {}", "with the giant {}"),
    **both_sides("otherflag", "with the slanted flag to the {}", "with a second pennant {}", "whose neighbor waves {}"),
    "crater=plain": ("with an empty crater", "with a sleepy mouth", "flattened up top"),
    "crater=fire": ("with fire on the crater", "erupting", "spewing lava"),
    "crater=hut": ("with a hut on the crater", "with an observatory", "with a chapel up top"),
}
