"""What the policy reads: which tangrams there are, words as ids, what is selected and what was clicked last."""

from __future__ import annotations

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
"""Words of an utterance that are read; 99 in 100 plain utterances have no more."""
LOOKED_AT_ONCE = 64


class Sight:
    """What the small listener's vision makes of a set of tangrams.

    Args:
        tangrams: The set.

    Attributes:
        tangrams: The set.
        vision: The vision, which stays as it is.
        features: Of all tangrams in the order of the set, float32 (tangrams, width).
    """

    def __init__(self, tangrams: TangramSet) -> None:
        model = SmallListener.load(tangrams).model
        self.tangrams = tangrams
        self.vision: Vision = model.vision
        silhouettes = torch.from_numpy(shared_atlas(tangrams, model.config.image_size).silhouettes(tangrams.ids))
        with torch.inference_mode():
            features = torch.cat([self.vision(batch) for batch in silhouettes.split(LOOKED_AT_ONCE)])
        self.features: NDArray[np.float32] = features.numpy()


def readable(games: Games, vocabulary: Vocabulary) -> Games:
    """Wraps games of MultiRef-v0, whatever their reward, so that the policy can read them and click."""
    encoded = EncodeUtterance(games, LENGTH, vocabulary)
    numbers = np.arange(len(encoded.unwrapped.tangrams))  # the policy knows what the tangrams look like
    return DiscreteClick(LastClick(TangramObservation(encoded, numbers)))
