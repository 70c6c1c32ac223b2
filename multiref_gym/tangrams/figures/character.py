"""Capital letters and digits of several widths; some also backwards or turned, if they do not look like another one."""

from __future__ import annotations

from collections.abc import Iterator

from multiref_gym.tangrams.figures.assembly import TURNS, Kind, Part, Sketch, point, put

KINDS: tuple[Kind, ...] = ("large", "large", "medium", "small", "small", "square", "parallelogram")
"""The pieces in the order of a line of `FORMS`."""

FORMS = {
    ("A", "even"): "nw 0 4; se 2 2; up 0 0; nw 4 6; nw 4 2; square 0 2; flat \\ 2 0",
    ("C", "narrow"): "sw 0 6; nw 0 0; up 2 0; ne 4 0; ne 2 8; square 4 8; tall / 0 2",
    ("C", "broad"): "sw 0 4; nw 0 0; down 4 6; se 2 0; nw 6 0; square 4 0; flat \\ 2 6",
    ("D", "broad"): "nw 0 0; sw 0 4; down 2 6; se 2 0; sw 6 2; square 4 0; flat / 4 4",
    ("E", "narrow"): "nw 0 0; sw 0 6; down 2 8; nw 2 4; se 0 2; square 0 4; flat / 2 0",
    ("E", "even"): "nw 0 0; sw 0 4; left 0 2; sw 4 6; ne 2 6; square 2 3; flat / 2 0",
    ("F", "narrow"): "nw 0 0; nw 0 4; up 2 4; se 0 6; se 0 2; square 0 8; flat / 2 0",
    ("F", "even"): "nw 0 4; nw 0 0; up 0 2; se 2 0; se 0 6; square 4 0; flat / 2 4",
    ("G", "broad"): "sw 0 4; nw 0 0; down 4 0; ne 6 4; se 4 6; square 6 6; flat \\ 4 4",
    ("H", "narrow"): "ne 2 4; sw 0 2; left 0 0; nw 0 6; se 4 0; square 4 2; tall / 0 6",
    ("H", "even"): "ne 2 4; sw 0 2; left 0 0; se 4 2; sw 4 6; square 0 6; tall / 4 0",
    ("J", "narrow"): "sw 0 7; se 3 6; down 3 10; nw 5 6; sw 5 2; square 5 4; tall \\ 5 0",
    ("J", "even"): "sw 0 6; se 4 6; down 2 8; se 6 2; nw 6 6; square 6 4; tall / 6 0",
    ("K", "narrow"): "se 0 4; nw 0 4; right 0 0; se 0 2; sw 4 7; square 0 8; flat / 2 2",
    ("K", "even"): "sw 0 2; ne 0 2; down 3 6; sw 0 6; ne 0 6; square 0 0; flat / 2 0",
    ("L", "narrow"): "sw 0 8; sw 0 0; left 0 6; nw 0 6; ne 4 10; square 0 4; flat \\ 2 10",
    ("L", "broad"): "sw 2 6; ne 0 0; down 6 8; ne 2 6; sw 2 2; square 2 4; flat \\ 4 8",
    ("M", "broad"): "se 3 1; sw 0 0; right 0 4; ne 0 4; sw 7 3; square 7 5; tall \\ 7 1",
    ("N", "even"): "sw 0 0; ne 5 6; right 0 6; nw 0 4; sw 7 2; square 7 4; flat \\ 2 4",
    ("P", "narrow"): "nw 0 4; ne 2 0; left 0 6; se 3 3; sw 0 0; square 0 2; flat \\ 0 0",
    ("P", "even"): "se 2 0; nw 0 0; down 2 4; se 0 2; nw 0 6; square 0 4; flat / 2 0",
    ("R", "even"): "ne 1 3; nw 0 0; right 5 1; sw 5 5; nw 0 6; square 0 4; flat / 2 0",
    ("S", "narrow"): "nw 0 0; se 1 5; left 0 2; nw 4 4; nw 0 8; square 2 4; flat / 2 0",
    ("S", "even"): "sw 0 1; se 3 4; down 0 7; ne 0 1; sw 4 0; square 2 0; flat \\ 2 3",
    ("T", "even"): "nw 4 0; ne 0 0; left 3 3; se 6 0; sw 3 7; square 3 9; tall \\ 3 5",
    ("T", "broad"): "ne 2 0; nw 6 0; right 4 2; se 4 4; se 8 0; square 4 6; flat \\ 0 0",
    ("U", "broad"): "se 5 4; sw 0 3; down 3 6; nw 7 4; se 7 0; square 7 2; tall \\ 0 1",
    ("V", "broad"): "nw 6 4; ne 2 4; right 10 0; se 8 2; ne 10 0; square 0 0; flat \\ 0 2",
    ("X", "broad"): "ne 2 2; sw 2 2; up 4 0; ne 5 6; ne 0 2; square 0 0; tall / 0 4",
    ("Y", "narrow"): "se 2 0; nw 2 4; left 2 6; sw 0 0; ne 0 4; square 0 2; tall \\ 2 8",
    ("Y", "broad"): "se 6 0; nw 4 4; right 0 0; se 0 2; se 4 6; square 4 8; tall \\ 2 2",
    ("Z", "narrow"): "sw 0 6; nw 2 0; left 0 4; sw 4 8; ne 2 8; square 0 0; tall / 2 2",
    ("Z", "even"): "se 0 3; nw 4 0; down 0 7; se 4 7; ne 0 0; square 2 0; flat / 2 7",
    ("Z", "broad"): "se 0 4; nw 6 0; up 4 6; nw 4 6; ne 2 0; square 4 0; tall / 4 2",
    ("1", "narrow"): "sw 2 6; se 0 0; left 2 4; nw 2 0; nw 2 4; square 0 8; tall / 0 0",
    ("1", "broad"): "ne 2 2; sw 4 4; up 2 0; ne 4 0; se 0 6; square 2 6; flat \\ 6 6",
    ("2", "even"): "se 0 5; sw 4 5; right 6 1; ne 4 5; se 4 3; square 4 0; tall / 2 0",
    ("2", "broad"): "sw 4 4; se 0 4; down 4 4; se 2 0; sw 6 2; square 4 0; tall \\ 6 0",
    ("3", "narrow"): "se 1 1; nw 2 0; down 0 7; sw 0 7; se 3 5; square 0 0; flat / 2 7",
    ("3", "even"): "se 2 5; se 2 1; down 3 0; nw 2 7; nw 4 5; square 0 7; flat \\ 1 0",
    ("4", "narrow"): "ne 2 4; sw 0 2; right 4 0; sw 4 6; se 4 2; square 4 8; tall \\ 0 0",
    ("4", "even"): "sw 4 6; ne 2 4; up 0 4; sw 0 2; nw 0 4; square 4 2; tall \\ 0 0",
    ("5", "even"): "nw 0 0; se 0 0; right 4 2; nw 4 0; ne 0 6; square 2 6; tall / 4 4",
    ("5", "broad"): "sw 4 2; nw 0 0; down 0 6; se 0 2; sw 0 6; square 2 2; flat / 2 6",
    ("7", "even"): "nw 3 6; se 3 2; up 2 0; nw 5 2; ne 4 0; square 6 0; flat / 0 0",
    ("7", "broad"): "ne 4 0; nw 8 1; left 4 6; se 0 0; sw 4 0; square 2 0; tall / 6 4",
}
"""For each character and build, the pose of each of `KINDS` and the upper left corner of its box, x and y, y down."""

BACKWARDS = "FNR"
"""Characters that are also drawn backwards; some are not, because a backwards E is a 3, a J an L, an S a Z."""

TURNED = ("Y", "broad")
"""The form that is drawn in all turns. The others are not: on its side a C is a U, an N a Z, a T a hammer, a 4 a Y."""


def characters() -> Iterator[Sketch]:
    """Proposes every form upright, in its other turns and backwards."""
    for (reads, build), line in FORMS.items():
        form = Sketch({"reads": reads, "build": build, "drawn": "forwards"}, tuple(_strokes(line)))
        for way in TURNS if (reads, build) == TURNED else ("upright",):
            yield form.turned(way)
        if reads in BACKWARDS:
            mirrored = tuple((part, piece.mirrored()) for part, piece in form.pieces)
            yield Sketch({**form.attributes, "drawn": "backwards"}, mirrored).turned("upright")


def _strokes(line: str) -> Iterator[Part]:
    places = (place.rsplit(" ", 2) for place in line.split("; "))
    for kind, (pose, x, y) in zip(KINDS, places, strict=True):
        yield "stroke", put(kind, pose, "nw", point(int(x), int(y)))


WORDS = {
    "family=character": ("a letter or digit", "one of the abcs", "something to type", "some kind of initial"),
    "build=narrow": ("with a narrow build", "squeezed together", "on the skinny side"),
    "build=even": ("with an even build", "of average proportions", "in an everyday font"),
    "build=broad": ("with a broad build", "stretched sideways", "on the chubby side"),
    "drawn=forwards": ("drawn forwards", "as you would write it", "reading normally"),
    "drawn=backwards": ("drawn backwards", "as seen in a mirror", "reversed like a stencil"),
    "reads=A": ("like an a", "as in apple", "like an easel"),
    "reads=C": ("like a c", "as in candy", "like a horseshoe tipped over"),
    "reads=D": ("like a d", "as in dinner", "with a fat belly"),
    "reads=E": ("like an e", "as in elephant", "like a comb with teeth"),
    "reads=F": ("like an f", "as in frog", "like a key"),
    "reads=G": ("like a g", "as in guitar", "curling into itself"),
    "reads=H": ("like an h", "as in honey", "like a rugby goal"),
    "reads=J": ("like a j", "as in juice", "like a cane"),
    "reads=K": ("like a k", "as in karate", "like a ninja kicking"),
    "reads=L": ("like an l", "as in lemon", "like a boot"),
    "reads=M": ("like an m", "as in mother", "like twin peaks"),
    "reads=N": ("like an n", "as in november", "crossed by a slash"),
    "reads=P": ("like a p", "as in pizza", "like a signpost"),
    "reads=R": ("like an r", "as in robot", "like a bust with a cape"),
    "reads=S": ("like an s", "as in snake", "winding like a worm"),
    "reads=T": ("like a t", "as in tango", "like a hammer"),
    "reads=U": ("like a u", "as in uncle", "like a magnet"),
    "reads=V": ("like a v", "as in victory", "like a check mark"),
    "reads=X": ("like an x", "as in xylophone", "marking a treasure"),
    "reads=Y": ("like a y", "as in yoga", "like a slingshot"),
    "reads=Z": ("like a z", "as in zebra", "like zorro's sign"),
    "reads=1": ("like a 1", "for first place", "as on a gold medal"),
    "reads=2": ("like a 2", "as many as socks", "for a couple"),
    "reads=3": ("like a 3", "for a trio", "as many as musketeers"),
    "reads=4": ("like a 4", "as many as seasons", "for a quartet"),
    "reads=5": ("like a 5", "for a high five", "as many as fingers"),
    "reads=7": ("like a 7", "the lucky one", "as many as weekdays"),
}
