"""Code shared by the vector wrappers: finding the environment below them, and changing observations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from multiref_gym.vector_env import MultiRefVectorEnv

Envs = VectorEnv[Any, Any, NDArray[Any]]
Wrapper = VectorWrapper[Any, Any, Any, Any, NDArray[Any]]
Seeds = int | Sequence[int | None] | None
Step = tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]


def native(wrapper: Wrapper) -> MultiRefVectorEnv:
    """Returns the environment inside all wrappers.

    Raises:
        ValueError: If it is not the native vector environment of MultiRef-v0.
    """
    env = wrapper.unwrapped
    if not isinstance(env, MultiRefVectorEnv):
        raise ValueError(
            f"vector.{type(wrapper).__name__} wraps gymnasium.make_vec('MultiRef-v0', n), not {env}; in a sync or "
            "async vector environment, wrap each environment in the wrapper of multiref_gym.wrappers"
        )
    return env


def observed(wrapper: Wrapper, key: str, space: type[spaces.Space[Any]]) -> dict[str, spaces.Space[Any]]:
    """Returns the spaces, by key, of one game's observation below a wrapper.

    Raises:
        ValueError: If the observation space is not a `Dict`, or its space for `key` is not a `space`.
    """
    single = wrapper.env.single_observation_space
    if not isinstance(single, spaces.Dict) or not isinstance(single.get(key), space):
        reads = f"vector.{type(wrapper).__name__} reads {key!r} of observations, a {space.__name__}"
        raise ValueError(f"{reads}; {wrapper.env} has {single}")
    return dict(single.spaces)


class ObservationWrapper(Wrapper, ABC):
    """Changes observations, including those in `infos["final_obs"]`."""

    def __init__(self, env: Envs) -> None:
        super().__init__(env)
        self._native = native(self)

    def _show(self, spaces_of_one: dict[str, spaces.Space[Any]]) -> None:
        """Sets the spaces of one game's observation."""
        self.single_observation_space = spaces.Dict(spaces_of_one)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)

    @abstractmethod
    def _seen(self, observations: Any, clicks: NDArray[np.int8], tangrams: NDArray[np.int32]) -> dict[str, Any]:
        """Returns the changed observations of all games, or of one.

        Args:
            observations: The observations of the environment below.
            clicks: int8 (num_envs, context_size), or (context_size,) of one game: the last action's clicks.
            tangrams: int32 of the same shape: the places of the tangrams in the whole set.
        """

    def reset(self, *, seed: Seeds = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts all games, or those of a `reset_mask`, as the environment does."""
        observations, infos = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]  # a list too
        games = self._native.games
        # `infos` has the clicks of the games that have just begun only.
        clicks = (games.clicks[:, None] >> np.arange(games.tangrams.shape[1]) & 1).astype(np.int8)
        return self._seen(observations, clicks, games.tangrams), infos

    def step(self, actions: Any) -> Step:
        """Takes the steps."""
        before = self._native.games.tangrams.copy()
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        if "final_obs" in infos:
            final, clicks = np.full(self.num_envs, None, object), infos["final_info"]["clicks"]
            for i in np.flatnonzero(infos["_final_obs"]).tolist():
                final[i] = self._seen(infos["final_obs"][i], clicks[i], before[i])
            infos = infos | {"final_obs": final}
        seen = self._seen(observations, infos["clicks"], self._native.games.tangrams)
        return seen, rewards, terminated, truncated, infos
