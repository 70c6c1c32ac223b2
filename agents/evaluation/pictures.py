"""The common parts of all pictures of measures: the style of their panels, and PNG files."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike
from PIL import Image

from multiref_gym.game import MAX_TURNS
from multiref_gym.png import png

FAINT = "#555555"
NARROW = 4.2
"""The width, in inches, of a picture whose panels are below each other: its letters can be read on a phone."""


def draw_band(axes: Axes, x: ArrayLike, estimates: Sequence[Mapping[str, float]], style: str, **line: Any) -> None:
    """Draws means as a line with markers, and their intervals as a band.

    Args:
        axes: The panel.
        x: A number for each estimate.
        estimates: The estimates, each with `mean`, `low` and `high`.
        style: The dashes of the line.
        **line: Matplotlib's options for the line, at least `color`.
    """
    mean, low, high = ([estimate[part] for estimate in estimates] for part in ("mean", "low", "high"))
    axes.fill_between(x, low, high, color=line["color"], alpha=0.15, linewidth=0)
    axes.plot(x, mean, style, **{"markersize": 4, **line})


def finish_axes(axes: Axes, title: str, measure: str = "success") -> None:
    """Gives a panel of a measure its title, limits, ticks and grid, and no frame.

    Args:
        axes: The panel.
        title: The title above it.
        measure: "turns", or the name of a measure from 0 to 1.
    """
    axes.set_title(title, loc="left", fontsize=10)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if measure == "turns":
        axes.set_ylim(0, MAX_TURNS + 0.5)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        axes.set_ylim(0, 1.03)
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    bare_axes(axes, "y", "top", "right")


def bare_axes(axes: Axes, along: str, *without: str) -> None:
    """Gives a panel a faint grid along an axis, behind the data, and removes sides of its frame."""
    axes.grid(axis=along, color="#dddddd", linewidth=0.7)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.spines[list(without)].set_visible(False)


def noted_png(figure: Figure, note: str) -> bytes:
    """Returns a figure as a PNG file, with a note about its data above the panels."""
    figure.suptitle(note, fontsize=10, color=FAINT)
    return figure_png(figure)


def figure_png(figure: Figure) -> bytes:
    """Returns a figure as a PNG file of 256 colours: enough for lines and letters, at a quarter of the bytes."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=150)
    return png(Image.open(file).convert("RGB").quantize(dither=Image.Dither.NONE))
