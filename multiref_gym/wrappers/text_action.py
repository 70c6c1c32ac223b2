"""Actions as text, for language models."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from multiref_gym.answers import read_answer
from multiref_gym.game import InvalidAction, check_action
from multiref_gym.utterance import CHARSET, MAX_LENGTH
from multiref_gym.wrappers.base import Step, multiref, takes_clicks


class TextAction(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Accepts actions as text, such as "deselect F select G"; `multiref_gym.answers` reads them.

    If the text is not an action, or the rules forbid the action, nothing is clicked. The turn counts, and the speaker
    hears that the answer was not understood. `info["invalid_action"]` gives the reason, and `ChatObservation` shows it.
    `info["invalid_actions"]` counts such texts in this game.

    Args:
        env: MultiRef-v0, wrapped or not, with the clicks as its action space.

    Raises:
        ValueError: If the environment is not MultiRef-v0 or its action space is another one.

    Example:
        >>> import gymnasium as gym
        >>> import multiref_gym
        >>> from multiref_gym.wrappers import TextAction
        >>> env = TextAction(gym.make("MultiRef-v0", image=None))
        >>> _ = env.reset(seed=1)
        >>> observation, _, _, _, info = env.step("Select A, C")
        >>> info["clicks"], info["invalid_actions"]
        (['select A C'], 0)
        >>> observation, _, _, _, info = env.step("select A")
        >>> info["invalid_action"]
        'A cannot be selected again; selected now: A C'
        >>> info["turn"], info["invalid_actions"]
        (2, 1)
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        takes_clicks(self)
        self.action_space = AnswerSpace()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts a game, and counts invalid actions from 0."""
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, info | {"invalid_actions": 0}

    def step(self, action: str) -> Step:
        """Takes the step that the text stands for, or one in which nothing is clicked.

        Raises:
            ValueError: If the action is not a text.
        """
        if not isinstance(action, str):
            raise ValueError(f"action {action!r}: allowed is a text")
        episode = multiref(self).episode
        game = episode.game
        size = len(game.context.listener_order)
        invalid: dict[str, Any] = {}
        clicks = None
        try:
            read = read_answer(action, size)
            check_action(read, game.selected, size)
        except InvalidAction as error:
            invalid["invalid_action"] = str(error)
            episode.misread[game.turn] = (action, str(error))
        else:
            clicks = read.bits(size)
        observation, reward, terminated, truncated, info = self.env.step(clicks)
        invalid["invalid_actions"] = multiref(self).episode.not_understood  # now with this turn
        return observation, reward, terminated, truncated, info | invalid


class AnswerSpace(spaces.Text):
    """The space of all texts. Its samples are short random texts."""

    def __init__(self) -> None:
        super().__init__(MAX_LENGTH, min_length=0, charset=CHARSET)

    def contains(self, x: Any) -> bool:
        """Returns whether `x` is a text."""
        return isinstance(x, str)

    def __repr__(self) -> str:
        return "AnswerSpace()"
