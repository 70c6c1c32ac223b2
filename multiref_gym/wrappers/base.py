"""Code shared by the wrappers: finding the environment below them."""

from __future__ import annotations

from typing import Any, SupportsFloat

import gymnasium as gym
from gymnasium import spaces

from multiref_gym.env import MultiRefEnv

Step = tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]


def multiref(wrapper: gym.Wrapper[Any, Any, Any, Any]) -> MultiRefEnv:
    """Returns the environment inside all wrappers.

    Raises:
        ValueError: If it is not MultiRef-v0.
    """
    env = wrapper.unwrapped
    if not isinstance(env, MultiRefEnv):
        raise ValueError(f"{wrapper.class_name()} wraps MultiRef-v0, not {env}")
    return env


def takes_clicks(wrapper: gym.Wrapper[Any, Any, Any, Any]) -> MultiRefEnv:
    """Returns the environment below a wrapper that sends it clicks.

    Raises:
        ValueError: If it is not MultiRef-v0, or a wrapper in between takes other actions.
    """
    game, env = multiref(wrapper), wrapper.env
    if env.action_space != game.action_space:
        raise ValueError(f"{wrapper.class_name()} makes {game.action_space}, but {env} takes {env.action_space}")
    return game


def context_size(env: MultiRefEnv) -> int:
    """Returns the number of tangrams in each of its games."""
    assert isinstance(env.action_space, spaces.MultiBinary)
    [size] = env.action_space.shape
    return size
