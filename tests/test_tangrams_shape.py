"""The facts that every figure has by its geometry alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.tangrams.figures import FAMILIES, proposed
from multiref_gym.tangrams.figures.assembly import Piece, Sketch, point, put, roots, units
from multiref_gym.tangrams.figures.shape import outlines, shapes
from multiref_gym.tangrams.pieces import Surd, exact_corners

SKETCHES = proposed(FAMILIES)

UP, DOWN = put("small", "up", "s", point(0, 0)), put("small", "down", "s", point(0, 0))
BOX = put("square", "square", "s", point(0, 0))
SLAB = put("parallelogram", "flat /", "s", point(0, 0))


def shape_of(*pieces: Piece) -> dict[str, str]:
    [attributes] = shapes(exact_corners([pieces]))
    return attributes


def corners_of(*sketches: Sketch) -> np.ndarray:
    return exact_corners([[piece for _, piece in sketch.pieces] for sketch in sketches])


@pytest.mark.parametrize(
    ("pieces", "shape", "summit", "ground", "sides"),
    [
        ([UP], "wide", "point", "broad", "same"),
        ([DOWN], "wide", "flat", "point", "same"),
        ([BOX], "even", "flat", "broad", "same"),
        ([put("square", "diamond", "s", point(0, 0))], "even", "point", "point", "same"),
        ([SLAB], "wide", "flat", "broad", "different"),
        ([put("parallelogram", "steep /", "s", point(0, 0))], "tall", "point", "point", "different"),
        ([BOX, UP.moved(units(0), units(-2))], "even", "point", "broad", "same"),
        ([BOX, BOX.moved(units(2)), BOX.moved(units(0), units(2))], "even", "flat", "broad", "different"),
        ([put("large", "up", "s", point(0, 0)), BOX.moved(dy=units(2))], "even", "point", "narrow", "same"),
        ([BOX, BOX.moved(dy=units(2)), BOX.moved(dy=units(4))], "tall", "flat", "narrow", "same"),
        ([UP, UP.moved(roots(4))], "wide", "split", "broad", "same"),
        ([DOWN, DOWN.moved(roots(4))], "wide", "flat", "feet", "same"),
        ([DOWN, DOWN.moved(roots(4), Surd(1, -2))], "wide", "flat", "feet", "different"),
        ([DOWN, DOWN.moved(roots(4), units(-1))], "wide", "flat", "point", "different"),
        ([BOX, UP.moved(units(6))], "wide", "split", "feet", "different"),
    ],
)
def test_the_shape_of_hand_made_figures(pieces: list[Piece], shape: str, summit: str, ground: str, sides: str) -> None:
    assert shape_of(*pieces) == {"shape": shape, "summit": summit, "ground": ground, "sides": sides}


def test_equal_silhouettes_have_equal_outlines_however_they_are_laid_and_wherever_they_lie() -> None:
    cut, crossed = (
        [put("small", one, "nw", point(0, 0)), put("small", other, "nw", point(0, 0))]
        for one, other in (("nw", "se"), ("ne", "sw"))
    )
    moved = [piece.moved(Surd(7, -3), Surd(-2, 5)) for piece in crossed]
    half = [cut[0], cut[1].moved(units(1))]
    first, second, third, other = outlines(exact_corners([cut, crossed, moved, half]))
    assert (first == second).all()
    assert (first == third).all()
    assert not (first == other).all()
    assert np.count_nonzero(first) == 8, "each of the four corners is where one edge ends and the next one starts"


@given(st.sampled_from(SKETCHES))
def test_a_mirrored_figure_has_the_same_shape_and_the_same_outline_just_if_its_sides_are_alike(sketch: Sketch) -> None:
    corners = corners_of(sketch.facing("left"), sketch.facing("right"))
    one, mirrored = shapes(corners)
    assert one == mirrored
    first, second = outlines(corners)
    assert (first == second).all() == (one["sides"] == "same")


@given(st.sampled_from(SKETCHES))
def test_a_figure_upside_down_stands_on_its_summit(sketch: Sketch) -> None:
    corners = corners_of(sketch)
    [upright], [over] = shapes(corners), shapes(-corners)
    stands_on = {"broad": "flat", "narrow": "flat", "point": "point", "feet": "split"}
    assert stands_on[over["ground"]] == upright["summit"]
    assert stands_on[upright["ground"]] == over["summit"]
    assert {key: upright[key] for key in ("shape", "sides")} == {key: over[key] for key in ("shape", "sides")}
