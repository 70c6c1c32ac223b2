"""What letters and digits are laid from: one line for each, a pose and a corner for every piece."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from multiref_gym.tangrams.figures.assembly import Kind, Part, Sketch, point, put
from multiref_gym.tangrams.figures.family import Words

KINDS: tuple[Kind, ...] = ("large", "large", "medium", "small", "small", "square", "parallelogram")
"""The pieces in the order of a line."""

WORDS: dict[str, Words] = {
    "build=narrow": Words(("with a narrow build",), ("squeezed together", "on the skinny side")),
    "build=broad": Words(("with a broad build",), ("stretched sideways", "on the chubby side")),
    "drawn=forwards": Words(("drawn forwards",), ("as you would write it", "reading normally")),
    "drawn=backwards": Words(("drawn backwards",), ("as seen in a mirror", "reversed like a stencil")),
}
"""Words for the facts that letters and digits share."""


def glyphs(name: str, forms: Mapping[tuple[str, str], str], lopsided: str) -> Iterator[Sketch]:
    """Proposes every form upright, backwards too if that reads as the same.

    Args:
        name: "letter", the attribute that tells which one it is.
        forms: for each of them and each of its builds its `strokes`.
        lopsided: those that are drawn backwards too.
    """
    for (which, build), line in forms.items():
        sketch = Sketch({name: which, "build": build, "drawn": "forwards"}, strokes(line))
        yield sketch
        if which in lopsided:
            mirrored = tuple((part, piece.mirrored()) for part, piece in sketch.pieces)
            yield Sketch({**sketch.attributes, "drawn": "backwards"}, mirrored)


def strokes(line: str) -> tuple[Part, ...]:
    """Returns the pieces that a line such as "nw 0 0; se 4 0; up 2 4; ..." tells.

    Args:
        line: for each of `KINDS` its pose and the upper left corner of its box, x and y, y down.
    """
    places = (place.rsplit(" ", 2) for place in line.split("; "))
    return tuple(
        ("stroke", put(kind, pose, "nw", point(int(x), int(y))))
        for kind, (pose, x, y) in zip(KINDS, places, strict=True)
    )
