"""Gymnasium's vector environments in the form of Stable-Baselines3."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn


class GymnasiumVecEnv(VecEnv):
    """Makes a Gymnasium vector environment usable for Stable-Baselines3, which only takes its own kind.

    Args:
        envs: Environments with dictionaries of observations, whose `autoreset_mode` is "SameStep", like SB3's.

    Raises:
        ValueError: If the mode is another one.
    """

    def __init__(self, envs: VectorEnv[Any, Any, NDArray[Any]]) -> None:
        if (mode := envs.metadata.get("autoreset_mode")) is not AutoresetMode.SAME_STEP:
            raise ValueError(f"autoreset_mode={mode}: Stable-Baselines3 has {AutoresetMode.SAME_STEP} only")
        self.envs = envs
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> dict[str, NDArray[Any]]:
        """Begins all episodes, with the seeds that `seed` set."""
        observations, _ = self.envs.reset(seed=self._seeds)  # type: ignore[arg-type]  # Gymnasium takes a list too
        self._reset_seeds()
        return observations  # type: ignore[no-any-return]

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keeps the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Takes the step. The info of an episode that ended has its last observation, and whether it was cut short."""
        observations, rewards, terminated, truncated, infos = self.envs.step(self._actions)
        ended = terminated | truncated
        ended_infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for i in np.flatnonzero(ended).tolist():
            cut_short = bool(truncated[i] and not terminated[i])
            ended_infos[i] = {"terminal_observation": infos["final_obs"][i], "TimeLimit.truncated": cut_short}
        return observations, rewards.astype(np.float32), ended, ended_infos

    def close(self) -> None:
        """Closes the environments."""
        self.envs.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Returns an attribute, which is the same for all environments."""
        return [getattr(self.envs, attr_name)] * len(self._chosen(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Sets an attribute, which is the same for all environments."""
        setattr(self.envs, attr_name, value)

    def env_method(self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any) -> list[Any]:
        """Raises NotImplementedError: the environments are not separate objects."""
        raise NotImplementedError(f"no environment by itself has {method_name}()")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Returns False: the environments are not separate objects."""
        return [False] * len(self._chosen(indices))

    def _chosen(self, indices: Any) -> Sequence[int]:
        return list(self._get_indices(indices))
