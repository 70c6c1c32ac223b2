"""Actions as one number for each game, for learners that need discrete actions."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorActionWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from multiref_gym.wrappers.vector.base import Envs, native


class DiscreteClick(VectorActionWrapper[Any, Any, Any, NDArray[Any]]):
    """Takes one number for each game: the tangram to click this turn, or the number after the last for no click.

    Args:
        env: The native vector environment of MultiRef-v0, wrapped or not, with clicks as its actions.

    Raises:
        ValueError: If the environment is another one, or takes other actions.

    Example:
        >>> import gymnasium as gym
        >>> import numpy as np
        >>> import multiref_gym
        >>> from multiref_gym.wrappers.vector import DiscreteClick
        >>> envs = DiscreteClick(gym.make_vec("MultiRef-v0", 3, image=None))
        >>> envs.single_action_space
        Discrete(11)
        >>> _ = envs.reset(seed=1)
        >>> observations, *_ = envs.step(np.array([2, 10, 9]))
        >>> observations["selected"].nonzero()
        (array([0, 2]), array([2, 9]))
    """

    def __init__(self, env: Envs) -> None:
        super().__init__(env)
        single = native(self).single_action_space
        if env.single_action_space != single:
            raise ValueError(f"vector.DiscreteClick makes {single}, but {env} takes {env.single_action_space}")
        [size] = single.shape or ()
        self._clicks = np.eye(size + 1, size, dtype=np.int8)
        self.single_action_space = spaces.Discrete(size + 1)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def actions(self, actions: NDArray[np.integer[Any]]) -> NDArray[np.int8]:
        """Returns the clicks that the numbers stand for, int8 (num_envs, context_size).

        Raises:
            ValueError: If `actions` does not hold one int from 0 to the context's size for each game.
        """
        numbers, most = np.asarray(actions), len(self._clicks) - 1
        if (
            numbers.shape != (self.num_envs,)
            or numbers.dtype.kind not in "iu"
            or not ((numbers >= 0) & (numbers <= most)).all()
        ):
            raise ValueError(
                f"actions {actions!r}: allowed are {self.num_envs} numbers, 0 to {most - 1}, a click, and {most}, none"
            )
        return self._clicks[numbers]
