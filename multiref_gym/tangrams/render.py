"""Draws tangrams with Pillow: silhouettes, the boards of both players, contact sheets.

A board shows the tangrams of one game in two rows of cells. A cell is a strip with the letter (the listener's board)
or the target's mark (the speaker's), and below it the silhouette; a selected tangram's cell has a coloured frame.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from multiref_gym.tangrams.tangram_set import Tangram, TangramError, TangramSet

FIGURE_AREA = 32.0
"""The area of the seven pieces when the small triangle's leg is 2."""

FIELD = 12.0
"""The side of the square that a silhouette shows, in the same units: nearly all figures fit at one scale."""

MARGIN = 0.03
"""The smallest margin on each side, as a fraction of the square's side."""

SUPERSAMPLING = 8

Place = tuple[slice, slice]
"""The rows and the columns of a part of a board."""

PAPER, INK, GAP = (255, 255, 255), (40, 40, 40), (214, 216, 220)
SELECTED, TARGET = (230, 120, 0), (0, 114, 178)


def silhouette(tangram: Tangram, size: int) -> np.ndarray:
    """Draws a tangram in black on white, anti-aliased, with its box in the middle.

    All tangrams are drawn at one scale, set by their area, so equal pieces look equally large; a figure that is too
    long for the square is shrunk to fit.

    Args:
        tangram: The tangram.
        size: The side of the image, in pixels.

    Returns:
        uint8 (size, size), 0 for the figure and 255 for the paper.
    """
    fine = size * SUPERSAMPLING
    image = Image.new("L", (fine, fine), 255)
    draw = ImageDraw.Draw(image)
    for piece in _placed(tangram, fine):
        draw.polygon([(x, y) for x, y in piece], fill=0)
    return np.array(image.reduce(SUPERSAMPLING))


def svg_path(tangram: Tangram, size: int) -> str:
    """Returns the outlines of the pieces as the ``d`` of an SVG path: the figure that ``silhouette`` draws.

    Args:
        tangram: The tangram.
        size: The side of the square around the figure; coordinates have one decimal.
    """
    outlines = (" ".join(f"{x:.1f},{y:.1f}" for x, y in piece) for piece in _placed(tangram, size))
    return "".join(f"M{outline}Z" for outline in outlines)


def _placed(tangram: Tangram, size: int) -> list[np.ndarray]:
    """Returns the pieces at their positions in a square image with sides of ``size``."""
    vertices = np.concatenate(tangram.pieces)
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    field = FIELD * np.sqrt(sum(map(_area, tangram.pieces)) / FIGURE_AREA)
    field = max(field, (high - low).max() / (1 - 2 * MARGIN))
    return [(piece - (low + high) / 2) * (size / field) + size / 2 for piece in tangram.pieces]


def _area(polygon: np.ndarray) -> float:
    x, y = (polygon - polygon[0]).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


@dataclass(frozen=True)
class Layout:
    """The positions of the parts of a board, in pixels, for silhouettes of one size."""

    size: int

    @property
    def frame(self) -> int:
        """The width of a frame, and of the margin that is reserved for it."""
        return max(2, self.size // 24)

    @property
    def strip(self) -> int:
        """The height of the strip above a silhouette."""
        return max(12, self.size // 5)

    @property
    def cell_shape(self) -> tuple[int, int]:
        """Height and width of a cell."""
        return self.size + self.strip + 2 * self.frame, self.size + 2 * self.frame

    def board_shape(self, count: int) -> tuple[int, int, int]:
        """The shape of a board of ``count`` tangrams: (height, width, 3)."""
        height, width = self.cell_shape
        return 2 * height + 3, self.columns(count) * (width + 1) + 1, 3

    def columns(self, count: int) -> int:
        """The number of cells in the upper row of a board."""
        return (count + 1) // 2

    def corner(self, index: int, count: int) -> tuple[int, int]:
        """The top and left of a cell; cells fill the upper row first and have a line of one pixel between them."""
        row, column = divmod(index, self.columns(count))
        height, width = self.cell_shape
        return row * (height + 1) + 1, column * (width + 1) + 1

    def places(self, count: int) -> list[tuple[Place, Place]]:
        """Returns the places of each cell of a board and of its silhouette."""
        places = []
        for index in range(count):
            top, left = self.corner(index, count)
            picture = top + self.frame + self.strip, left + self.frame
            places.append((_place((top, left), self.cell_shape), _place(picture, (self.size, self.size))))
        return places

    def board(self, cells: Sequence[np.ndarray]) -> np.ndarray:
        """Returns a new board of cells without their silhouettes: uint8 (height, width, 3)."""
        board = np.full(self.board_shape(len(cells)), GAP, np.uint8)
        for (outer, _), blank in zip(self.places(len(cells)), cells, strict=True):
            board[outer] = blank
        return board


def _place(corner: tuple[int, int], shape: tuple[int, int]) -> Place:
    (top, left), (height, width) = corner, shape
    return slice(top, top + height), slice(left, left + width)


def letter(index: int) -> str:
    """Returns the letter of the listener's tangram at that index: A for 0. Raises TangramError after Z."""
    if not 0 <= index < len(string.ascii_uppercase):
        raise TangramError(f"no letter for tangram number {index}: a board has at most 26")
    return string.ascii_uppercase[index]


@cache
def cell(layout: Layout, label: str = "", selected: bool = False, target: bool = False) -> np.ndarray:
    """Draws a cell without its silhouette: uint8 (height, width, 3). It is shared, and so read-only."""
    height, width = layout.cell_shape
    image = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(image)
    middle = layout.frame + layout.strip / 2
    if selected:
        draw.rectangle((0, 0, width - 1, height - 1), outline=SELECTED, width=layout.frame)
    if label:
        font = ImageFont.load_default(layout.strip)
        draw.text((middle, middle), label, fill=SELECTED if selected else INK, font=font, anchor="mm")
    if target:
        radius = layout.strip * 0.42
        for share, colour in ((1.0, TARGET), (0.66, PAPER), (0.33, TARGET)):
            x, y = width - middle, middle
            reach = radius * share
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=colour)
    array = np.array(image)
    array.flags.writeable = False
    return array


def listener_board(silhouettes: Sequence[np.ndarray] | np.ndarray, selected: Collection[int] = ()) -> np.ndarray:
    """Draws the listener's board: the tangrams under their letters, the selected ones framed.

    Args:
        silhouettes: A square image of each tangram, uint8 (size, size), in the listener's order.
        selected: The indices of the selected tangrams.

    Returns:
        uint8 (height, width, 3).
    """
    layout = Layout(len(silhouettes[0]))
    cells = [cell(layout, letter(index), index in selected) for index in range(len(silhouettes))]
    return _board(layout, cells, silhouettes)


def speaker_board(
    silhouettes: Sequence[np.ndarray] | np.ndarray, targets: Collection[int], selected: Collection[int] = ()
) -> np.ndarray:
    """Draws the speaker's board: the targets under a bull's eye, the selected tangrams framed, without letters.

    Args:
        silhouettes: A square image of each tangram, uint8 (size, size), in the speaker's order.
        targets: The indices of the targets.
        selected: The indices of the selected tangrams.

    Returns:
        uint8 (height, width, 3).
    """
    layout = Layout(len(silhouettes[0]))
    cells = [cell(layout, "", index in selected, index in targets) for index in range(len(silhouettes))]
    return _board(layout, cells, silhouettes)


def _board(layout: Layout, cells: Sequence[np.ndarray], silhouettes: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    board = layout.board(cells)
    for (_, inner), picture in zip(layout.places(len(cells)), silhouettes, strict=True):
        board[inner] = picture[:, :, None]
    return board


def contact_sheet(
    tangrams: TangramSet, columns: int = 12, size: int = 80, sample: int | None = None, seed: int = 0
) -> Image.Image:
    """Draws the tangrams of a set by family, each with its number, under a heading for the family.

    Args:
        tangrams: The tangrams. The family is the id up to its last hyphen, so KiloGram is shown by page.
        columns: The number of tangrams in a row.
        size: The side of a silhouette with the gap around it, in pixels.
        sample: The most tangrams of a family to show, drawn at random; None for all.
        seed: The seed of the sample.

    Returns:
        A grey image.
    """
    rng = np.random.default_rng(seed)
    heading, caption, gap = size // 2, max(11, size // 7), size // 20
    families: list[tuple[str, list[Tangram]]] = []
    for family, group in groupby(tangrams, key=lambda tangram: tangram.id.rpartition("-")[0]):
        shown = members = list(group)
        if sample is not None and sample < len(members):
            chosen = rng.choice(len(members), sample, replace=False)
            shown = [members[index] for index in sorted(chosen)]
        families.append((f"{family} ({len(shown)} of {len(members)})", shown))
    rows = sum(-(-len(shown) // columns) for _, shown in families)
    image = Image.new("L", (columns * size, len(families) * heading + rows * (size + caption)), 255)
    draw = ImageDraw.Draw(image)
    top = 0
    for title, shown in families:
        draw.text((caption, top + heading // 2), title, 40, ImageFont.load_default(max(11, size // 4)), "lm")
        top += heading
        for index, tangram in enumerate(shown):
            row, column = divmod(index, columns)
            x, y = column * size, top + row * (size + caption)
            image.paste(Image.fromarray(silhouette(tangram, size - 2 * gap)), (x + gap, y + gap))
            number = tangram.id.rpartition("-")[2].removesuffix(".png")
            draw.text((x + size // 2, y + size), number, 130, ImageFont.load_default(caption), "ma")
        top += -(-len(shown) // columns) * (size + caption)
    return image
