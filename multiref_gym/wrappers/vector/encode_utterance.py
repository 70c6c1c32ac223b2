"""Utterances as word ids, for learners that do not read text."""

from __future__ import annotations

from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from multiref_gym.errors import is_int, require
from multiref_gym.utterance import MOST_BYTES
from multiref_gym.vocabulary import Vocabulary, encode
from multiref_gym.wrappers.vector.base import Envs, ObservationWrapper, observed

REMEMBERED = 10_000


class EncodeUtterance(ObservationWrapper):
    """Turns utterances into word ids, int32 (num_envs, length), by `vocabulary.encode`.

    For bytes this wrapper is not needed: `gymnasium.make_vec(..., utterance_bytes=128)` returns them.

    Args:
        env: The native vector environment of MultiRef-v0, wrapped or not, with texts in its observations.
        length: The number of ids; longer utterances lose their end.
        vocabulary: The words that have an id, or a file that `Vocabulary.save` wrote.

    Raises:
        UserError: If the length is not an int from 1 to 2,048, or the file holds no vocabulary.
        ValueError: If the environment is another one, or its observations have no texts.

    Example:
        >>> import gymnasium as gym
        >>> import multiref_gym
        >>> from multiref_gym.vocabulary import Vocabulary
        >>> from multiref_gym.wrappers.vector import EncodeUtterance
        >>> envs = gym.make_vec("MultiRef-v0", 100, image=None)
        >>> heard = envs.reset(seed=1)[0]["utterance"]
        >>> envs = EncodeUtterance(envs, 24, Vocabulary.of(heard, size=100))
        >>> envs.single_observation_space["utterance"]
        Box(0, 99, (24,), int32)
        >>> envs.reset(seed=1)[0]["utterance"].shape
        (100, 24)
    """

    def __init__(self, env: Envs, length: int, vocabulary: Vocabulary | Path | str) -> None:
        super().__init__(env)
        seen = observed(self, "utterance", spaces.Text)
        require("length", length, f"an int from 1 to {MOST_BYTES}", is_int(length, 1, MOST_BYTES))
        self.vocabulary = vocabulary if isinstance(vocabulary, Vocabulary) else Vocabulary.load(vocabulary)
        self._encoded = lru_cache(REMEMBERED)(partial(encode, length=length, vocabulary=self.vocabulary))
        self._show(seen | {"utterance": spaces.Box(0, len(self.vocabulary) - 1, (length,), np.int32)})

    def _seen(self, observations: Any, clicks: NDArray[np.int8], tangrams: NDArray[np.int32]) -> dict[str, Any]:
        said = observations["utterance"]
        encoded = self._encoded(said).copy() if isinstance(said, str) else np.stack([*map(self._encoded, said)])
        return observations | {"utterance": encoded}  # type: ignore[no-any-return]
