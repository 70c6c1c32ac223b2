"""A speaker that is a language model on this machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any, Self

import numpy as np

from multiref_gym.agents.language_model import LanguageModel, shared_language_model
from multiref_gym.agents.speakers.prompted import PromptedSpeaker
from multiref_gym.messages import Part, joined

MOST_TOKENS = 128
"""The most tokens in an utterance."""


class LocalModel:
    """A model of the Hugging Face hub or a folder, loaded at its first use, once in each process.

    It writes one utterance after the other, so that its words in a game do not depend on other games, to the last bit.

    Args:
        name: The folder, or the id on the hub.
    """

    sees = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.tally: Counter[str] = Counter()
        self._usage: Counter[str] = Counter()

    @cached_property
    def _model(self) -> LanguageModel:
        return shared_language_model(self.name)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return LocalModel, (self.name,)

    @property
    def usage(self) -> dict[str, Any]:
        """The number of requests, and of tokens read and written."""
        return {name: self._usage[name] for name in ("requests", "input_tokens", "output_tokens")}

    def write(self, prompts: Sequence[Sequence[Part]], seeds: Sequence[int]) -> list[tuple[str, str]]:
        """Answers prompts; see `SpeakingModel`.

        Raises:
            UserError: If the model cannot be loaded, or a prompt is longer than it can read.
        """
        answers = []
        for parts, seed in zip(prompts, seeds, strict=True):
            text, read, written = self._model.write(joined(parts), np.random.default_rng(seed), MOST_TOKENS)
            self._usage.update(requests=1, input_tokens=read, output_tokens=written)
            answers.append((text, ""))
        return answers


class LocalSpeaker(PromptedSpeaker):
    """A speaker whose words come from a language model on this machine, which reads the tangrams in words."""

    @classmethod
    def load(cls, model: str) -> Callable[..., Self]:
        """Returns a callable that makes speakers which share a model of the Hugging Face hub or a folder."""
        return partial(cls, model=LocalModel(model))
