"""What letters and digits are laid from: one line for each, a pose and a corner for every piece."""

from __future__ import annotations

from multiref_gym.tangrams.figures.assembly import Kind, Part, Piece, point, put
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


def glyph(line: str) -> tuple[Part, ...]:
    """Returns the strokes that a line such as "nw 0 0; se 4 0; up 2 4; ..." tells.

    Args:
        line: for each of `KINDS` its pose and the upper left corner of its box, x and y, y down.
    """
    return tuple(
        ("stroke", _piece(kind, *place.rsplit(" ", 2))) for kind, place in zip(KINDS, line.split("; "), strict=True)
    )


def _piece(kind: Kind, pose: str, x: str, y: str) -> Piece:
    return put(kind, pose, "nw", point(int(x), int(y)))


def backwards(strokes: tuple[Part, ...]) -> tuple[Part, ...]:
    """Returns a glyph as a mirror shows it."""
    return tuple((part, piece.mirrored()) for part, piece in strokes)
