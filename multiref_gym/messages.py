"""A listener's view as chat messages: the tangrams in pictures or in words, the rules, then turn by turn.

A message is `{"role": "user" or "assistant", "content": ...}`, the form of OpenAI's protocol and of chat templates. The
game's speaker is the user; its listener is the assistant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from typing import Any, Literal, get_args

import numpy as np
from PIL import Image

from multiref_gym.chat import chat_turns, rules
from multiref_gym.errors import UserError
from multiref_gym.game import LETTERS
from multiref_gym.interaction import Interaction
from multiref_gym.listener import View
from multiref_gym.png import data_url, png
from multiref_gym.tangrams import Atlas, in_words

Message = dict[str, Any]
Part = dict[str, Any]

Shown = Literal["tangrams", "board", "words"]
"""How the tangrams are shown: a picture each, one picture of all, or words for each."""

ROLES = ("user", "assistant")
"""The roles, which take turns."""


def text_part(text: str) -> Part:
    """Returns the message part of a text."""
    return {"type": "text", "text": text}


def joined(parts: Iterable[Part]) -> str:
    """Joins text parts into one text."""
    return "".join(part["text"] for part in parts)


def image_part(image: Image.Image) -> Part:
    """Returns a picture as a part for the chat templates of vision-language models."""
    return {"type": "image", "image": image}


def url_part(image: Image.Image) -> Part:
    """Returns a picture as a part for OpenAI's protocol: a PNG file in a data URL."""
    return {"type": "image_url", "image_url": {"url": data_url(png(image))}}


class Messages:
    """Writes a listener's view as messages.

    The first message shows the tangrams with their letters and states the rules, so that any model can play. In each
    turn the user states the selection and the speaker's utterance, and the assistant says the action; see `chat_turns`.
    The content of a message is a list of parts, or a text if the tangrams are shown in words.

    Args:
        atlas: The tangrams and their pictures.
        shown: How the tangrams are shown.
        part: Makes the message part of a picture.

    Raises:
        UserError: If `shown` is none of the three.
    """

    def __init__(self, atlas: Atlas, shown: Shown = "tangrams", part: Callable[[Image.Image], Part] = url_part) -> None:
        if shown not in get_args(Shown):
            raise UserError(f"shown={shown!r}: choose from {', '.join(get_args(Shown))}")
        self._atlas, self._shown, self._part = atlas, shown, part

    def of(self, view: View) -> list[Message]:
        """Returns all messages up to the speaker's last utterance.

        Raises:
            TangramError: If a tangram is unknown, or has no words and is to be shown in words.
        """
        first, *others = chat_turns(view.dialogue, view.utterance, view.selected, view.misread)
        messages = [self._message("user", [*self._opening(view.tangrams), text_part(first)])]
        messages += (self._message(role, [text_part(turn)]) for role, turn in zip(cycle(ROLES[::-1]), others))
        return messages

    def of_game(self, game: Interaction) -> list[Message]:
        """Returns all messages of a recorded game, with the stored actions.

        Turn i, from 0, has two messages: number 2 i is the speaker's utterance, and 2 i + 1 the action. A closing
        remark comes last.

        Raises:
            TangramError: See `of`.
        """
        said = tuple((turn.utterance, turn.action) for turn in game.turns)
        messages = self.of(View(game.context.listener_order, said, game.closing, game.selections[-1], game.game_id))
        return messages if game.closing else messages[:-1]

    def last_of(self, view: View) -> Message:
        """Returns only the last of these messages, for a game that has begun."""
        misread = view.misread.get(len(view.dialogue) - 1)
        turns = chat_turns(view.dialogue[-1:], view.utterance, view.selected, {0: misread} if misread else {})
        return self._message("user", [text_part(turns[-1])])

    def _opening(self, tangrams: tuple[str, ...]) -> Iterator[Part]:
        """Yields the parts before the first turn."""
        letters = LETTERS[: len(tangrams)]
        if self._shown == "board":
            yield self._picture(self._atlas.listener_board(tangrams))
        elif self._shown == "tangrams":
            for letter, silhouette in zip(letters, self._atlas.silhouettes(tangrams), strict=True):
                yield self._picture(silhouette)
                yield text_part(f"{letter}\n")  # chat templates join the parts without a space
        else:
            for letter, words in zip(letters, in_words(self._atlas.tangrams, tangrams), strict=True):
                yield text_part(f"{letter}: {words}\n")
        yield text_part(rules(len(tangrams)))

    def _picture(self, pixels: np.ndarray) -> Part:
        """Returns a picture, uint8 (height, width) or (height, width, 3), as a part."""
        return self._part(Image.fromarray(pixels).convert("RGB"))

    def _message(self, role: str, parts: list[Part]) -> Message:
        return {"role": role, "content": joined(parts) if self._shown == "words" else parts}
