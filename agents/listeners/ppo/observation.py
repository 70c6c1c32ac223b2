"""The policy's observations: the tangrams, words as ids, the selection and the last clicks."""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from multiref_gym.agents.listeners.ppo.games import Games
from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.agents.listeners.small.model import Vision
from multiref_gym.tangrams import TangramSet, shared_atlas
from multiref_gym.vocabulary import Vocabulary
from multiref_gym.wrappers.vector import DiscreteClick, EncodeUtterance, LastClick, TangramObservation

LENGTH = 24
"""The number of words of an utterance that are read; 99 in 100 plain utterances have no more."""
LOOKED_AT_ONCE = 64


class SilhouetteEncoder:
    """Embeds silhouettes by the small listener's vision.

    Args:
        tangrams: The set that the small listener is loaded for.

    Attributes:
        tangrams: The same set.
        vision: The vision, which never changes.
        size: Height and width of a silhouette in pixels.
    """

    def __init__(self, tangrams: TangramSet) -> None:
        model = SmallListener.load(tangrams).model
        self.tangrams = tangrams
        self.vision: Vision = model.vision
        self.size: int = model.config.image_size

    def __call__(self, silhouettes: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Maps silhouettes, uint8 (n, size, size), to features, float32 (n, width)."""
        batches = torch.from_numpy(silhouettes).split(LOOKED_AT_ONCE)
        with torch.inference_mode():
            features = torch.cat([self.vision(batch) for batch in batches])
        return features.numpy()

    @cached_property
    def features(self) -> NDArray[np.float32]:
        """The features of all tangrams of the set, in its order, float32 (tangrams, width)."""
        return self(shared_atlas(self.tangrams, self.size).silhouettes(self.tangrams.ids))


@lru_cache(maxsize=8)
def shared_encoder(tangrams: TangramSet) -> SilhouetteEncoder:
    """Returns the encoder of a set, shared by all policies in this process, so that each tangram is encoded once."""
    return SilhouetteEncoder(tangrams)


def readable(games: Games, vocabulary: Vocabulary) -> Games:
    """Wraps games of MultiRef-v0, with any reward, so that the policy can read them and click."""
    return DiscreteClick(LastClick(TangramObservation(EncodeUtterance(games, LENGTH, vocabulary))))
