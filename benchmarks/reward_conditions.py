"""The rewards that `rewards.py` compares: the true one, decoded feedback, and decoded feedback with errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from multiref_gym.agents.listeners.ppo.games import literal_game
from multiref_gym.feedback import Exchange, Feedback, FeedbackDecoder
from multiref_gym.registry import new_decoder
from multiref_gym.wrappers import ImplicitReward


@dataclass(frozen=True, slots=True)
class Condition:
    """What rewards an action.

    Attributes:
        name: Short, for a file.
        meaning: For the table and the figure.
        decoder: The decoder of the feedback, None if none is decoded.
        flipped: The share of the labels that are turned into their opposite.
        true_share: What the environment's own reward counts; the decoded feedback counts the rest.
        style: Colour and dashes of its curve.
    """

    name: str
    meaning: str
    decoder: str | None = "lexical"
    flipped: float = 0.0
    true_share: float = 0.0
    style: tuple[str, str] = ("black", "-")


# No ternary decoder among them: neutral is an action that is half right, a select and a deselect at once, and of single
# clicks there is none, so its labels are the binary ones.
CONDITIONS = (
    Condition("true", "true: success at the end", None, style=("#009e73", "-")),
    Condition("binary", "decoded", style=("#0072b2", "-")),
    Condition("flipped-10", "decoded, 10 % flipped", flipped=0.1, style=("#e69f00", "-")),
    Condition("flipped-20", "decoded, 20 % flipped", flipped=0.2, style=("#d55e00", "--")),
    Condition("flipped-30", "decoded, 30 % flipped", flipped=0.3, style=("#cc79a7", "-.")),
    Condition("half", "half true, half decoded", true_share=0.5, style=("#8a6d3b", ":")),
)


class FlippedDecoder:
    """Turns a share of another decoder's labels into their opposite.

    Args:
        decoder: The other decoder.
        share: The share, from 0 to 1.
        rng: Decides which.
    """

    def __init__(self, decoder: FeedbackDecoder, share: float, rng: np.random.Generator) -> None:
        self._decoder, self._share, self._rng = decoder, share, rng

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        """Returns the labels, some of them flipped; neutral stays neutral."""
        decoded = self._decoder.decode(exchanges)
        flipped = self._rng.random(len(decoded)) < self._share
        return [Feedback(-label) if flip else label for label, flip in zip(decoded, flipped, strict=True)]


class MixedReward(gym.Wrapper[Any, Any, Any, Any]):
    """Mixes the true reward into a decoded one.

    Args:
        env: MultiRef-v0 under `ImplicitReward`.
        true_share: What the true reward counts; the decoded one counts the rest.
    """

    def __init__(self, env: gym.Env[Any, Any], true_share: float) -> None:
        super().__init__(env)
        self._true_share = true_share

    def step(self, action: Any) -> Any:
        """Takes the step and mixes its rewards."""
        observation, decoded, terminated, truncated, info = self.env.step(action)
        reward = self._true_share * info["true_reward"] + (1 - self._true_share) * float(decoded)
        return observation, reward, terminated, truncated, info


def game(condition: Condition, rng: np.random.Generator) -> gym.Env[Any, Any]:
    """Returns a game with the condition's reward; `rng` decides which labels are flipped."""
    env = literal_game()
    if condition.decoder is None:
        return env
    decoder = new_decoder(condition.decoder)
    env = ImplicitReward(env, FlippedDecoder(decoder, condition.flipped, rng) if condition.flipped else decoder)
    return MixedReward(env, condition.true_share) if condition.true_share else env
