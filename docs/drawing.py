"""What the pictures of games on these pages are drawn with: colours, letters, boxes, and moving pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import matplotlib
import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont

OFTEN, SHADES = 8, 24
"""How many colours a moving picture has beside those of its theme: those that are most often there, and shades."""
SMOOTHING = 4
"""How many times as large a box is drawn before it is scaled down, so that its corners are smooth."""
WHITE = "#ffffff"
POSITIVE, NEGATIVE, GREY = "#00694f", "#b13d00", "#5d656f"
"""Behind what is good, bad or neither, which is written in white."""

PLACES = np.array([1 << 16, 1 << 8, 1])
"""What red, green and blue count for in the number of a colour."""

Font = ImageFont.FreeTypeFont
Corners = tuple[float, float, float, float]
"""The left, top, right and bottom of a box, in pixels."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a picture.

    Attributes:
        paper: Behind everything.
        ink: Of what the speaker says.
        faint: Of everything else that is written.
        card: Behind a part of the picture.
        line: Around it.
        accent: Of what is selected, or has just changed.
        wrong: Of what is not understood.
        answer: Behind what the listener writes.
    """

    paper: str
    ink: str
    faint: str
    card: str
    line: str
    accent: str
    wrong: str
    answer: str


THEMES = {
    "light": Theme("#ffffff", "#1d2126", "#5d656f", "#f5f7f9", "#d3d9e0", "#a85400", "#b3261e", "#dce9fa"),
    "dark": Theme("#0d1117", "#e6edf3", "#9aa4ae", "#161b22", "#353d47", "#ffa94d", "#ff8a80", "#1d3757"),
}


@cache
def font(size: int, *, code: bool = False) -> Font:
    """Returns Pillow's own font or, for code, the one that matplotlib brings: the same letters on every machine."""
    if code:
        return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSansMono.ttf", size)
    default = ImageFont.load_default(size)
    assert isinstance(default, Font)
    return default


def lines_of(text: str, size: int, width: float) -> list[str]:
    """Breaks a text into lines that are no wider than `width` pixels, unless one word is."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if not lines[-1] or font(size).getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


class Sheet:
    """A picture to draw on.

    Args:
        width: Its width in pixels.
        height: Its height in pixels.
        theme: Its colours.
    """

    def __init__(self, width: int, height: int, theme: Theme) -> None:
        self.image = Image.new("RGB", (width, height), theme.paper)
        self.theme = theme
        self._draw = ImageDraw.Draw(self.image)

    def write(
        self,
        left: float,
        top: float,
        text: str,
        size: int,
        colour: str = "",
        *,
        code: bool = False,
        anchor: Literal["la", "lm", "mm", "ra", "rm"] = "la",
    ) -> float:
        """Writes a line and returns where it ends.

        Args:
            left: Where it begins; its middle or its end, if the anchor begins with m or r.
            top: Its top; its middle, if the anchor ends with m.
            text: The line.
            size: The size of the letters.
            colour: Their colour; the theme's ink if there is none.
            code: Whether the letters all have one width.
            anchor: As Pillow's.
        """
        letters = font(size, code=code)
        self._draw.text((left, top), text, colour or self.theme.ink, letters, anchor)
        return left + letters.getlength(text)

    def box(self, corners: Corners, fill: str, outline: str = "", radius: int = 12, width: int = 1) -> None:
        """Draws a box with round corners."""
        left, top, right, bottom = map(round, corners)
        for colour, inset in ((outline, 0), (fill, width)) if outline else ((fill, 0),):
            size = right - left - 2 * inset, bottom - top - 2 * inset
            mask = Image.new("L", (size[0] * SMOOTHING, size[1] * SMOOTHING), 0)
            whole = (0, 0, mask.width - 1, mask.height - 1)
            ImageDraw.Draw(mask).rounded_rectangle(whole, (radius - inset) * SMOOTHING, 255)
            self.image.paste(colour, (left + inset, top + inset), mask.reduce(SMOOTHING))

    def chip(
        self,
        at: float,
        middle: float,
        text: str,
        colour: str,
        size: int,
        *,
        code: bool = False,
        anchor: Literal["lm", "rm"] = "lm",
    ) -> None:
        """Writes a few words in white on a coloured box, which begins or, with the anchor "rm", ends there."""
        height, width = round(1.5 * size), font(size, code=code).getlength(text) + 1.2 * size
        left, right = (at, at + width) if anchor == "lm" else (at - width, at)
        self.box((left, middle - height / 2, right, middle + height / 2), colour, radius=height // 2)
        self.write((left + right) / 2, middle, text, size, WHITE, code=code, anchor="mm")

    def paste(self, left: int, top: int, pixels: np.ndarray) -> None:
        """Puts pixels, uint8 (height, width) or (height, width, 3), where they belong."""
        self.image.paste(Image.fromarray(pixels), (left, top))


def write_gif(path: Path, frames: Sequence[tuple[Image.Image, int]], theme: Theme) -> None:
    """Writes a moving picture that begins again at its end.

    Args:
        path: The file.
        frames: Pictures of one size, each with how many milliseconds it is shown.
        theme: Their colours.
    """
    images = [image for image, _ in frames]
    width, height = images[0].size
    all_images = Image.new("RGB", (width, height * len(images)))
    for number, image in enumerate(images):
        all_images.paste(image, (0, number * height))
    # One palette for all, so that only what has changed is stored. It has the colours of words and verdicts, and those
    # that are often there, as they are; median cut finds the shades. Pillow's own search of the nearest is not exact.
    counts = sorted(all_images.getcolors(width * height * len(images)) or [], reverse=True)
    colours = np.array([colour for _, colour in counts])
    own = np.array([ImageColor.getrgb(colour) for colour in (*astuple(theme), POSITIVE, NEGATIVE)])
    shades = np.array(all_images.quantize(SHADES).getpalette()).reshape(-1, 3)
    palette = np.concatenate([own, colours[:OFTEN], shades])
    nearest = np.zeros(1 << 24, np.uint8)
    nearest[colours @ PLACES] = ((colours[:, None] - palette) ** 2).sum(axis=2).argmin(axis=1)
    first, *later = (Image.fromarray(nearest[np.array(image) @ PLACES]) for image in images)
    for image in (first, *later):
        image.putpalette(palette.astype(np.uint8).tobytes())
    times = [time for _, time in frames]
    first.save(path, save_all=True, append_images=later, duration=times, loop=0, optimize=True)
