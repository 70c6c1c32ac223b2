"""Chairs from the side: a seat on legs or on a foot, a back, some with an arm; upright or fallen."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from multiref_gym.tangrams.figures.assembly import Kind, Part, Piece, Sketch, point, put, units
from multiref_gym.tangrams.figures.blocks import long_post, post, upside_down
from multiref_gym.tangrams.figures.family import Family, Words

BACKS = ("straight", "backward", "forward", "stepped")
ARMS = ("square", "outward", "inward")

STOOLS = (("straight", "square"), ("straight", "outward"), ("backward", "none"), ("forward", "none"))
"""Backs and arms on a seat like an hourglass, which leaves the medium triangle for the back."""

REAR, FRONT = 8, 0
"""Where the seat ends; the back is 2 wide and stands on its rear end."""


def chairs() -> Iterator[Sketch]:
    """Proposes every back and every arm on every seat; the parallelogram bends a back or makes an arm."""
    backs = *((back, "none") for back in BACKS), *(("low", arm) for arm in ARMS)
    for seat, (back, arm), side in product(("thick", "cushioned", "pedestal"), backs, ("left", "right")):
        if (seat, arm) == ("cushioned", "inward"):
            continue
        parts = [*_seat(seat), *(("back", piece) for piece in _back(back, arm))]
        if arm != "none":
            parts.append(("arm", _arm(arm)))
        chair = Sketch({"back": back, "arm": arm, "seat": seat}, tuple(parts))
        yield chair.facing(side).turned("upright")
        if seat == "thick":
            # Fallen on its back it faces up, whichever way its top points.
            yield Sketch(chair.attributes, chair.facing(side).pieces).turned("right" if side == "left" else "left")
            yield upside_down(chair, side)
    for (back, arm), side in product(STOOLS, ("left", "right")):
        yield _stool(back, arm).facing(side).turned("upright")


def _stool(back: str, arm: str) -> Sketch:
    seat = put("large", "down", "ne", point(REAR, 0))
    extra: Kind = "square" if arm == "square" else "parallelogram"
    piece = {
        "square": put("square", "square", "sw", seat.anchor("nw")),
        "outward": put("parallelogram", "flat \\", "se", seat.anchor("nw").moved(dx=units(2))),
        "none": _bend(back, -6),
    }[arm]
    parts = (
        ("seat", seat),
        ("foot", put("large", "up", "n", seat.anchor("s"))),
        *(("back", part) for part in long_post(extra, point(REAR - 2, -6))),
        ("back" if arm == "none" else "arm", piece),
    )
    return Sketch({"back": back, "arm": arm, "seat": "hourglass"}, parts)


def _seat(shape: str) -> Iterator[Part]:
    if shape == "pedestal":
        yield "seat", put("large", "ne", "ne", point(4, 0))
        yield "seat", put("large", "nw", "nw", point(4, 0))
        yield "foot", put("medium", "up", "n", point(4, 4))
    else:
        yield "leg", put("large", "nw", "nw", point(FRONT, 0))
        yield "leg", put("large", "ne", "ne", point(REAR, 0))
        if shape == "thick":
            yield "seat", put("medium", "up", "n", point(4, 0))
        else:
            yield "cushion", put("medium", "up", "s", point(4, 0))


def _back(shape: str, arm: str) -> tuple[Piece, ...]:
    corner = point(REAR - 2, -4)
    if shape == "straight":
        return long_post("medium", point(REAR - 2, -6))
    if shape in ("backward", "forward"):
        return *post("square", corner), _bend(shape, -4)
    if shape == "stepped":
        return (
            put("square", "square", "sw", point(REAR - 2, 0)),
            put("parallelogram", "flat /", "sw", point(REAR - 2, -2)),
            put("small", "nw", "sw", point(REAR, -4)),
            put("small", "se", "sw", point(REAR, -4)),
        )
    return post("parallelogram" if arm == "square" else "square", corner)


def _bend(way: str, height: int) -> Piece:
    if way == "backward":
        return put("parallelogram", "flat /", "sw", point(REAR - 2, height))
    return put("parallelogram", "flat \\", "se", point(REAR, height))


def _arm(shape: str) -> Piece:
    if shape == "square":
        return put("square", "square", "sw", point(FRONT, 0))
    if shape == "outward":
        return put("parallelogram", "flat \\", "sw", point(FRONT - 2, 0))
    return put("parallelogram", "flat /", "sw", point(FRONT, 0))


FAMILY = Family(
    "chair",
    chairs,
    {
        "family=chair": Words(("a chair",), ("a throne", "something to sit on", "some lounger")),
        "back=straight": Words(("with a plain backrest",), ("very formal and stiff", "like in school")),
        "back=backward": Words(("with a backrest bent outward",), ("slightly reclined", "with a curl away")),
        "back=forward": Words(("with a backrest bent inward",), ("with a hood", "hunched over")),
        "back=stepped": Words(("with a stepped backrest",), ("zigzagging behind", "with a kink behind")),
        "back=low": Words(("with a halved backrest",), ("for a kid", "cut off behind")),
        "arm=none": Words(("without arms",), ("kind of simple", "open toward you")),
        "arm=square": Words(("with a square arm",), ("with an elbow rest", "boxed in")),
        "arm=outward": Words(("with an arm outward",), ("with a footrest", "with a ledge sticking outside")),
        "arm=inward": Words(("with an arm inward",), ("with a safety bar", "with a lap bar")),
        "seat=thick": Words(("with a thick frame",), ("solid underneath", "with stubby supports")),
        "seat=cushioned": Words(("with a cushion",), ("padded", "with something soft on it")),
        "seat=hourglass": Words(("poised on an hourglass",), ("at a cafe bar", "pinched like an ant")),
        "seat=pedestal": Words(("poised on a stalk",), ("that swivels", "like at the office")),
    },
)
