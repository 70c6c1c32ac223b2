"""A listener that is a language model behind an OpenAI-compatible endpoint. It does not learn.

The model gets the tangrams with their letters, in pictures or in words, then the dialogue as chat messages: the
selections, the speaker's utterances, and its own actions. It answers in text, so the probabilities of its actions are
unknown. A text that is not an action, was cut off or withheld by a content filter, a refusal, a tool call, or a
forbidden action clicks nothing, and is counted. In the next turn the model reads its text and the reason why it was not
an action.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Self

import numpy as np

from multiref_gym.agents.completions import said
from multiref_gym.agents.openai_api import ChatClient
from multiref_gym.answers import read_answer
from multiref_gym.game import InvalidAction, check_action
from multiref_gym.listener import Decision, View
from multiref_gym.messages import Messages, Shown
from multiref_gym.tangrams import Atlas, TangramSet

SIZE = 128
"""The side of a tangram's picture, in pixels."""


class ApiListener:
    """Asks a model for each action, many at once.

    Args:
        tangrams: The set of the views' tangrams.
        client: Calls the model.
        shown: "board", one picture of the listener's board; "tangrams", a picture each, which takes more tokens; or
            "words".
        options: Further fields of every request, such as `{"temperature": 0}`.
        prices: The prices of a million input tokens and a million output tokens, in any currency, to report the cost.

    Raises:
        UserError: If `shown` is none of these.
    """

    block = None

    def __init__(
        self,
        tangrams: TangramSet,
        client: ChatClient,
        *,
        shown: Shown = "board",
        options: Mapping[str, Any] | None = None,
        prices: tuple[float, float] | None = None,
    ) -> None:
        self._client, self._messages = client, Messages(Atlas(tangrams, SIZE), shown)
        self._options, self._prices = options or {}, prices
        self._unparsed: list[str] = []
        self._illegal = 0

    @classmethod
    def load(
        cls,
        tangrams: TangramSet,
        model: str,
        endpoint: str | None = None,
        shown: Shown = "board",
        prices: tuple[float, float] | None = None,
    ) -> Self:
        """Makes the listener of a model, with the key of the environment; see `ChatClient`.

        Raises:
            UserError: If the endpoint is no address, or the key is none.
        """
        return cls(tangrams, ChatClient(model, endpoint), shown=shown, prices=prices)

    @property
    def usage(self) -> dict[str, Any]:
        """The listener's requests and costs so far, and its failed answers, as JSON can hold them.

        It has the fields of `multiref_gym.agents.openai_api.Usage`; `cost`, None without prices; `unparsed` and
        `illegal`, the numbers of answers that clicked nothing for this reason; and the beginning of the first answer
        that did not parse, or None.
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
        """Asks for an action for each view. Endpoints that support `seed` draw all randomness from its generator.

        Raises:
            UserError: If the endpoint refuses or cannot be reached; see `ChatClient.complete`.
        """
        seeds = [int(rng.integers(2**31)) for rng in rngs]
        choices = self._client.complete(
            [
                {"messages": self._messages.of(view), "seed": seed, **self._options}
                for view, seed in zip(views, seeds, strict=True)
            ]
        )
        return [self._decision(view, choice) for view, choice in zip(views, choices, strict=True)]

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
