"""Decoded feedback as the reward."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
from gymnasium.utils import RecordConstructorArgs

from multiref_gym.errors import is_number
from multiref_gym.feedback import Exchange, Feedback, FeedbackDecoder, decoded
from multiref_gym.parts import part_name
from multiref_gym.registry import check_part, new_decoder
from multiref_gym.wrappers.base import Step, multiref


class ImplicitReward(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Replaces the reward by the feedback that is decoded from the speaker's reply.

    The reply to an action is the utterance that the same `step` returns, so the reward of a step is the feedback on
    its own action. The last action of a game has no reply: its reward is 0, whatever the closing remark says. The
    environment's own reward is in `info["true_reward"]`.

    Args:
        env: MultiRef-v0, wrapped or not.
        decoder: A registered name ("lexical"), an entry-point string, or a decoder.
        values: The rewards of negative, neutral and positive feedback.

    Raises:
        UnknownName: If no decoder has this name.
        ValueError: If `values` are not three numbers, or the environment is not MultiRef-v0.

    Example:
        >>> import gymnasium as gym
        >>> import numpy as np
        >>> import multiref_gym
        >>> from multiref_gym.feedback import Feedback
        >>> from multiref_gym.wrappers import ImplicitReward
        >>> class Praise:
        ...     def decode(self, exchanges):
        ...         return [Feedback.POSITIVE if "yes" in e.reply else Feedback.NEGATIVE for e in exchanges]
        >>> env = ImplicitReward(gym.make("MultiRef-v0", image=None), Praise(), values=(-0.1, 0.0, 1.0))
        >>> _ = env.reset(seed=1)
        >>> observation, reward, terminated, truncated, info = env.step(np.zeros(10, np.int8))
        >>> reward, info["true_reward"]
        (-0.1, 0.0)
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        decoder: str | FeedbackDecoder = "lexical",
        values: Sequence[float] = (-1.0, 0.0, 1.0),
    ) -> None:
        # A decoder may hold a large model, which should not be copied.
        RecordConstructorArgs.__init__(self, _disable_deepcopy=True, decoder=decoder, values=values)
        super().__init__(env)
        multiref(self)
        self._decoded = DecodedReward(decoder, values)

    def step(self, action: Any) -> Step:
        """Takes the step and decodes the reply to its action."""
        observation, true_reward, terminated, truncated, info = self.env.step(action)
        reward = 0.0
        if not terminated:
            env = multiref(self)
            utterance, done = env.dialogue[-1]
            previous = env.dialogue[-2][1] if len(env.dialogue) > 1 else None
            [reward] = self._decoded.of([Exchange(previous, utterance, done, env.utterance)])
        return observation, reward, terminated, truncated, info | {"true_reward": true_reward}


class DecodedReward:
    """Turns exchanges into rewards: a decoder finds the feedback, and each kind of feedback has a number.

    Args:
        decoder: A registered name ("lexical"), an entry-point string, or a decoder.
        values: The rewards of negative, neutral and positive feedback.

    Raises:
        UnknownName: If no decoder has this name.
        UserError: If `decoder` is not a decoder.
        ValueError: If `values` are not three numbers.
    """

    def __init__(self, decoder: str | FeedbackDecoder, values: Sequence[float]) -> None:
        limit = sys.float_info.max
        if len(values) != len(Feedback) or not all(is_number(value, -limit, limit) for value in values):
            raise ValueError(
                f"values={values!r}: allowed are three numbers, for negative, neutral and positive feedback"
            )
        self._decoder = new_decoder(decoder) if isinstance(decoder, str) else decoder
        check_part("decoder", part_name(self._decoder), self._decoder)
        self._values = dict(zip(sorted(Feedback), map(float, values), strict=True))

    def of(self, exchanges: Sequence[Exchange]) -> list[float]:
        """Returns the reward of each exchange, in order, from one call of the decoder.

        Raises:
            UserError: As `multiref_gym.feedback.decoded` does.
        """
        return [self._values[feedback] for feedback in decoded(self._decoder, exchanges)]
