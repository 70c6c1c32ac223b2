"""Actions as one number, for learners that need discrete actions."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from multiref_gym.wrappers.base import context_size, takes_clicks


class DiscreteClick(gym.ActionWrapper[Any, Any, Any], RecordConstructorArgs):
    """Takes a number as the action: the tangram to click this turn, or the number after the last for no click.

    With ten tangrams, 0 clicks A, 9 clicks J, and 10 clicks nothing. The speaker answers each click, so each click has
    its own reward. A game with five targets takes at least five turns; an action of two clicks, such as
    "deselect F select G", takes two turns.

    Args:
        env: MultiRef-v0, wrapped or not, with the clicks as its action space.

    Raises:
        ValueError: If the environment is not MultiRef-v0 or its action space is another one.

    Example:
        >>> import gymnasium as gym
        >>> import multiref_gym
        >>> from multiref_gym.wrappers import DiscreteClick
        >>> env = DiscreteClick(gym.make("MultiRef-v0", image=None))
        >>> env.action_space
        Discrete(11)
        >>> _ = env.reset(seed=1)
        >>> for action in (2, 10, 2):
        ...     *_, info = env.step(action)
        >>> info["clicks"]
        ['select C', '', 'deselect C']
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self._size = context_size(takes_clicks(self))
        self.action_space = spaces.Discrete(self._size + 1)

    def action(self, action: int | np.integer[Any]) -> np.ndarray[Any, np.dtype[np.int8]]:
        """Returns the clicks that a number stands for, int8 (context_size,).

        Raises:
            ValueError: If it is not an int from 0 to the context's size.
        """
        if isinstance(action, bool) or not self.action_space.contains(action):  # True would index all clicks
            raise ValueError(f"action {action!r}: allowed are 0 to {self._size - 1}, a click, and {self._size}, none")
        clicks = np.zeros(self._size, np.int8)
        if action < self._size:
            clicks[action] = 1
        return clicks
