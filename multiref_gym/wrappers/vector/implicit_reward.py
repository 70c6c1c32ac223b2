"""Decoded feedback as the reward, for many games at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded

from multiref_gym.feedback import Exchange, FeedbackDecoder
from multiref_gym.game import Action
from multiref_gym.wrappers.implicit_reward import DecodedReward
from multiref_gym.wrappers.vector.base import Envs, Seeds, Step, Wrapper, native

_action = lru_cache(maxsize=1 << 14)(Action.of_record)


class ImplicitReward(Wrapper):
    """Replaces the rewards by the feedback decoded from the speakers' replies; the decoder is called once a step.

    The rewards equal those of `multiref_gym.wrappers.ImplicitReward` around each game, in every `autoreset_mode`: the
    feedback on the action of the same step, and 0 for the last action of a game, which has no reply. In "NextStep"
    mode, a step that only begins the next game has reward 0 too.

    The environment's own rewards are in `infos["true_reward"]`, including the last action's; `infos["_true_reward"]`
    marks the games that took a turn.

    The decoder reads whole replies, even where observations have them encoded or cut.

    Args:
        env: The native vector environment of MultiRef-v0, wrapped or not. Reset it through this wrapper, which
            remembers the last utterances and actions. For Gymnasium's sync or async vector environment, wrap each
            environment in `multiref_gym.wrappers.ImplicitReward` instead.
        decoder: A registered name ("lexical"), an entry-point string, or a decoder.
        values: The rewards of negative, neutral and positive feedback.

    Raises:
        UnknownName: If no decoder has this name.
        ValueError: If `values` are not three numbers, or the environment is another one.

    Example:
        >>> import gymnasium as gym
        >>> import numpy as np
        >>> import multiref_gym
        >>> from multiref_gym.wrappers.vector import ImplicitReward
        >>> envs = ImplicitReward(gym.make_vec("MultiRef-v0", 3, image=None), "lexical", values=(-0.1, 0.0, 1.0))
        >>> _ = envs.reset(seed=1)
        >>> observations, rewards, terminated, truncated, infos = envs.step(np.zeros((3, 10), np.int8))
        >>> rewards.tolist(), infos["true_reward"].tolist()
        ([-0.1, -0.1, -0.1], [0.0, 0.0, 0.0])
    """

    def __init__(
        self, env: Envs, decoder: str | FeedbackDecoder = "lexical", values: Sequence[float] = (-1.0, 0.0, 1.0)
    ) -> None:
        super().__init__(env)
        self._native = native(self)
        self._decoded = DecodedReward(decoder, values)
        self._said: list[str] | None = None
        self._done: list[Action | None] = [None] * self.num_envs

    def reset(self, *, seed: Seeds = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Starts all games, or those of a `reset_mask`; see `MultiRefVectorEnv.reset`."""
        observations, infos = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]  # a list too
        self._said = self._native.utterances()
        for i in np.flatnonzero(infos["_turn"]).tolist():
            self._done[i] = None
        return observations, infos

    def step(self, actions: Any) -> Step:
        """Takes a step in each game and decodes all replies at once.

        Raises:
            ResetNeeded: If no game has begun.
        """
        if self._said is None:
            raise ResetNeeded("no game has begun: call reset() first")
        observations, true_rewards, terminated, truncated, infos = self.env.step(actions)
        goes_on = (infos["turn"] > 0) & ~terminated  # before the first turn there is no action to reply to
        turns = np.flatnonzero(goes_on)
        said, self._said = self._said, self._native.utterances()
        done, self._done = self._done, [None] * self.num_envs
        games, exchanges = self._native.games, list[Exchange]()
        for i, clicks, selected in zip(
            turns.tolist(), games.clicks[turns].tolist(), games.selected[turns].tolist(), strict=True
        ):
            self._done[i] = action = _action(clicks, selected)
            exchanges.append(Exchange(done[i], said[i], action, self._said[i]))
        rewards = np.zeros(self.num_envs)
        if exchanges:
            rewards[turns] = self._decoded.of(exchanges)
        infos = infos | {"true_reward": true_rewards, "_true_reward": goes_on | terminated}
        return observations, rewards, terminated, truncated, infos
