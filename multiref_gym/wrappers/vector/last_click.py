"""The last clicks as an observation, for learners that keep no record of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from multiref_gym.wrappers.vector.base import Envs, ObservationWrapper, observed


class LastClick(ObservationWrapper):
    """Adds `clicked` to observations, int8 (num_envs, context_size): the clicks of the last action.

    A learner needs them to follow "undo that". They are all 0 at the beginning of a game.

    Args:
        env: The native vector environment of MultiRef-v0, wrapped or not, with a `Dict` of observations.

    Raises:
        ValueError: If the environment is another one.

    Example:
        >>> import gymnasium as gym
        >>> import numpy as np
        >>> import multiref_gym
        >>> from multiref_gym.wrappers.vector import LastClick
        >>> envs = LastClick(gym.make_vec("MultiRef-v0", 3, image=None))
        >>> envs.reset(seed=1)[0]["clicked"].any()
        np.False_
        >>> envs.step(np.eye(3, 10, dtype=np.int8))[0]["clicked"].argmax(axis=1)
        array([0, 1, 2])
    """

    def __init__(self, env: Envs) -> None:
        super().__init__(env)
        seen = observed(self, "selected", spaces.MultiBinary)
        self._show(seen | {"clicked": seen["selected"]})

    def _seen(self, observations: Any, clicks: NDArray[np.int8], tangrams: NDArray[np.int32]) -> dict[str, Any]:
        return observations | {"clicked": clicks.copy()}  # type: ignore[no-any-return]
