"""Games in a vector environment, and what they say compared."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils.env_checker import data_equivalence

from multiref_gym.game import Action
from multiref_gym.vector_env import MultiRefVectorEnv


def make(num_envs: int = 3, **options: Any) -> MultiRefVectorEnv:
    envs = gym.make_vec("MultiRef-v0", num_envs, **{"image": None, **options})
    assert isinstance(envs, MultiRefVectorEnv)
    return envs


def random_clicks(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (rng.random(shape) < 0.15).astype(np.int8)


def clicks_of(done: list[str] | None, size: int = 10) -> list[int]:
    """Returns what was clicked last by the infos of a single environment, as a vector environment has it."""
    action = Action.parse(done[-1], size) if done and done[-1] else Action()
    return [int(bit) for bit in action.bits(size)]


def assert_same_infos(infos: dict[str, Any], expected: dict[str, Any]) -> None:
    """Compares infos with those of Gymnasium's vector environments, which have all that was done so far as texts."""
    assert infos.keys() == expected.keys()
    for key, value in expected.items():
        if isinstance(value, dict):
            assert_same_infos(infos[key], value)
        elif key == "final_obs":
            assert data_equivalence([*infos[key]], [*value], exact=True)
        elif key == "clicks" and value.dtype == object:
            assert infos[key].dtype == np.int8
            assert infos[key].tolist() == [clicks_of(done, infos[key].shape[1]) for done in value]
        else:
            assert infos[key].dtype == value.dtype
            assert infos[key].tolist() == value.tolist(), key
