"""Blocks that several families are built of: bars, posts and slabs of fixed pieces, and beaks and crests of heads."""

from __future__ import annotations

from multiref_gym.tangrams.figures.assembly import Kind, Piece, Point, laid, put, roots

BARS: dict[Kind, str] = {
    "medium": "medium up 0 0, small nw 0 0, small ne 2 0",
    "parallelogram": "flat \\ 0 0, small sw 0 0, small ne 2 0",
    "square": "square 2 0, small nw 0 0, small se 0 0",
}
POSTS: dict[Kind, str] = {
    "medium": "medium left 0 0, small nw 0 0, small sw 0 2",
    "parallelogram": "tall \\ 0 0, small ne 0 0, small sw 0 2",
    "square": "square 0 2, small nw 0 0, small se 0 0",
}
"""Bars and posts, by the piece between the small triangles."""


def block(corner: Point) -> tuple[Piece, ...]:
    """Returns a 4 x 4 square of the two large triangles."""
    return laid("large nw 0 0, large se 0 0", corner)


def bar(third: Kind, corner: Point) -> tuple[Piece, ...]:
    """Returns a bar, 4 wide and 2 high, of the small triangles and a third piece (any but a large one)."""
    return laid(BARS[third], corner)


def post(third: Kind, corner: Point) -> tuple[Piece, ...]:
    """Returns a post, 2 wide and 4 high, of the small triangles and a third piece (any but a large one)."""
    return laid(POSTS[third], corner)


def long_post(spare: Kind, corner: Point) -> tuple[Piece, ...]:
    """Returns a post, 2 wide and 6 high, of the small triangles and two other pieces without the spare one."""
    if spare == "square":
        return laid("small ne 0 0, tall \\ 0 0, medium right 0 2, small se 0 4", corner)
    return laid(f"{POSTS['medium' if spare == 'parallelogram' else 'parallelogram']}, square 0 4", corner)


def slab(high: str, straight: str, corner: Point) -> tuple[Piece, ...]:
    """Returns a slab of the large triangles and the medium one, 2 sqrt(2) wide and 6 sqrt(2) high.

    One of its ends, "top" or "bottom", is straight; the other is slanted, higher on the left or the right.
    """
    width, height = roots(4), roots(12)
    low = corner.moved(width)
    fill = {
        ("left", "top"): put("medium", "ne", "ne", low),
        ("left", "bottom"): put("medium", "sw", "sw", corner.moved(dy=height)),
        ("right", "top"): put("medium", "nw", "nw", corner),
        ("right", "bottom"): put("medium", "se", "se", low.moved(dy=height)),
    }[high, straight]
    if high == "left":
        return put("large", "right", "nw", corner), put("large", "left", "se", low.moved(dy=height)), fill
    return put("large", "left", "ne", low), put("large", "right", "sw", corner.moved(dy=height)), fill


def beak(head: Piece, shape: str) -> Piece:
    """Returns a small triangle at the front of a square or diamond head, which faces left."""
    if shape == "square":
        return put("small", "se", "se", head.anchor("sw"))
    return put("small", "up", "n", head.anchor("w"))


def crest(head: Piece, shape: str) -> Piece:
    """Returns a small triangle that rises from a square or diamond head."""
    if shape == "square":
        return put("small", "sw", "sw", head.anchor("nw"))
    return put("small", "left", "w", head.anchor("n"))
