"""What the policy reads: each tangram's features, words as ids, what is selected and what was clicked last."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.agents.listeners.small.model import Vision
from multiref_gym.game import Action
from multiref_gym.tangrams import TangramSet
from multiref_gym.vocabulary import Vocabulary
from multiref_gym.wrappers import DiscreteClick, EncodeUtterance, TangramObservation
from multiref_gym.wrappers.base import context_size, multiref

LENGTH = 24
"""Words of an utterance that are read; 99 in 100 plain utterances have no more."""


class Sight:
    """Embeds silhouettes by the small listener's vision, each once for all that share this.

    Args:
        tangrams: What the small listener is loaded for.

    Attributes:
        vision: The vision, which stays as it is.
        size: Height and width of a silhouette in pixels.
        width: Width of the features.
    """

    def __init__(self, tangrams: TangramSet) -> None:
        model = SmallListener.load(tangrams).model
        self.vision: Vision = model.vision
        self.size: int = model.config.image_size
        self.width: int = model.config.vision_width
        self._seen: dict[bytes, NDArray[np.float32]] = {}

    def __call__(self, silhouettes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Maps silhouettes, uint8 (n, size, size), to features, float32 (n, width)."""
        return np.stack([self._features(silhouette) for silhouette in silhouettes])

    def _features(self, silhouette: NDArray[np.uint8]) -> NDArray[np.float32]:
        pixels = silhouette.tobytes()
        if pixels not in self._seen:
            with torch.inference_mode():
                self._seen[pixels] = self.vision(torch.from_numpy(silhouette)[None])[0].numpy()
        return self._seen[pixels]


class LastClick(gym.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Adds `clicked` to the observation, what was clicked in the last turn: "undo that" is about it.

    Args:
        env: MultiRef-v0, wrapped or not, with a `Dict` of observations.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        assert isinstance(env.observation_space, spaces.Dict)
        self._size = context_size(multiref(self))
        clicked = spaces.MultiBinary(self._size)
        self.observation_space = spaces.Dict({**env.observation_space.spaces, "clicked": clicked})

    def observation(self, observation: dict[str, Any]) -> dict[str, Any]:
        """Returns the observation with `clicked`, int8 (context_size,)."""
        dialogue = multiref(self).dialogue
        last = dialogue[-1][1] if dialogue else Action()
        return observation | {"clicked": last.bits(self._size)}


def readable(env: gym.Env[Any, Any], sight: Sight, vocabulary: Vocabulary) -> gym.Env[Any, Any]:
    """Wraps MultiRef-v0, whatever its reward, so that the policy can read it and click."""
    env = TangramObservation(env, sight.size, sight)
    return DiscreteClick(LastClick(EncodeUtterance(env, LENGTH, vocabulary)))
