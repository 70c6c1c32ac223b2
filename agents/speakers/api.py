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
    """A model at the environment's endpoint, which is called for many utterances at once.

    In another process, it uses the endpoint and the key of that process's environment.

    Args:
        model: The endpoint's name of the model.
        sees: Whether the model gets pictures of the tangrams.

    Raises:
        UserError: As in `ChatClient`.
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
        """Answers prompts; see `SpeakingModel`. Endpoints that support `seed` draw all randomness from it.

        Raises:
            UserError: If the endpoint refuses or cannot be reached; see `ChatClient.complete`.
        """
        contents = map(self._content, prompts)
        requests = [
            {"messages": [{"role": "user", "content": content}], "seed": seed}
            for content, seed in zip(contents, seeds, strict=True)
        ]
        return [said(choice) for choice in self._client.complete(requests)]

    def _content(self, parts: Sequence[Part]) -> str | list[Part]:
        # Some servers of models without vision accept only a text.
        return list(parts) if self.sees else joined(parts)


class ApiSpeaker(PromptedSpeaker):
    """A speaker whose words come from a model behind an endpoint, which reads the tangrams in words."""

    @classmethod
    def load(cls, model: str | None = None) -> Callable[..., Self]:
        """Returns a callable that makes speakers which share a model; if None, `OPENAI_MODEL` names it.

        Raises:
            UserError: If no model is named, or the endpoint or the key is invalid.
        """
        return partial(cls, model=ApiModel(model or model_of_environment("api:MODEL")))


class SeeingSpeaker(ApiSpeaker):
    """A speaker whose words come from a model behind an endpoint, which sees pictures of the tangrams."""

    @classmethod
    def load(cls, model: str | None = None) -> Callable[..., Self]:
        """Returns a callable that makes speakers which share a model; see `ApiSpeaker.load`."""
        return partial(cls, model=ApiModel(model or model_of_environment("api-pictures:MODEL"), sees=True))
