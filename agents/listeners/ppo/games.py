"""The games for learning: a speaker in plain words, and a choice of rewards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

import multiref_gym  # noqa: F401 (registers MultiRef-v0)
from multiref_gym.game import MAX_TURNS
from multiref_gym.registry import new_decoder
from multiref_gym.simulators.scripted import literal_speaker
from multiref_gym.tangrams.tangram_set import SplitName
from multiref_gym.vocabulary import Vocabulary
from multiref_gym.wrappers.vector import ImplicitReward

Reward = Literal["true", "implicit", "progress"]
WORDS = 1000
"""The most ids in the vocabulary; about 500 are in use."""
HEARD_GAMES = 400
"""The number of games whose words make the vocabulary."""

Games = VectorEnv[Any, Any, NDArray[Any]]
MakeGames = Callable[[int], Games]
"""Makes this many games of MultiRef-v0 with their reward; texts and clicks are unchanged."""


def literal_games(number: int, reward: str = "success", split: SplitName = "train") -> Games:
    """Returns games with a speaker in plain words, without pictures, and one of the environment's own rewards."""
    options: dict[str, Any] = {"image": None, "speaker": literal_speaker, "reward": reward, "split": split}
    return gym.make_vec("MultiRef-v0", number, autoreset_mode="SameStep", **options)


def rewarded_games(number: int, reward: Reward, decoder: str, ternary: bool = False) -> Games:
    """Returns literal games with a chosen reward: success, decoded feedback on each action, or progress.

    Raises:
        UserError: If feedback is wanted and there is no such decoder.
    """
    if reward == "implicit":
        return ImplicitReward(literal_games(number), new_decoder(decoder, ternary))
    return literal_games(number, "progress" if reward == "progress" else "success")


def heard_vocabulary() -> Vocabulary:
    """Returns the words that a random listener hears."""
    return Vocabulary.of(_heard(np.random.default_rng(0)), WORDS)


def _heard(rng: np.random.Generator) -> Iterator[str]:
    games = literal_games(HEARD_GAMES)
    [size] = games.single_action_space.shape or ()
    observations, _ = games.reset(seed=0)
    for _ in range(MAX_TURNS):
        yield from observations["utterance"]
        observations, *_ = games.step(np.eye(size, dtype=np.int8)[rng.integers(size, size=HEARD_GAMES)])
