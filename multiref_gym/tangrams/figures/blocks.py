"""What several families are built of: bars and posts of fixed pieces, the handles of tools, flowers and straws."""

from __future__ import annotations

from collections.abc import Iterator

from multiref_gym.tangrams.figures.assembly import Kind, Piece, Point, Sketch, put, units

GRIPS = ("flat", "knob", "bent")
"""How the handle of a tool may end."""


def block(corner: Point) -> tuple[Piece, ...]:
    """Returns a 4 x 4 square of the two large triangles."""
    return put("large", "nw", "nw", corner), put("large", "se", "nw", corner)


def bar(third: Kind, corner: Point) -> tuple[Piece, ...]:
    """Returns a bar, 4 wide and 2 high, of the small triangles and a third piece (any but a large one)."""
    middle = corner.moved(units(2))
    if third == "medium":
        rest = put("small", "nw", "nw", corner), put("small", "ne", "nw", middle)
        return put("medium", "up", "nw", corner), *rest
    if third == "parallelogram":
        rest = put("small", "sw", "nw", corner), put("small", "ne", "nw", middle)
        return put("parallelogram", "flat \\", "nw", corner), *rest
    rest = put("small", "nw", "nw", corner), put("small", "se", "nw", corner)
    return put("square", "square", "nw", middle), *rest


def post(third: Kind, corner: Point) -> tuple[Piece, ...]:
    """Returns a post, 2 wide and 4 high, of the small triangles and a third piece (any but a large one)."""
    middle = corner.moved(dy=units(2))
    if third == "medium":
        rest = put("small", "nw", "nw", corner), put("small", "sw", "nw", middle)
        return put("medium", "left", "nw", corner), *rest
    if third == "parallelogram":
        rest = put("small", "ne", "nw", corner), put("small", "sw", "nw", middle)
        return put("parallelogram", "tall \\", "nw", corner), *rest
    rest = put("small", "nw", "nw", corner), put("small", "se", "nw", corner)
    return put("square", "square", "nw", middle), *rest


def long_post(spare: Kind, corner: Point) -> tuple[Piece, ...]:
    """Returns a post, 2 wide and 6 high, of the small triangles and two other pieces, but not the spare one."""
    lower = corner.moved(dy=units(2))
    if spare == "square":
        middle = put("parallelogram", "tall \\", "nw", corner), put("medium", "right", "nw", lower)
        return put("small", "ne", "nw", corner), *middle, put("small", "se", "sw", corner.moved(dy=units(6)))
    third: Kind = "medium" if spare == "parallelogram" else "parallelogram"
    return *post(third, corner), put("square", "square", "nw", corner.moved(dy=units(4)))


def grip(end: str, top: Point) -> tuple[Piece, ...]:
    """Returns the handle of a tool, 2 wide, downwards from the middle of its top.

    It is made of the small triangles, the square and the parallelogram; its end is "flat", a "knob" or "bent".
    """
    corner = top.moved(units(-1))
    low = top.moved(dy=units(4))
    if end == "bent":
        return *post("square", corner), put("parallelogram", "flat /", "n", low)
    return *post("parallelogram", corner), put("square", "square" if end == "flat" else "diamond", "n", low)


def leaning_out(bent: str, foot: Point) -> Piece:
    """Returns the parallelogram as a straw or a leaf that leans to the left or right out of a point."""
    if bent == "left":
        return put("parallelogram", "flat \\", "se", foot)
    return put("parallelogram", "flat /", "sw", foot)


def blossom(bent: str, foot: Point) -> tuple[Piece, ...]:
    """Returns a flower: the parallelogram as a stalk, bent to the left or right, and the square at its end."""
    stalk = flare(bent, foot)
    return stalk, put("square", "diamond", "s", stalk.anchor("nw" if bent == "left" else "ne"))


def flare(bent: str, foot: Point) -> Piece:
    """Returns the parallelogram as a steep stalk or flame, standing on its tip and bent to the left or right."""
    if bent == "left":
        return put("parallelogram", "steep \\", "se", foot)
    return put("parallelogram", "steep /", "sw", foot)


def upside_down(sketch: Sketch, side: str) -> Sketch:
    """Returns a sketch, drawn upright and facing left, upside down and facing that side."""
    over = sketch.facing("right" if side == "left" else "left").turned("over")
    return Sketch({**over.attributes, "facing": side}, over.pieces)


def held(tool: Sketch) -> Iterator[Sketch]:
    """Yields a tool, drawn upright and facing left: upright and upside down facing both sides, and lying.

    A tool that lies faces down, and the way that its top points says the rest.
    """
    for side in ("left", "right"):
        yield tool.facing(side).turned("upright")
        yield upside_down(tool, side)
        yield Sketch(tool.attributes, tool.facing(side).pieces).turned(side)
