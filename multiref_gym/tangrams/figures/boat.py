"""Boats: sailing boats with flags of three shapes, long ones without a flag, and steamers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import SIDES, Part, Piece, Sketch, laid, named, on, other, point, put, roots
from multiref_gym.tangrams.figures.blocks import bar
from multiref_gym.tangrams.figures.family import both_sides
from multiref_gym.tangrams.figures.flags import FLAGS, flag

PLACES = {"front": -1, "middle": 0, "back": 1}
SHAPES = ("even", "left", "right")
HULLS = {
    ("even", "triangle"): "flat \\ -4 0, small ne -2 0, square 0 0, small nw 2 0",
    ("even", "banner"): "small ne -4 0, square -2 0, small sw 0 0, medium down 0 0",
    ("even", "square"): "flat \\ -4 0, medium down -2 0, small se 0 0, small nw 2 0",
    ("even", "none"): "flat \\ -5 0, small ne -3 0, square -1 0, small sw 1 0, medium down 1 0",
    ("right", "triangle"): "flat \\ -4 0, small ne -2 0, square 0 0, small sw 2 0",
    ("right", "banner"): "small ne -4 0, square -2 0, small nw 0 0, medium up 0 0",
    ("right", "square"): "flat \\ -4 0, medium down -2 0, small se 0 0, small sw 2 0",
    ("right", "none"): "flat \\ -5 0, small ne -3 0, square -1 0, small nw 1 0, medium up 1 0",
}
"""Hulls of height 2, by their shape and the flag whose piece they lack, as pieces from left to right. An "even" hull is
8 long at the deck and 4 at the water; the others are 6 long at both, and their lower side is shifted to the right. A
hull without a flag is 2 longer."""

DECK = point()
"""The middle of the deck."""


def boats() -> Iterator[Sketch]:
    """Proposes sailing boats with every flag on every hull, long ones without a flag, and steamers."""
    yield from _flagged()
    yield from _long()
    yield from _steamers()


def _flagged() -> Iterator[Sketch]:
    """Proposes sailing boats with a flag, which is one of the smaller pieces; the other smaller pieces are the hull."""
    single, twin = _single_sail(), _two_sails(0, "se")
    # The flag of a boat with two sails flies from the mast between them.
    rigs = (("single", single, single[1].anchor("ne")), ("twin", twin, point(0, -4)))
    for hull, shape, side in product(SHAPES, FLAGS, SIDES):
        facts = {"flag": shape, "flagside": side, "hull": hull}
        for (sails, cloth, tip), bow in product(rigs, SIDES):
            if (sails, shape) == ("twin", "square"):
                # A square on the mast would make it a swan.
                continue
            mast = tip if bow == "left" else tip.mirrored()
            rigged = (*on(bow, *named("sail", *cloth)), *_hull(hull, shape), ("flag", flag(shape, side, mast)))
            yield Sketch({"sails": sails, **facts, "bow": bow}, rigged)
        block = put("large", "sw", "s", DECK), put("large", "ne", "s", DECK)
        corner = block[0].anchor("nw")
        parts = (*named("sail", *block), *_hull(hull, shape), ("flag", flag(shape, side, corner)))
        yield Sketch({"sails": "block", **facts}, parts)


def _long() -> Iterator[Sketch]:
    """Proposes sailing boats without a flag: all smaller pieces are in the hull, so two sails can stand apart."""
    for hull in SHAPES:
        facts = {"flag": "none", "hull": hull}
        hold = _hull(hull, "none")
        yield Sketch({"sails": "pair", **facts}, (*named("sail", *_two_sails(1, "sw")), *hold))
        rigs = (("twin", _two_sails(1, "se")), ("single", _single_sail()))
        for (sails, cloth), bow in product(rigs, SIDES):
            yield Sketch({"sails": sails, **facts, "bow": bow}, (*on(bow, *named("sail", *cloth)), *hold))


def _single_sail() -> tuple[Piece, Piece]:
    """Returns a sail of both large triangles, with its upright side on the right."""
    mast = DECK.moved(roots(3))
    return put("large", "up", "se", mast), put("large", "left", "se", mast)


def _two_sails(gap: int, pose: str) -> tuple[Piece, Piece]:
    """Returns two sails, each `gap` from the middle: both upright on their right ("se"), or back to back ("sw")."""
    return put("large", "se", "se", point(-gap)), put("large", pose, "sw", point(gap))


def _hull(shape: str, flag_shape: str) -> tuple[Part, ...]:
    """Returns the smaller pieces without the flag, between deck and water; a "left" hull is a mirrored "right" one."""
    if shape == "left":
        return on("right", *_hull("right", flag_shape))
    return named("hull", *laid(HULLS[shape, flag_shape]))


def _steamers() -> Iterator[Sketch]:
    """Proposes steamers: a hull of the large triangles and the medium one, with funnels and maybe a cabin or smoke."""
    prow = DECK.moved(roots(-6))
    hull = named(
        "hull",
        put("large", "down", "nw", prow),
        put("large", "up", "n", prow.moved(roots(8))),
        put("medium", "ne", "nw", prow.moved(roots(8))),
    )
    for bow, (place, x) in product(SIDES, PLACES.items()):
        for cabin, shift in PLACES.items():
            if (cabin, place) == ("front", "front"):
                # The boat would look like a letter L.
                continue
            low = ("funnel", put("square", "square", "s", point(x + 2 * shift, -2)))
            parts = (*hull, *named("cabin", *bar("parallelogram", point(2 * shift - 2, -2))), low)
            yield Sketch({"cabin": cabin, "funnel": place, "smoke": "none"}, parts).sided("bow", bow)
        tall = (("funnel", put("square", "square", "s", point(3 * x))), *_halved_funnel(3 * x, -2))
        for smoke in SIDES:
            puff = _smoke(smoke, bow, tall)
            yield Sketch({"funnel": place, "smoke": smoke}, (*hull, *tall, puff)).sided("bow", bow)
        for drift in SIDES:
            # The flag flies at the stern, or at the prow if the funnel is at the stern.
            banner = ("flag", flag("banner", drift, point(-3 if place == "back" else 4)))
            blown = drift if bow == "left" else other(drift)
            facts = {"funnel": place, "smoke": "none", "flag": "banner", "flagside": blown}
            yield Sketch(facts, (*hull, *tall, banner)).sided("bow", bow)
    two = (("funnel", put("square", "square", "s", point(-2))), *_halved_funnel(2))
    for bow, smoke in product(SIDES, SIDES):
        parts = (*hull, *two, _smoke(smoke, bow, two[1:]))
        yield Sketch({"funnel": "two", "smoke": smoke}, parts).sided("bow", bow)


def _halved_funnel(x: int, y: int = 0) -> tuple[Part, ...]:
    """Returns a square of the small triangles that stands on this point."""
    return named("funnel", *laid("small nw -1 -2, small se -1 -2", point(x, y)))


def _smoke(side: str, bow: str, funnel: tuple[Part, ...]) -> Part:
    """Returns the parallelogram as smoke from the top of a funnel; it blows to `side` after the boat is mirrored."""
    drift = "left" if side == bow else "right"
    rim = funnel[-1][1]
    return "smoke", flag("banner", drift, rim.anchor("ne" if drift == "left" else "nw"))


WORDS = {
    "family=boat": ("a boat", "a ship at sea", "a yacht", "something that floats"),
    "sails=twin": ("with two parallel sails", "with teeth like a shark", "rigged like a schooner"),
    "sails=pair": ("with a pair of sails", "opening like a book", "with a gap in the canvas"),
    "sails=single": ("with a single sail", "rigged like a dinghy", "with one enormous canvas"),
    "sails=block": ("with a block of sails", "hauling cargo", "stacked with crates"),
    "hull=even": ("with an even hull", "cradled like a hammock", "symmetrical beneath"),
    **both_sides("hull", "with a hull to the {}", "scooping waves {}", "whose bottom juts out {}"),
    "funnel=front": ("with a chimney at the prow", "with its stack up ahead", "with the captain first"),
    "funnel=middle": ("with a chimney amidships", "with a stack halfway", "like a tugboat"),
    "funnel=back": ("with a chimney at the stern", "with its stack aft", "chugging from the helm"),
    "funnel=two": ("with two chimneys", "like the titanic", "like an ocean liner"),
    "cabin=front": ("with a deckhouse at the prow", "with quarters up ahead", "steered from the nose"),
    "cabin=middle": ("with a deckhouse amidships", "with quarters halfway", "built like a wedding cake"),
    "cabin=back": ("with a deckhouse at the stern", "with quarters aft", "like a trawler"),
    **both_sides("bow", "with its prow to the {}", "sailing to the {}", "bound for the {} bank"),
    "smoke=none": ("without smoke", "with the engine off", "burning nothing"),
}
