"""The games that are learned from: a speaker in plain words, and a reward of one's choice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import gymnasium as gym
import numpy as np

import multiref_gym  # noqa: F401 (registers MultiRef-v0)
from multiref_gym.registry import new_decoder
from multiref_gym.simulators.scripted import literal_speaker
from multiref_gym.vocabulary import Vocabulary
from multiref_gym.wrappers import ImplicitReward

Reward = Literal["true", "implicit", "progress"]
WORDS = 1000
"""Ids of the vocabulary at most; some 500 are in use."""
HEARD_GAMES = 400
"""Games that the vocabulary is from."""

MakeGame = Callable[[], gym.Env[Any, Any]]
"""Makes MultiRef-v0 with its reward; texts and clicks are as they come."""


def literal_game(reward: str = "success") -> gym.Env[Any, Any]:
    """Returns a game with a speaker in plain words, without pictures; the reward is one of the environment's own."""
    # Gymnasium's checker would double the time of a step.
    return gym.make("MultiRef-v0", image=None, speaker=literal_speaker, reward=reward, disable_env_checker=True)


def rewarded_game(reward: Reward, decoder: str, ternary: bool = False) -> gym.Env[Any, Any]:
    """Returns a literal game that rewards as is asked for: success, decoded feedback on each action, or progress.

    Raises:
        UserError: If feedback is wanted and there is no such decoder.
    """
    if reward == "implicit":
        return ImplicitReward(literal_game(), new_decoder(decoder, ternary))
    return literal_game("progress" if reward == "progress" else "success")


def heard_vocabulary() -> Vocabulary:
    """Returns the words that a listener hears which clicks at random."""
    return Vocabulary.of(_heard(np.random.default_rng(0)), WORDS)


def _heard(rng: np.random.Generator) -> Iterator[str]:
    env = literal_game()
    [size] = env.action_space.shape or ()
    for seed in range(HEARD_GAMES):
        observation, _ = env.reset(seed=seed)
        over = False
        while not over:
            yield observation["utterance"]
            observation, _, over, *_ = env.step(np.eye(size, dtype=np.int8)[rng.integers(size)])
