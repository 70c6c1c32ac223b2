"""The seven pieces: exact numbers, exact shapes, exact contacts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.tangrams.pieces import (
    OUTLINES,
    SEVEN,
    Piece,
    Point,
    Surd,
    contacts,
    exact_corners,
    rounded,
)

integers = st.integers(-40, 40)
surds = st.builds(Surd, integers, integers)
# An even number of halves of sqrt(2), so that turning by 45 degrees about the origin stays on the lattice.
turnable = st.builds(lambda a, b: Surd(a, 2 * b), st.integers(-20, 20), st.integers(-10, 10))
turnable_points = st.builds(Point, turnable, turnable)
pieces = st.builds(
    lambda kind, eighths, mirrored, x, y: (
        (Piece.canonical(kind).mirrored() if mirrored else Piece.canonical(kind)).turned(eighths).moved(x, y)
    ),
    st.sampled_from(SEVEN),
    st.integers(0, 7),
    st.booleans(),
    st.builds(Surd, st.integers(-3, 3), st.integers(-3, 3)),
    st.builds(Surd, st.integers(-3, 3), st.integers(-3, 3)),
)


def small(x: int, y: int) -> Piece:
    return Piece.canonical("small").moved(Surd(x), Surd(y))


def vertices_of(piece: Piece) -> np.ndarray:
    return np.array([(float(x), float(y)) for x, y in piece.vertices])


def area_of(piece: Piece) -> float:
    x, y = vertices_of(piece).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def contact(p: Piece, q: Piece) -> str:
    overlap, touch = contacts(exact_corners([[p, q]]))
    assert (overlap == overlap.swapaxes(1, 2)).all()
    assert (touch == touch.swapaxes(1, 2)).all()
    return "overlap" if overlap[0, 0, 1] else "touch" if touch[0, 0, 1] else "apart"


@given(surds, surds)
def test_exact_numbers_order_add_and_multiply_like_the_floats_they_stand_for(p: Surd, q: Surd) -> None:
    assert float(p + q) == pytest.approx(float(p) + float(q), abs=1e-9)
    assert (p < q) == (float(p) < float(q) and p != q)
    if p.b * q.b % 2 == 0:
        assert float(p * q) == pytest.approx(float(p) * float(q), abs=1e-9)


def test_the_sign_is_exact_where_floats_cannot_tell() -> None:
    # Pell's equation: h / k is so near to sqrt(2) that 2 k - h sqrt(2) is lost in the rounding of a float.
    h, k = 1, 1
    for _ in range(30):
        h, k = h + 2 * k, h + k
    assert Surd(h, -2 * k).sign == -Surd(-h, 2 * k).sign == (1 if h * h > 2 * k * k else -1)


def test_what_is_off_the_lattice_is_refused() -> None:
    with pytest.raises(ValueError, match="off the lattice"):
        _ = Surd(1, 0).half
    with pytest.raises(ValueError, match="off the lattice"):
        Point(Surd(0, 1), Surd(0, 0)).turned(1)


def test_an_unknown_piece_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown piece 'hexagon': expected one of large, medium"):
        Piece.canonical("hexagon")


@pytest.mark.parametrize(
    ("kind", "area"), [("large", 8), ("medium", 4), ("small", 2), ("square", 4), ("parallelogram", 4)]
)
def test_the_pieces_have_the_areas_of_a_tangram(kind: str, area: int) -> None:
    for eighths in range(8):
        assert area_of(Piece.canonical(kind).turned(eighths)) == pytest.approx(area)


@pytest.mark.parametrize("kind", OUTLINES)
def test_sides_have_the_lengths_of_a_tangram(kind: str) -> None:
    vertices = vertices_of(Piece.canonical(kind))
    lengths = sorted(np.linalg.norm(np.roll(vertices, -1, axis=0) - vertices, axis=1))
    root = math.sqrt(2)
    expected = {
        "large": [4, 4, 4 * root],
        "medium": [2 * root, 2 * root, 4],
        "small": [2, 2, 2 * root],
        "square": [2, 2, 2, 2],
        "parallelogram": [2, 2, 2 * root, 2 * root],
    }
    assert lengths == pytest.approx(expected[kind])


@given(turnable_points)
def test_eight_turns_of_a_point_and_two_mirrorings_are_the_identity(point: Point) -> None:
    turned = point
    for _ in range(8):
        turned = turned.turned(1)
    assert turned == point == point.mirrored().mirrored()


@given(pieces, st.integers(-9, 9))
def test_turning_there_and_back_is_the_identity(piece: Piece, eighths: int) -> None:
    assert piece.turned(eighths).turned(-eighths) == piece == piece.turned(8) == piece.mirrored().mirrored()


@given(pieces)
def test_a_piece_keeps_its_area_and_shape_wherever_it_is(piece: Piece) -> None:
    assert area_of(piece) == pytest.approx(area_of(Piece.canonical(piece.kind)))
    assert len(piece.vertices) == len(OUTLINES[piece.kind])


@given(pieces)
def test_a_quarter_turn_is_clockwise_on_the_screen(piece: Piece) -> None:
    start = vertices_of(piece) - vertices_of(piece)[0]
    turned = vertices_of(piece.turned(2)) - vertices_of(piece)[0]
    assert turned == pytest.approx(np.stack([-start[:, 1], start[:, 0]], axis=1))


@given(pieces, pieces)
def test_contact_is_symmetric(p: Piece, q: Piece) -> None:
    assert contact(p, q) == contact(q, p)


@given(pieces, pieces, turnable, turnable, st.booleans(), st.integers(0, 3))
def test_contact_does_not_change_when_both_pieces_move_alike(
    p: Piece, q: Piece, dx: Surd, dy: Surd, mirrored: bool, quarters: int
) -> None:
    def move(piece: Piece) -> Piece:
        vertices = (vertex.turned(2 * quarters) for vertex in piece.moved(dx, dy).vertices)
        moved = Piece(piece.kind, tuple(vertices))
        return moved.mirrored() if mirrored else moved

    assert contact(move(p), move(q)) == contact(p, q)


@given(pieces, pieces)
def test_pieces_overlap_when_a_point_lies_inside_both(p: Piece, q: Piece) -> None:
    """Compares the exact verdict with a fine net of points."""
    low, high = vertices_of(p).min(axis=0), vertices_of(p).max(axis=0)
    x, y = np.meshgrid(*(np.linspace(low[i], high[i], 40) for i in (0, 1)))
    if (inside(p, x, y) & inside(q, x, y)).any():
        assert contact(p, q) == "overlap"


def inside(piece: Piece, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    vertices = vertices_of(piece)
    sides = [
        (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])
        for a, b in zip(vertices, np.roll(vertices, -1, axis=0), strict=True)
    ]
    turning = np.stack(sides)
    return (turning > 1e-9).all(axis=0) | (turning < -1e-9).all(axis=0)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (small(0, 0), "overlap"),
        (small(1, 0), "overlap"),
        (small(0, 2), "touch"),
        (Piece.canonical("small").mirrored(), "touch"),
        (Piece.canonical("square").moved(Surd(-2), Surd(1)), "touch"),
        (Piece.canonical("square").moved(Surd(-2), Surd(2)), "touch"),
        (Piece.canonical("square").moved(Surd(1), Surd(1)), "touch"),
        (Piece.canonical("square").moved(Surd(-3), Surd(0)), "apart"),
        (Piece.canonical("square").moved(Surd(1, 1), Surd(1)), "apart"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.kind,
)
def test_contacts_of_a_small_triangle(other: Piece, expected: str) -> None:
    assert contact(Piece.canonical("small"), other) == expected


def test_the_contacts_of_many_figures_are_those_of_each_alone() -> None:
    figures = [[small(0, 0), small(9, 9), small(1, 0)], [small(0, 0), small(0, 2), small(0, 4)]]
    overlap, touch = contacts(exact_corners(figures))
    assert np.argwhere(overlap).tolist() == [[0, 0, 2], [0, 2, 0]]
    assert np.argwhere(touch).tolist() == [[1, 0, 1], [1, 1, 0], [1, 1, 2], [1, 2, 1]]


@given(st.lists(surds, min_size=2, max_size=2))
def test_rounded_numbers_compare_as_the_exact_ones_do(numbers: list[Surd]) -> None:
    p, q = numbers
    one, other = rounded(np.array([(p.a, p.b), (q.a, q.b)]))
    assert (one < other, one == other) == (p < q, p == q)


def test_exact_corners_repeat_the_last_one_of_a_triangle() -> None:
    corners = exact_corners([[Piece.canonical("small"), Piece.canonical("square").moved(Surd(0, 3))]])
    assert rounded(corners)[0, 0].tolist() == [[0, 0], [2, 0], [0, 2], [0, 2]]
    assert corners[0, 1, :, 0].tolist() == [[0, 3], [2, 3], [2, 3], [0, 3]]
