"""Chairs from the side: a seat with a back, on legs that taper or under a back that goes down to the floor."""

from __future__ import annotations

from collections.abc import Iterator

from multiref_gym.tangrams.figures.assembly import SIDES, Sketch, laid, named, point, put, roots, units
from multiref_gym.tangrams.figures.blocks import bar, slab

PANELS = {
    ("straight", "outward"): ("left", "top"),
    ("straight", "inward"): ("right", "top"),
    ("high", "straight"): ("left", "bottom"),
    ("low", "straight"): ("right", "bottom"),
}
"""The higher side and the straight end of the slab behind the seat, by the shapes of the back and of the rear leg."""

BACKS = {
    "straight": "tall \\ 0 -6, small ne 0 -6, small sw 0 -4, square 0 -2",
    "backward": "square 0 -2, small nw 0 -4, small se 0 -4, flat / 0 -6",
    "forward": "square 0 -2, small nw 0 -4, small se 0 -4, flat \\ -2 -6",
    "stepped": "square 0 -2, flat / 0 -4, small nw 2 -6, small se 2 -6",
    "swept": "flat / 0 -2, square 2 -4, small nw 2 -6, small se 2 -6",
    "reclined": "square 0 -2, flat / 0 -4, small se 2 -6, small nw 4 -6",
}
"""The backs of chairs with four legs, upwards from the rear end of the seat."""

REAR = point(6)
"""The lower left corner of the back of a chair with four legs; its seat is at height 0, from 0 to 8."""


def chairs() -> Iterator[Sketch]:
    """Proposes every back on tapered legs, and every panel."""
    for side in SIDES:
        for back in BACKS:
            yield _open(back).facing(side)
        for back, rear in PANELS:
            yield _panelled(back, rear).facing(side)


def _open(back: str) -> Sketch:
    parts = (
        *named("leg", *laid("large nw 0 0, large ne 4 0")),
        *named("seat", *laid("medium up 2 0")),
        *named("back", *laid(BACKS[back], REAR)),
    )
    return Sketch({"back": back, "front": "tapered", "rear": "outward"}, parts)


def _panelled(back: str, rear: str) -> Sketch:
    """Returns a chair whose back goes down to the floor as its rear leg; the front leg is 2 high, the seat 4 deep."""
    seat = point().moved(units(-4), roots(12) - units(4))
    parts = (
        *named("back", *slab(*PANELS[back, rear], point())),
        *named("seat", *bar("parallelogram", seat)),
        ("leg", put("square", "square", "nw", seat.moved(dy=units(2)))),
    )
    return Sketch({"back": back, "front": "straight", "rear": rear}, parts)


WORDS = {
    "family=chair": ("a chair", "a throne", "something to sit on", "some lounger"),
    "back=straight": ("with a plain backrest", "very formal and stiff", "like in school"),
    "back=backward": ("with a backrest bent outward", "slightly relaxed", "with a hair flip behind"),
    "back=forward": ("with a backrest bent inward", "with a hood", "hunched over"),
    "back=stepped": ("with a stepped backrest", "zigzagging behind", "with a kink behind"),
    "back=swept": ("with a backrest swept out low", "scooped for your butt", "with space for a big bum"),
    "back=reclined": ("with a sloping backrest", "for sunbathing", "like at the dentist"),
    "back=high": ("with a backrest pointed inward", "sharp by your temple", "with a fang by your temple"),
    "back=low": ("with a backrest pointed outward", "sharp at the far wall", "like a shark surfacing"),
    "front=tapered": ("with a tapered front leg", "on stiletto heels", "like in a diner"),
    "front=straight": ("with a plain front leg", "on a solid brick", "kind of blocky"),
    "rear=outward": ("with a rear leg outward", "braced from behind", "with its heel dug in"),
    "rear=inward": ("with a rear leg inward", "tucked in behind", "on tippy toes"),
    "rear=straight": ("with a plain rear leg", "super sturdy behind", "heavy behind"),
}
