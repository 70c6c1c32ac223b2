"""The games that are learned from: a speaker in plain words, and a reward of one's choice."""

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
"""Ids of the vocabulary at most; some 500 are in use."""
HEARD_GAMES = 400
"""Games that the vocabulary is from."""

Games = VectorEnv[Any, Any, NDArray[Any]]
MakeGames = Callable[[int], Games]
"""Makes so many games of MultiRef-v0 with their reward; texts and clicks are as they come."""


def literal_games(number: int, reward: str = "success", split: SplitName = "train") -> Games:
    """Returns games with a speaker in plain words, without pictures; the reward is one of the environment's own."""
    options: dict[str, Any] = {"image": None, "speaker": literal_speaker, "reward": reward, "split": split}
    return gym.make_vec("MultiRef-v0", number, autoreset_mode="SameStep", **options)


def rewarded_games(number: int, reward: Reward, decoder: str, ternary: bool = False) -> Games:
    """Returns literal games that reward as is asked for: success, decoded feedback on each action, or progress.

    Raises:
        UserError: If feedback is wanted and there is no such decoder.
    """
    if reward == "implicit":
        return ImplicitReward(literal_games(number), new_decoder(decoder, ternary))
    return literal_games(number, "progress" if reward == "progress" else "success")


def heard_vocabulary() -> Vocabulary:
    """Returns the words that a listener hears which clicks at random."""
    return Vocabulary.of(_heard(np.random.default_rng(0)), WORDS)


def _heard(rng: np.random.Generator) -> Iterator[str]:
    games = literal_games(HEARD_GAMES)
    [size] = games.single_action_space.shape or ()
    observations, _ = games.reset(seed=0)
    for _ in range(MAX_TURNS):
        yield from observations["utterance"]
        observations, *_ = games.step(np.eye(size, dtype=np.int8)[rng.integers(size, size=HEARD_GAMES)])
