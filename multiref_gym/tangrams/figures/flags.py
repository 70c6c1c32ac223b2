"""Flags, the same on boats, houses and mountains."""

from __future__ import annotations

from multiref_gym.tangrams.figures.assembly import Kind, Part, Piece, Point, Sketch, point, put

FLAGS: dict[str, tuple[Kind, str]] = {
    "triangle": ("medium", "left"),
    "square": ("square", "square"),
    "banner": ("parallelogram", "tall \\"),
}
"""The pieces that may be flags and their poses when blown to the left."""


def flag(shape: str, side: str, tip: Point) -> Piece:
    """Returns a flag of a shape of `FLAGS` that stands on ``tip`` and is blown to that side."""
    kind, pose = FLAGS[shape]
    leftward = put(kind, pose, "se", point())
    return (leftward if side == "left" else leftward.mirrored()).moved(tip.x, tip.y)


def flagged(facts: dict[str, str], parts: tuple[Part, ...], shape: str, side: str, tip: Point) -> Sketch:
    """Returns a sketch with these facts and parts, and a flag."""
    return Sketch({**facts, "flag": shape, "flagside": side}, (*parts, ("flag", flag(shape, side, tip))))
