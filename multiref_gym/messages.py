"""What a listener knows as messages of a chat: the tangrams in pictures or in words, the rules, then turn by turn.

A message is `{"role": "user" or "assistant", "content": ...}`, as OpenAI's protocol and the chat templates of models
have it. The speaker of the game is the user, its listener the assistant.
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
"""How the tangrams are shown: each in a picture, all in one, or each in words."""

ROLES = ("user", "assistant")
"""Who speaks by turns."""


def text_part(text: str) -> Part:
    """Returns a text as a part of a message."""
    return {"type": "text", "text": text}


def joined(parts: Iterable[Part]) -> str:
    """Returns parts that are texts as one text."""
    return "".join(part["text"] for part in parts)


def image_part(image: Image.Image) -> Part:
    """Returns a picture as chat templates of models that see have it."""
    return {"type": "image", "image": image}


def url_part(image: Image.Image) -> Part:
    """Returns a picture as OpenAI's protocol has it: a PNG file in a data URL."""
    return {"type": "image_url", "image_url": {"url": data_url(png(image))}}


class Messages:
    """Writes what a listener knows as messages.

    The first message shows the tangrams with their letters and tells the rules, so that any model can play. In each
    turn the user says what is selected and what the speaker said, and the assistant says the action; see `chat_turns`.
    The content of a message is a list of parts, or a text where the tangrams are shown in words.

    Args:
        atlas: The tangrams and their pictures.
        shown: How the tangrams are shown.
        part: Makes the part of a picture.

    Raises:
        UserError: If `shown` is none of the three.
    """

    def __init__(self, atlas: Atlas, shown: Shown = "tangrams", part: Callable[[Image.Image], Part] = url_part) -> None:
        if shown not in get_args(Shown):
            raise UserError(f"shown={shown!r}: choose from {', '.join(get_args(Shown))}")
        self._atlas, self._shown, self._part = atlas, shown, part

    def of(self, view: View) -> list[Message]:
        """Returns all messages up to what the speaker said last.

        Raises:
            TangramError: If a tangram is not known, or has no words where it is to be shown in words.
        """
        first, *others = chat_turns(view.dialogue, view.utterance, view.selected, view.misread)
        messages = [self._message("user", [*self._opening(view.tangrams), text_part(first)])]
        messages += (self._message(role, [text_part(turn)]) for role, turn in zip(cycle(ROLES[::-1]), others))
        return messages

    def of_game(self, game: Interaction) -> list[Message]:
        """Returns all messages of a game that was played, with the actions as the store has them.

        Turn i, from 0, has the messages 2 i, what the speaker said, and 2 i + 1, the action. A closing remark is last.

        Raises:
            TangramError: See `of`.
        """
        said = tuple((turn.utterance, turn.action) for turn in game.turns)
        messages = self.of(View(game.context.listener_order, said, game.closing, game.selections[-1], game.game_id))
        return messages if game.closing else messages[:-1]

    def last_of(self, view: View) -> Message:
        """Returns the last of these messages alone, for a game that has begun."""
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
                yield text_part(f"{letter}\n")  # chat templates put the parts together without a space in between
        else:
            for letter, words in zip(letters, in_words(self._atlas.tangrams, tangrams), strict=True):
                yield text_part(f"{letter}: {words}\n")
        yield text_part(rules(len(tangrams)))

    def _picture(self, pixels: np.ndarray) -> Part:
        """Returns a picture, uint8 (height, width) or (height, width, 3), as a part."""
        return self._part(Image.fromarray(pixels).convert("RGB"))

    def _message(self, role: str, parts: list[Part]) -> Message:
        return {"role": role, "content": joined(parts) if self._shown == "words" else parts}
