"""Ways for people to watch a game: its dialogue, a captioned board, a window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.error import DependencyNotInstalled
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from multiref_gym.game import Action

CAPTION_SIZE = 16
"""The smallest size of the letters, in pixels."""
CAPTION_SHARE = 10
"""The height of a large board in letters of its caption."""


def transcript(dialogue: Sequence[tuple[str, Action]], utterance: str | None) -> str:
    """Returns a dialogue, one line for each utterance and action; no `utterance` if the speaker is yet to speak."""
    turns = [f"Speaker: {said}\nListener: {str(done) or '(no click)'}" for said, done in dialogue]
    return "\n".join(turns if utterance is None else [*turns, f"Speaker: {utterance}"])


def captioned(board: NDArray[np.uint8], utterance: str) -> NDArray[np.uint8]:
    """Returns the board above a strip of text, which holds up to three lines of words; letters grow with the board.

    Args:
        board: uint8 (height, width, 3).
        utterance: The text.

    Returns:
        uint8 (greater height, width or 1 more, 3): the same shape for every text, with even sides.
    """
    height, width, _ = board.shape
    letters = max(CAPTION_SIZE, height // CAPTION_SHARE)
    font = ImageFont.load_default(letters)
    lines = [""]
    for word in utterance.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width - letters:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > 3:
        lines[2:] = [f"{lines[2]} …"]
    # Most video players cannot show odd sides.
    picture = Image.new("RGB", (width + width % 2, height + height % 2 + 4 * letters + letters // 4 * 2), "white")
    picture.paste(Image.fromarray(board), (0, 0))
    ImageDraw.Draw(picture).multiline_text((letters // 2, height + letters // 4), "\n".join(lines), "black", font)
    return np.array(picture)


class Window:
    """A pygame window.

    Args:
        width: The width of the picture, in pixels.
        height: The height of the picture, in pixels.

    Raises:
        DependencyNotInstalled: If pygame is missing.
    """

    def __init__(self, width: int, height: int) -> None:
        try:
            import pygame
        except ImportError as error:
            raise DependencyNotInstalled(
                "render_mode='human' needs pygame: run `pip install multiref-gym[human]`"
            ) from error
        self._pygame: Any = pygame
        pygame.display.init()
        pygame.display.set_caption("MultiRef-v0")
        self._surface = pygame.display.set_mode((width, height))
        self._clock = pygame.time.Clock()

    def show(self, picture: NDArray[np.uint8], fps: int) -> None:
        """Shows a picture, uint8 (height, width, 3), and waits so that at most `fps` are shown a second."""
        pygame = self._pygame
        # pygame puts the width first.
        self._surface.blit(pygame.surfarray.make_surface(picture.swapaxes(0, 1)), (0, 0))
        pygame.event.pump()
        pygame.display.flip()
        self._clock.tick(fps)

    def close(self) -> None:
        """Closes the window."""
        self._pygame.display.quit()
