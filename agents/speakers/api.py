"""A speaker that is a model behind an OpenAI-compatible endpoint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, Self

from multiref_gym.agents.completions import said
from multiref_gym.agents.openai_api import ChatClient, model_of_environment
from multiref_gym.agents.speakers.prompted import PromptedSpeaker
from multiref_gym.messages import Part, joined


class ApiModel:
    """A model at the endpoint of the environment, which is asked for many utterances at once.

    Sent to another process, it is asked from there, with the endpoint and the key of the environment there.

    Args:
        model: What the endpoint calls it.
        sees: Whether tangrams are shown to it in pictures.

    Raises:
        UserError: As `ChatClient` does.
    """

    def __init__(self, model: str, sees: bool = False) -> None:
        self._client, self.sees = ChatClient(model), sees
        self.name = f"{model} at {self._client.endpoint}"
        self.tally: Counter[str] = Counter()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return ApiModel, (self._client.model, self.sees)

    @property
    def usage(self) -> dict[str, Any]:
        """The fields of `multiref_gym.agents.openai_api.Usage`."""
        return asdict(self._client.usage)

    def write(self, prompts: Sequence[Sequence[Part]], seeds: Sequence[int]) -> list[tuple[str, str]]:
        """Answers prompts; see `SpeakingModel`. Endpoints that know `seed` draw all chance from it.

        Raises:
            UserError: If the endpoint refuses or cannot be had; see `ChatClient.complete`.
        """
        asked = zip(map(self._content, prompts), seeds, strict=True)
        requests = [{"messages": [{"role": "user", "content": content}], "seed": seed} for content, seed in asked]
        return [said(choice) for choice in self._client.complete(requests)]

    def _content(self, parts: Sequence[Part]) -> str | list[Part]:
        # Servers of models that do not see may take nothing but a text.
        return list(parts) if self.sees else joined(parts)


class ApiSpeaker(PromptedSpeaker):
    """Speaks as a model behind an endpoint does, to which the tangrams are shown in words."""

    @classmethod
    def load(cls, model: str | None = None) -> Callable[..., Self]:
        """Returns what makes speakers that share a model of the endpoint; if None, `OPENAI_MODEL` names it.

        Raises:
            UserError: If no model is named, or the endpoint or the key is none.
        """
        return partial(cls, model=ApiModel(model or model_of_environment("api:MODEL")))


class SeeingSpeaker(ApiSpeaker):
    """Speaks as a model behind an endpoint does, to which the tangrams are shown in pictures."""

    @classmethod
    def load(cls, model: str | None = None) -> Callable[..., Self]:
        """Returns what makes speakers that share a model; see `ApiSpeaker.load`."""
        return partial(cls, model=ApiModel(model or model_of_environment("api-pictures:MODEL"), sees=True))
