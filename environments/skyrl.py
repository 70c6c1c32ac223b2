"""MULTIREF for SkyRL-gym, with a reward for each turn, which SkyRL assigns to the tokens of that turn.

    skyrl_gym.register(id="multiref", entry_point="skyrl:MultiRef")  # with this folder on the path
    env = skyrl_gym.make("multiref", extras={"seed": 3})

Each row of the training data has the seed of its game in a column `seed`, which SkyRL passes to the environment in
`extras`. All rollouts of a row play the same game.
"""

from __future__ import annotations

from typing import Any

from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput

from multiref_gym.chat_game import ChatGame


class MultiRef(BaseTextEnv):
    """One game between a speaker of multiref-gym and the model.

    Args:
        env_config: Arguments of `ChatGame`, such as `{"split": "dev", "shown": "tangrams"}`; None for none.
        extras: The `seed` of the game.
    """

    def __init__(self, env_config: dict[str, Any] | None = None, extras: dict[str, Any] | None = None) -> None:
        super().__init__()
        if "seed" not in (extras or {}):
            raise ValueError("extras: expected the seed of a game, such as {'seed': 3}")
        self._seed, self._game = extras["seed"], ChatGame(**(env_config or {}))

    def init(self, prompt: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Starts the game; its first message follows the prompt."""
        messages = self._game.reset(self._seed)
        self.turns, self.max_turns = 0, self._game.env.game.max_turns
        return [*prompt, *messages], {}

    def step(self, action: str) -> BaseTextEnvStepOutput:
        """Takes a turn. A failure raises an error, and gives no reward."""
        self.turns += 1
        message, reward, done, info = self._game.step(action)
        return BaseTextEnvStepOutput(observations=[] if done else [message], reward=reward, done=done, metadata=info)

    def get_metrics(self) -> dict[str, float]:
        """Returns the measures of the game, for evaluation."""
        return {"success": float(self._game.env.game.success), "turns": self.turns}
