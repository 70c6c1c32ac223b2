"""Silhouettes, boards, contact sheets and the atlas."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image, ImageDraw

from multiref_gym.contexts import shared_contexts
from multiref_gym.tangrams import (
    Atlas,
    Tangram,
    TangramError,
    TangramSet,
    contact_sheet,
    listener_board,
    load_tangrams,
    silhouette,
    speaker_board,
)
from multiref_gym.tangrams.render import FIELD, FIGURE_AREA, SELECTED, TARGET, Layout, svg_path

FIGURES = load_tangrams("figures")
IDS = shared_contexts(FIGURES).draw(np.random.default_rng(0)).listener_order


def boxes(*rectangles: tuple[float, float, float, float]) -> Tangram:
    """A tangram of rectangles (left, top, right, bottom)."""
    pieces = tuple(np.array([[x, y], [u, y], [u, v], [x, v]], float) for x, y, u, v in rectangles)
    return Tangram("boxes-0", pieces, frozenset(), (), ("",) * len(pieces))


def coloured(board: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (board == np.array(colour)).all(axis=-1)


@pytest.mark.parametrize("size", [16, 64, 65, 200])
def test_a_silhouette_is_black_on_white_and_smooth(size: int) -> None:
    image = silhouette(FIGURES.tangrams[0], size)
    assert image.shape == (size, size)
    assert image.dtype == np.uint8
    assert image.min() == 0
    assert image.max() == 255
    assert ((image > 0) & (image < 255)).any()


@pytest.mark.parametrize("size", [32, 64, 150])
def test_the_figure_covers_its_share_of_the_square_at_every_size(size: int) -> None:
    compact = boxes((0, 0, 8, 4))
    share = 1 - silhouette(compact, size).mean() / 255
    assert share == pytest.approx(FIGURE_AREA / FIELD**2, rel=0.05)


def test_silhouettes_do_not_depend_on_the_units_or_the_place_of_the_pieces() -> None:
    figure = FIGURES.tangrams[0]
    moved = Tangram("moved-0", tuple(37 * piece + (100, -40) for piece in figure.pieces), frozenset(), (), figure.parts)
    difference = silhouette(figure, 64).astype(int) - silhouette(moved, 64)
    assert np.abs(difference).max() < 64


def test_a_path_for_svg_is_the_silhouette() -> None:
    figure, size = FIGURES.tangrams[0], 200
    image = Image.new("L", (size, size), 255)
    outlines = re.findall(r"M(.*?)Z", svg_path(figure, size))
    assert len(outlines) == len(figure.pieces)
    for outline in outlines:
        corners = [tuple(map(float, corner.split(","))) for corner in outline.split()]
        ImageDraw.Draw(image).polygon(corners, fill=0)
    assert np.abs(np.asarray(image, int) - silhouette(figure, size)).mean() < 255 * 0.01


def test_left_is_left_and_up_is_up() -> None:
    image = silhouette(boxes((0, 0, 2, 6), (2, 0, 6, 2)), 96) < 128
    rows, columns = np.nonzero(image)
    middle = 96 / 2
    assert columns.mean() < middle - 3
    assert rows.mean() < middle - 3


def test_a_long_figure_is_shrunk_to_fit_the_square() -> None:
    image = silhouette(boxes((0, 0, 32, 1)), 100)
    assert (image[:, :2] == 255).all()
    assert (image[:, -2:] == 255).all()
    assert (image < 128).any(axis=0).sum() > 90


def test_all_figures_stay_inside_their_square() -> None:
    for tangram in FIGURES:
        image = silhouette(tangram, 48)
        assert min(image[0].min(), image[-1].min(), image[:, 0].min(), image[:, -1].min()) == 255, tangram.id


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 1), (7, 4), (10, 5)])
def test_a_board_has_two_rows(count: int, columns: int) -> None:
    pictures = np.full((count, 32, 32), 255, np.uint8)
    height, width = Layout(32).cell_shape
    assert listener_board(pictures).shape == (2 * height + 3, columns * (width + 1) + 1, 3)
    assert speaker_board(pictures, {0}).shape == Layout(32).board_shape(count)


def test_the_listener_sees_frames_on_the_selection_alone() -> None:
    pictures = Atlas(FIGURES, 64).silhouettes(IDS)
    assert not coloured(listener_board(pictures), SELECTED).any()
    layout, board = Layout(64), listener_board(pictures, {1, 7})
    for index in range(10):
        top, left = layout.corner(index, 10)
        assert coloured(board, SELECTED)[top, left] == (index in {1, 7})


def test_the_listener_sees_a_different_letter_above_each_tangram() -> None:
    layout, board = Layout(64), listener_board(np.full((26, 64, 64), 255, np.uint8))
    strips = []
    for index in range(26):
        top, left = layout.corner(index, 26)
        strips.append(board[top : top + layout.strip + layout.frame, left : left + layout.cell_shape[1]].tobytes())
    assert len(set(strips)) == 26
    with pytest.raises(TangramError, match="at most 26"):
        listener_board(np.full((27, 64, 64), 255, np.uint8))


def test_the_speaker_sees_the_targets_marked_and_no_letters() -> None:
    pictures = Atlas(FIGURES, 64).silhouettes(IDS)
    plain = speaker_board(pictures, ())
    assert not coloured(plain, TARGET).any()
    assert not np.array_equal(plain, listener_board(pictures))
    layout, board = Layout(64), speaker_board(pictures, {0, 9}, selected={9})
    height, width = layout.cell_shape
    for index in range(10):
        top, left = layout.corner(index, 10)
        cell = board[top : top + height, left : left + width]
        assert coloured(cell, TARGET).any() == (index in {0, 9})
        assert coloured(cell, SELECTED).any() == (index == 9)


@pytest.mark.parametrize("size", [24, 64])
@pytest.mark.parametrize("selected", [(), (0,), {2, 5, 9}, range(10)])
def test_the_atlas_gives_the_boards_that_are_drawn(size: int, selected: tuple[int, ...]) -> None:
    atlas = Atlas(FIGURES, size)
    pictures = atlas.silhouettes(IDS)
    assert np.array_equal(pictures, [silhouette(FIGURES[id], size) for id in IDS])
    assert np.array_equal(atlas.listener_board(IDS, selected), listener_board(pictures, selected))
    assert atlas.listener_board(IDS, selected).shape == atlas.board_shape(10)


def test_the_atlas_gives_fresh_arrays() -> None:
    atlas = Atlas(FIGURES, 32)
    for give in (atlas.silhouettes, atlas.listener_board, lambda ids: atlas.listener_board(ids, {1})):
        first = give(IDS)
        expected = first.copy()
        first[:] = 7
        assert np.array_equal(give(IDS), expected)


def test_the_atlas_draws_a_tangram_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def counting(tangram: Tangram, size: int) -> np.ndarray:
        drawn.append(tangram.id)
        return silhouette(tangram, size)

    monkeypatch.setattr("multiref_gym.tangrams.atlas.silhouette", counting)
    atlas = Atlas(FIGURES, 32)
    for _ in range(3):
        atlas.silhouettes(IDS)
        atlas.listener_board(IDS[::-1], {1})
    assert sorted(drawn) == sorted(IDS)


def test_the_atlas_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(TangramError, match="no tangram 'unicorn-0000' in figures"):
        Atlas(FIGURES, 32).listener_board(["unicorn-0000"])
    with pytest.raises(ValueError, match="size 4"):
        Atlas(FIGURES, 4)


def test_a_contact_sheet_shows_every_family() -> None:
    families = {id.rpartition("-")[0] for id in FIGURES.ids}
    rows = sum(-(-sum(id.startswith(f"{family}-") for id in FIGURES.ids) // 4) for family in families)
    assert contact_sheet(FIGURES, columns=4, size=24).size == (4 * 24, len(families) * 12 + rows * (24 + 11))
    empty = contact_sheet(TangramSet("none", []))
    assert empty.size[1] >= 0


def test_a_sample_shows_so_many_of_each_family_by_its_seed() -> None:
    families = {id.rpartition("-")[0] for id in FIGURES.ids}
    sheets = [contact_sheet(FIGURES, 5, 24, sample=5, seed=seed) for seed in (0, 0, 1)]
    assert sheets[0].size == (5 * 24, len(families) * (12 + 24 + 11))
    first, again, other = (np.asarray(sheet) for sheet in sheets)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
