"""Wrappers of many games at once, as `gymnasium.wrappers.vector` has them beside those of one environment."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.vector import VectorEnv, VectorWrapper
from numpy.typing import NDArray

from multiref_gym.feedback import Exchange, FeedbackDecoder
from multiref_gym.game import LETTERS, Action
from multiref_gym.wrappers.implicit_reward import DecodedReward

Steps = tuple[Any, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]


class ImplicitReward(VectorWrapper[Any, Any, Any, Any, NDArray[Any]]):
    """Puts what the speakers' replies give away in the place of the rewards; the decoder is called once a step.

    The rewards are those of `multiref_gym.wrappers.ImplicitReward` around each game, in every `autoreset_mode`: the
    feedback on the action of the same step, and 0 for the last action of a game, which has no reply. A step that only
    begins the next game ("NextStep") is no turn; its reward is 0 too.

    The environment's own rewards are `infos["true_reward"]`, those of a game's last action included, and
    `infos["_true_reward"]` says which games have taken a turn.

    Utterances as bytes are read as UTF-8. Where they are cut off, the decoder sees what is left of them; a character
    cut in two is dropped. Actions are read from `infos["clicks"]`, so they may come in any form.

    Args:
        env: MultiRef-v0, many at once, with its utterances as texts or as bytes: the native vector environment or one
            of Gymnasium's, wrapped or not. Reset it through this wrapper, which remembers what was said last.
        decoder: A registered name ("lexical"), an entry-point string, or a decoder.
        values: The rewards of negative, neutral and positive feedback.

    Raises:
        UnknownName: If no decoder has this name.
        ValueError: If `values` are not three numbers, or the environment has no such utterances.

    Example:
        >>> import gymnasium as gym
        >>> import numpy as np
        >>> import multiref_gym
        >>> from multiref_gym.wrappers.vector import ImplicitReward
        >>> envs = ImplicitReward(gym.make_vec("MultiRef-v0", 3, image=None), "lexical", values=(-0.1, 0.0, 1.0))
        >>> _ = envs.reset(seed=1)
        >>> observations, rewards, terminated, truncated, infos = envs.step(np.eye(3, 10, dtype=np.int8))
        >>> rewards.tolist(), infos["true_reward"].tolist()
        ([-0.1, -0.1, 1.0], [0.0, 0.0, 0.0])
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, NDArray[Any]],
        decoder: str | FeedbackDecoder = "lexical",
        values: Sequence[float] = (-1.0, 0.0, 1.0),
    ) -> None:
        super().__init__(env)
        space = env.single_observation_space
        said = space.get("utterance") if isinstance(space, spaces.Dict) else None
        if not isinstance(said, spaces.Text) and not (isinstance(said, spaces.Box) and said.dtype == np.uint8):
            raise ValueError(f"ImplicitReward reads utterances of MultiRef-v0, texts or bytes; {env} has {space}")
        self._decoded = DecodedReward(decoder, values)
        self._said: list[str] | None = None

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Starts all games, or those of a `reset_mask`, as the environment does."""
        observations, infos = self.env.reset(seed=seed, options=options)  # type: ignore[arg-type]  # a list too
        self._said = _texts(observations["utterance"])
        return observations, infos

    def step(self, actions: Any) -> Steps:
        """Takes the steps and decodes the replies to their actions, all at once.

        Raises:
            ResetNeeded: If no game has begun.
        """
        if self._said is None:
            raise ResetNeeded("no game has begun: call reset() first")
        observations, true_rewards, terminated, truncated, infos = self.env.step(actions)
        said, self._said = self._said, _texts(observations["utterance"])
        exchanges: dict[int, Exchange] = {}
        for i in np.flatnonzero(~terminated).tolist():
            clicks, reply = infos["clicks"][i], self._said[i]
            if "final_obs" in infos and infos["_final_obs"][i]:
                # Cut short from outside, and the next game has begun: the reply is where this one ended.
                clicks = infos["final_info"]["clicks"][i]
                [reply] = _texts([infos["final_obs"][i]["utterance"]])
            if clicks:  # else the game has only begun
                previous = _action(clicks[-2]) if len(clicks) > 1 else None
                exchanges[i] = Exchange(previous, said[i], _action(clicks[-1]), reply)
        rewards, played = np.zeros(self.num_envs), terminated.copy()
        if exchanges:
            turns = list(exchanges)
            rewards[turns] = self._decoded.of(list(exchanges.values()))
            played[turns] = True
        infos = infos | {"true_reward": true_rewards, "_true_reward": played}
        return observations, rewards, terminated, truncated, infos


def _texts(utterances: Sequence[str] | NDArray[np.uint8]) -> list[str]:
    return [said if isinstance(said, str) else _text(said) for said in utterances]


def _text(row: NDArray[np.uint8]) -> str:
    # What a speaker says is valid, so nothing is ignored but a character that the end cuts in two.
    return row.tobytes().rstrip(b"\0").decode(errors="ignore")


@lru_cache(maxsize=1 << 12)
def _action(clicks: str) -> Action:
    """Returns the action of one of the texts of `info["clicks"]`, which says nothing of an action without clicks."""
    return Action.parse(clicks, len(LETTERS)) if clicks else Action()
