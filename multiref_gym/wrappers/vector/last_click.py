"""What was clicked last, for learners that keep no record of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from multiref_gym.wrappers.vector.base import Envs, SeenOtherwise, observed


class LastClick(SeenOtherwise):
    """Adds `clicked` to observations, int8 (num_envs, context_size): what the last action clicked.

    "Undo that" is about it. At the beginning of a game nothing has been clicked.

    Args:
        env: The native vector environment of MultiRef-v0, wrapped or not, with a `Dict` of observations.

    Raises:
        ValueError: If it is another one.

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
