"""Capital letters, narrow or broad, backwards and turned where that is not another letter."""

from __future__ import annotations

from collections.abc import Iterator

from multiref_gym.tangrams.figures.assembly import TURNS, Sketch
from multiref_gym.tangrams.figures.family import Family, Words
from multiref_gym.tangrams.figures.glyph import WORDS, glyphs

FORMS = {
    ("A", "narrow"): "nw 0 4; se 2 2; up 0 0; nw 4 6; nw 4 2; square 0 2; flat \\ 2 0",
    ("A", "broad"): "nw 0 0; ne 4 2; down 4 0; se 6 0; sw 4 2; square 2 2; tall / 0 2",
    ("C", "narrow"): "sw 0 6; nw 0 0; up 2 0; ne 4 0; ne 2 8; square 4 8; tall / 0 2",
    ("C", "broad"): "sw 0 4; nw 0 0; down 4 6; se 2 0; nw 6 0; square 4 0; flat \\ 2 6",
    ("D", "broad"): "nw 0 0; sw 0 4; down 2 6; se 2 0; sw 6 2; square 4 0; flat / 4 4",
    ("E", "narrow"): "nw 0 0; sw 0 4; left 0 2; sw 4 6; ne 2 6; square 2 3; flat / 2 0",
    ("F", "narrow"): "nw 0 0; nw 0 4; up 2 4; se 0 6; se 0 2; square 0 8; flat / 2 0",
    ("F", "broad"): "sw 0 0; nw 0 4; down 3 3; nw 4 0; ne 0 0; square 2 0; flat / 4 0",
    ("G", "broad"): "sw 0 4; nw 0 0; down 4 0; ne 6 4; se 4 6; square 6 6; flat \\ 4 4",
    ("H", "narrow"): "ne 2 4; sw 0 2; left 0 0; nw 0 6; se 4 0; square 4 2; tall / 0 6",
    ("H", "broad"): "sw 0 0; nw 0 4; left 7 3; sw 7 5; se 3 3; square 5 3; tall / 7 1",
    ("J", "narrow"): "sw 0 7; se 3 6; down 3 10; nw 5 6; sw 5 2; square 5 4; tall \\ 5 0",
    ("K", "narrow"): "se 0 4; nw 0 4; right 0 0; se 0 2; sw 4 7; square 0 8; flat / 2 2",
    ("K", "broad"): "sw 0 0; nw 0 4; down 2 2; se 4 0; se 3 3; square 6 0; flat \\ 4 5",
    ("L", "narrow"): "sw 0 8; sw 0 0; left 0 6; nw 0 6; ne 4 10; square 0 4; flat \\ 2 10",
    ("L", "broad"): "sw 2 6; ne 0 0; down 6 8; ne 2 6; sw 2 2; square 2 4; flat \\ 4 8",
    ("M", "broad"): "sw 0 0; nw 0 4; up 5 1; ne 7 5; sw 7 5; square 7 3; flat / 3 3",
    ("N", "narrow"): "nw 0 4; sw 0 0; up 2 4; sw 4 0; ne 4 2; square 4 6; tall \\ 4 2",
    ("N", "broad"): "sw 0 0; ne 5 6; right 0 6; nw 0 4; sw 7 2; square 7 4; flat \\ 2 4",
    ("P", "narrow"): "nw 0 4; ne 2 0; left 0 6; se 3 3; sw 0 0; square 0 2; flat \\ 0 0",
    ("P", "broad"): "nw 0 4; sw 0 0; right 4 0; se 0 6; ne 0 0; square 2 0; flat / 3 3",
    ("R", "broad"): "ne 1 3; nw 0 0; right 5 1; sw 5 5; nw 0 6; square 0 4; flat / 2 0",
    ("S", "narrow"): "se 3 4; nw 0 1; down 0 7; sw 4 3; se 0 3; square 2 3; flat / 3 0",
    ("T", "narrow"): "nw 4 0; ne 0 0; left 3 3; se 6 0; sw 3 7; square 3 9; tall \\ 3 5",
    ("T", "broad"): "ne 2 0; nw 6 0; right 4 2; se 4 4; se 8 0; square 4 6; flat \\ 0 0",
    ("U", "broad"): "se 5 4; sw 0 3; down 3 6; nw 7 4; se 7 0; square 7 2; tall \\ 0 1",
    ("V", "broad"): "ne 0 2; se 6 0; up 0 0; ne 4 6; nw 6 4; square 4 4; tall / 6 4",
    ("Y", "narrow"): "se 2 0; nw 2 4; left 2 6; sw 0 0; ne 0 4; square 0 2; tall \\ 2 8",
    ("Y", "broad"): "se 6 0; nw 4 4; right 0 0; se 0 2; se 4 6; square 4 8; tall \\ 2 2",
    ("Z", "broad"): "se 0 4; nw 6 0; up 4 6; nw 4 6; ne 2 0; square 4 0; tall / 4 2",
}
"""By name and build, see `strokes`."""

LOPSIDED = "FGJNPRZ"
"""Letters that backwards are neither themselves, be it turned, nor, as an S, a digit."""

WAYS: dict[str, tuple[str, ...]] = {
    # A quarter turn makes a C a U and an N a Z, half a turn an M a W; half a turn leaves an H, N, S and Z as they are.
    # An R reads only upright.
    "C": ("upright", "over"),
    "H": ("upright", "left"),
    "M": ("upright", "left", "right"),
    "N": ("upright",),
    "R": ("upright",),
    "S": ("upright",),
    "U": ("upright", "over"),
    "Z": ("upright",),
}
"""How a letter is turned; one that is not listed is turned in all ways."""


def letters() -> Iterator[Sketch]:
    """Proposes every form of every letter, each way around, turned as it may be."""
    for sketch in glyphs("letter", FORMS, LOPSIDED):
        for way in WAYS.get(sketch.attributes["letter"], TURNS):
            yield sketch.turned(way)


FAMILY = Family(
    "letter",
    letters,
    WORDS
    | {
        "family=letter": Words(("a letter",), ("one of the abcs", "some initial", "a capital")),
        "letter=A": Words(("like an a",), ("as in apple", "like an easel")),
        "letter=C": Words(("like a c",), ("as in candy", "like a horseshoe on edge")),
        "letter=D": Words(("like a d",), ("as in dinner", "with a fat belly")),
        "letter=E": Words(("like an e",), ("as in elephant", "like a comb with teeth")),
        "letter=F": Words(("like an f",), ("as in frog", "like a key")),
        "letter=G": Words(("like a g",), ("as in guitar", "curling into itself")),
        "letter=H": Words(("like an h",), ("as in honey", "like a rugby goal")),
        "letter=J": Words(("like a j",), ("as in juice", "like a cane")),
        "letter=K": Words(("like a k",), ("as in karate", "like a ninja kicking")),
        "letter=L": Words(("like an l",), ("as in lemon", "like a boot")),
        "letter=M": Words(("like an m",), ("as in mother", "like twin peaks")),
        "letter=N": Words(("like an n",), ("as in november", "crossed by a slash")),
        "letter=P": Words(("like a p",), ("as in pizza", "like a signpost")),
        "letter=R": Words(("like an r",), ("as in robot", "like a bust with a cape")),
        "letter=S": Words(("like an s",), ("as in snake", "winding like a worm")),
        "letter=T": Words(("like a t",), ("as in tango", "like a hammer")),
        "letter=U": Words(("like a u",), ("as in uncle", "like a magnet")),
        "letter=V": Words(("like a v",), ("as in victory", "like a check mark")),
        "letter=Y": Words(("like a y",), ("as in yoga", "like a slingshot")),
        "letter=Z": Words(("like a z",), ("as in zebra", "like zorro's sign")),
    },
)
