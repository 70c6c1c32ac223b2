"""Digits, narrow or broad, leaning, backwards where that is not another digit or a letter."""

from __future__ import annotations

from collections.abc import Iterator

from multiref_gym.tangrams.figures.assembly import Sketch
from multiref_gym.tangrams.figures.family import Family, Words
from multiref_gym.tangrams.figures.glyph import WORDS, glyphs

FORMS = {
    ("1", "narrow"): "sw 2 6; se 0 0; left 2 4; nw 2 0; nw 2 4; square 0 8; tall / 0 0",
    ("1", "broad"): "ne 2 2; sw 4 4; up 2 0; ne 4 0; se 0 6; square 2 6; flat \\ 6 6",
    ("2", "narrow"): "se 0 6; ne 3 1; up 4 8; nw 4 8; sw 2 0; square 1 2; tall / 4 4",
    ("2", "broad"): "sw 4 4; se 0 4; down 4 4; se 2 0; sw 6 2; square 4 0; tall \\ 6 0",
    ("3", "narrow"): "ne 0 0; se 0 6; right 4 0; nw 4 8; ne 4 0; square 4 6; flat \\ 2 4",
    ("3", "broad"): "se 3 1; se 3 5; down 0 0; se 2 0; nw 6 0; square 4 0; flat / 1 7",
    ("4", "narrow"): "ne 2 4; sw 0 2; right 4 0; sw 4 6; se 4 2; square 4 8; tall \\ 0 0",
    ("5", "narrow"): "nw 0 0; se 0 0; right 4 2; nw 4 0; ne 0 6; square 2 6; tall / 4 4",
    ("5", "broad"): "sw 4 2; nw 0 0; down 0 6; se 0 2; sw 0 6; square 2 2; flat / 2 6",
    ("6", "broad"): "nw 0 0; ne 3 3; up 0 2; nw 0 4; nw 2 6; square 0 6; flat / 2 6",
    ("7", "narrow"): "nw 3 6; se 3 2; up 2 0; nw 5 2; ne 4 0; square 6 0; flat / 0 0",
    ("7", "broad"): "nw 5 4; se 6 0; down 6 0; ne 2 0; sw 6 0; square 4 0; flat \\ 0 0",
}
"""By name and build, see `strokes`."""

LOPSIDED = "147"
"""Digits that are drawn backwards too; backwards a 2 and a 5 become each other, a 3 an E and a 6 an a."""

STEADY = "67"
"""Digits that are only upright, as they do not read when they lean."""


def digits() -> Iterator[Sketch]:
    """Proposes every form of every digit, each way around, upright and leaning: lying, many read as a letter."""
    for sketch in glyphs("digit", FORMS, LOPSIDED):
        yield Sketch({**sketch.attributes, "lean": "none"}, sketch.pieces)
        if sketch.attributes["digit"] not in STEADY:
            yield from (sketch.leaning(side) for side in ("left", "right"))


FAMILY = Family(
    "digit",
    digits,
    WORDS
    | {
        "family=digit": Words(("a digit",), ("a number", "some kind of numeral", "something off a calculator")),
        "digit=1": Words(("like a 1",), ("for first place", "as on a gold medal")),
        "digit=2": Words(("like a 2",), ("as many as socks", "for a couple")),
        "digit=3": Words(("like a 3",), ("for a trio", "as many as musketeers")),
        "digit=4": Words(("like a 4",), ("as many as seasons", "for a quartet")),
        "digit=5": Words(("like a 5",), ("for a high five", "as many as fingers")),
        "digit=6": Words(("like a 6",), ("for half a dozen", "as many as on dice")),
        "digit=7": Words(("like a 7",), ("the lucky one", "as many as weekdays")),
    },
)
