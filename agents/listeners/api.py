"""A listener that is a vision-language model behind an OpenAI-compatible endpoint. It does not learn.

The model is shown the tangrams with their letters, then the dialogue as chat messages: what was selected and what the
speaker said, and its own actions. It answers in text, and nobody knows how likely its actions are. A text that is no
action, was cut off or kept back by a content filter, a refusal, a call of a tool, or an action that the rules forbid
clicks nothing, and is counted; in the next turn the model reads what it wrote and why that was no action.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal, Self, get_args

import numpy as np
from PIL import Image

from multiref_gym.agents.completions import said
from multiref_gym.agents.evaluation.pictures import data_uri, png
from multiref_gym.agents.openai_api import ChatClient
from multiref_gym.answers import read_answer
from multiref_gym.chat import chat_turns, rules
from multiref_gym.errors import UserError
from multiref_gym.game import LETTERS, InvalidAction, check_action
from multiref_gym.listener import Decision, View
from multiref_gym.tangrams import Atlas, TangramSet

Images = Literal["board", "tangrams"]

SIZE = 128
"""The side of a tangram in pixels."""


class ApiListener:
    """Asks a model for each action, many at once.

    Args:
        tangrams: Where the views' tangrams come from.
        client: Asks the model.
        images: One picture of the listener's board, or one a tangram, which take more tokens.
        options: Further fields of every request, such as `{"temperature": 0}`.
        prices: Of a million tokens of requests and of answers, in any currency, for `usage` to tell the cost.

    Raises:
        UserError: If `images` is neither.
    """

    block = None

    def __init__(
        self,
        tangrams: TangramSet,
        client: ChatClient,
        *,
        images: Images = "board",
        options: Mapping[str, Any] | None = None,
        prices: tuple[float, float] | None = None,
    ) -> None:
        if images not in get_args(Images):
            raise UserError(f"images = {images!r}: choose from {', '.join(get_args(Images))}")
        self._client, self._atlas, self._images = client, Atlas(tangrams, SIZE), images
        self._options, self._prices = options or {}, prices
        self._unparsed: list[str] = []
        self._illegal = 0

    @classmethod
    def load(
        cls, tangrams: TangramSet, model: str, endpoint: str | None = None, prices: tuple[float, float] | None = None
    ) -> Self:
        """Makes the listener of a model, with the key of the environment; see `ChatClient`.

        Raises:
            UserError: If the endpoint is no address, or the key is none.
        """
        return cls(tangrams, ChatClient(model, endpoint), prices=prices)

    @property
    def usage(self) -> dict[str, Any]:
        """What the listener has asked and cost so far, and what it could not make an action of, for JSON.

        The fields of `multiref_gym.agents.openai_api.Usage`; `cost`, None without prices; `unparsed` and `illegal`, the
        answers in place of which nothing was clicked; and the beginning of the first that did not parse, None
        if all did.
        """
        usage = self._client.usage
        return {
            **asdict(usage),
            "cost": None if self._prices is None else usage.cost(*self._prices),
            "unparsed": len(self._unparsed),
            "illegal": self._illegal,
            "first_unparsed": self._unparsed[0][:200] if self._unparsed else None,
        }

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        """Asks for an action for each view. Endpoints that know `seed` draw all chance from its generator.

        Raises:
            UserError: If the endpoint refuses or cannot be had; see `ChatClient.complete`.
        """
        seeds = [int(rng.integers(2**31)) for rng in rngs]
        choices = self._client.complete(
            [
                {"messages": self._messages(view), "seed": seed, **self._options}
                for view, seed in zip(views, seeds, strict=True)
            ]
        )
        return [self._decision(view, choice) for view, choice in zip(views, choices, strict=True)]

    def _messages(self, view: View) -> list[dict[str, Any]]:
        turns = chat_turns(view.dialogue, view.utterance, view.selected, view.misread)
        messages: list[dict[str, Any]] = [{"role": "user", "content": [_text(turns[0])]}]
        for action, heard in zip(turns[1::2], turns[2::2], strict=True):
            messages.append({"role": "assistant", "content": action})
            messages.append({"role": "user", "content": [_text(heard)]})
        # The pictures are first and the same in all turns of a game, which endpoints may have read before.
        messages[0]["content"][:0] = [*self._pictures(view.tangrams), _text(rules(len(view.tangrams)))]
        return messages

    def _pictures(self, tangrams: Sequence[str]) -> list[dict[str, Any]]:
        if self._images == "board":
            return [_image(self._atlas.listener_board(tangrams))]
        silhouettes = zip(self._atlas.silhouettes(tangrams), LETTERS, strict=False)
        return [part for silhouette, letter in silhouettes for part in (_image(silhouette), _text(letter))]

    def _decision(self, view: View, choice: Mapping[str, Any]) -> Decision:
        text, flaw = said(choice)
        size = len(view.tangrams)
        try:
            if flaw:
                raise InvalidAction(flaw)
            action = read_answer(text, size)
        except InvalidAction as error:
            self._unparsed.append(f"{flaw}: {text}" if flaw else text)
            return Decision(None, None, text, str(error))
        try:
            check_action(action, view.selected, size)
        except InvalidAction as error:
            self._illegal += 1
            return Decision(None, None, text, str(error))
        return Decision(action, None, text)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _image(pixels: np.ndarray) -> dict[str, Any]:
    """Returns a picture, uint8 (height, width) or (height, width, 3), as a part of a message."""
    return {"type": "image_url", "image_url": {"url": data_uri(png(Image.fromarray(pixels)))}}
