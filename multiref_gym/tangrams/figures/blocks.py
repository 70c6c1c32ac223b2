"""What several families are built of: bars, posts and slabs of fixed pieces."""

from __future__ import annotations

from multiref_gym.tangrams.figures.assembly import Kind, Piece, Point, put, roots, units


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


def slab(high: str, straight: str, corner: Point) -> tuple[Piece, ...]:
    """Returns a slab of the large triangles and the medium one, 2 sqrt(2) wide and 6 sqrt(2) high.

    One of its ends, "top" or "bottom", is straight; the other is slanted, higher on the left or the right.
    """
    width, height = roots(4), roots(12)
    low = corner.moved(width)
    if high == "left":
        fill = (
            put("medium", "ne", "ne", low) if straight == "top" else put("medium", "sw", "sw", corner.moved(dy=height))
        )
        return put("large", "right", "nw", corner), put("large", "left", "se", low.moved(dy=height)), fill
    fill = put("medium", "nw", "nw", corner)
    if straight == "bottom":
        fill = put("medium", "se", "se", low.moved(dy=height))
    return put("large", "left", "ne", low), put("large", "right", "sw", corner.moved(dy=height)), fill
