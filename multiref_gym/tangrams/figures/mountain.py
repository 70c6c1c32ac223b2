"""Mountains: a high peak with foothills, two peaks, and volcanoes; with a flag, a hut, the sun or smoke."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Part, Sketch, laid, named, on, other, point, put, roots, units
from multiref_gym.tangrams.figures.family import both_sides
from multiref_gym.tangrams.figures.flags import flag, flagged

SUMMIT = point(0, 0)
"""The top of the high peak, or the middle of a volcano's flat top; the foot is 4 below."""

WEST, EAST = point(-4, 4), point(4, 4)
"""The ends of the high peak's foot."""

HIGH_PEAK = named("peak", put("large", "se", "ne", SUMMIT), put("large", "sw", "nw", SUMMIT))


def mountains() -> Iterator[Sketch]:
    """Proposes the mountains of all kinds."""
    yield from _with_a_hut()
    yield from _with_even_foothills()
    yield from _two_peaks()
    yield from _twin_peaks()
    yield from _volcanoes()


def _with_a_hut() -> Iterator[Sketch]:
    """Proposes mountains with a high peak, a foothill with a smaller one, and a hut with a roof."""
    for blown, hut, foothill in product(SIDES, SIDES, SIDES):
        hill = put("medium", "up", "se", WEST)
        far = hill.anchor("sw") if hut == foothill else WEST
        bump = put("small", "up", "se", hill.anchor("sw")) if hut != foothill else put("small", "up", "sw", EAST)
        home = put("square", "square", "se" if hut == foothill else "sw", far if hut == foothill else EAST)
        roof = put("small", "up", "s", home.anchor("n"))
        ground = on(foothill, *named("foothill", hill, bump), *named("hut", home, roof))
        facts = {"peaks": "one", "foothill": foothill, "hut": hut}
        yield flagged(facts, (*HIGH_PEAK, *ground), "banner", blown, SUMMIT)


def _with_even_foothills() -> Iterator[Sketch]:
    """Proposes high peaks between foothills, one made of two pieces; the square is a third one or a hut beside them."""
    hills = named("foothill", *laid("medium up -8 2, small se 4 2, small sw 6 2"))
    extras = (
        ("ridge", put("square", "diamond", "s", WEST)),
        ("hut", put("square", "square", "se", WEST.moved(units(-4)))),
    )
    for blown, side, extra in product(SIDES, SIDES, extras):
        parts = (*HIGH_PEAK, *hills, *on(side, extra))
        yield flagged({"peaks": "three", extra[0]: side}, parts, "banner", blown, SUMMIT)


def _two_peaks() -> Iterator[Sketch]:
    """Proposes mountains with a low peak beside the high one; they are drawn with the high one on the left."""
    middle = EAST.moved(roots(4))
    sides = put("small", "up", "se", middle), put("small", "left", "se", middle), put("small", "up", "sw", middle)
    from_medium = named("low peak", put("medium", "sw", "sw", middle), *sides[:2])
    from_square = named("low peak", put("square", "diamond", "s", middle), sides[0], sides[2])
    knoll = middle.moved(dy=roots(-4))
    for high, side in product(SIDES, SIDES):
        wind = side if high == "left" else other(side)
        facts = {"peaks": "two", "high": high, "flagside": side}
        high_banner = ("flag", flag("banner", wind, SUMMIT))
        low_banner = ("flag", flag("banner", wind, knoll))
        base = (*HIGH_PEAK, *from_medium)
        for place, banner in (("high", high_banner), ("low", low_banner)):
            parts = (*base, ("ridge", put("square", "diamond", "s", EAST)), banner)
            yield Sketch({**facts, "flag": "banner", "flagged": place, "ridge": "middle"}, on(high, *parts))
        for hut in SIDES:
            home = put("square", "square", *(("se", WEST) if hut == high else ("sw", middle.moved(roots(4)))))
            parts = (*base, ("hut", home), high_banner)
            yield Sketch({**facts, "flag": "banner", "flagged": "high", "hut": hut}, on(high, *parts))
        for low, (shape, rest) in product(SIDES, (("triangle", from_square), ("square", from_medium))):
            low_flag = flag("banner", low if high == "left" else other(low), knoll)
            parts = (*HIGH_PEAK, *rest, *named("flag", flag(shape, wind, SUMMIT), low_flag))
            yield Sketch({**facts, "flag": shape, "flagged": "both", "otherflag": low}, on(high, *parts))


def _twin_peaks() -> Iterator[Sketch]:
    """Proposes two equal peaks with flags, with the square between them or as a hut, and low foothills at the sides."""
    west, east = put("large", "up", "se", SUMMIT), put("large", "up", "sw", SUMMIT)
    first, last = put("small", "up", "se", west.anchor("sw")), put("small", "up", "sw", east.anchor("se"))
    foothills = {
        "left": (first, put("small", "up", "se", first.anchor("sw"))),
        "right": (last, put("small", "up", "sw", last.anchor("se"))),
        "both": (first, last),
    }
    ridge = ("ridge", put("square", "diamond", "s", SUMMIT))
    for blown, second, (place, hills) in product(SIDES, SIDES, foothills.items()):
        facts = {"peaks": "twin", "foothill": place, "flag": "triangle", "flagside": blown, "otherflag": second}
        flags = flag("triangle", blown, west.anchor("n")), flag("banner", second, east.anchor("n"))
        peaks = (*named("peak", west, east), *named("foothill", *hills), *named("flag", *flags))
        yield Sketch(facts, (*peaks, ridge))
        if place in SIDES:
            beyond = ("se", west.anchor("sw")) if place == "right" else ("sw", east.anchor("se"))
            yield Sketch({**facts, "hut": other(place)}, (*peaks, ("hut", put("square", "square", *beyond))))


def _volcanoes() -> Iterator[Sketch]:
    """Proposes mountains with a flat top, and smoke, fire or a hut."""
    flanks = named("flank", *laid("large se -5 0, large sw 1 0"))
    of_square = (*flanks, *named("core", *laid("square -1 0, small sw -1 2, small ne -1 2")))
    of_parallelogram = (*flanks, *named("core", *laid("tall \\ -1 0, small ne -1 0, small sw -1 2")))
    of_medium = (*flanks, *named("core", *laid("medium right -1 0, small ne -1 0, small se -1 2")))
    foot = point(-5, 4)
    hill = ("foothill", put("medium", "up", "se", foot))
    home = ("hut", put("square", "square", "se", foot))
    ridge = ("ridge", put("square", "diamond", "s", foot))
    top_hut = ("hut", put("square", "square", "s", SUMMIT))
    fire = ("fire", put("medium", "down", "s", SUMMIT))
    for side, smoke in product(SIDES, SIDES):
        puff = ("smoke", flag("banner", smoke, point(1 if smoke == "left" else -1)))
        yield _volcano({"crater": "plain", "smoke": smoke, "foothill": side}, *of_square, puff, *on(side, hill))
        yield _volcano({"crater": "plain", "smoke": smoke, "hut": side}, *of_medium, puff, *on(side, home))
    for blown, side in product(SIDES, SIDES):
        facts = {"crater": "plain", "flag": "triangle", "flagside": blown, "hut": side}
        pennant = ("flag", flag("triangle", blown, SUMMIT))
        yield _volcano(facts, *of_parallelogram, pennant, *on(side, home))
    for side in SIDES:
        puff = ("smoke", flag("banner", side, fire[1].anchor("nw" if side == "left" else "ne")))
        yield _volcano({"crater": "fire", "smoke": side}, *of_square, fire, puff)
        for hut, cabin in ((side, home[1].moved(units(-4))), (other(side), home[1].mirrored())):
            ground = on(side, hill, ("hut", cabin))
            yield _volcano({"crater": "plain", "foothill": side, "hut": hut}, *of_parallelogram, *ground)
        yield _volcano({"crater": "hut", "foothill": side}, *of_parallelogram, top_hut, *on(side, hill))
        yield _volcano({"crater": "plain", "ridge": side, "foothill": side}, *of_parallelogram, *on(side, ridge, hill))
        puff = ("smoke", flag("banner", side, top_hut[1].anchor("n")))
        yield _volcano({"crater": "hut", "smoke": side}, *of_medium, top_hut, puff)
        yield _volcano({"crater": "fire", "hut": side}, *of_parallelogram, fire, *on(side, home))


def _volcano(attributes: dict[str, str], *parts: Part) -> Sketch:
    return Sketch({"peaks": "volcano", **attributes}, parts)


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
