"""MULTIREF for TRL's GRPOTrainer, as an `environment_factory`: the model answers by calling a tool.

    trainer = GRPOTrainer(model=..., train_dataset=games(range(1000)), environment_factory=MultiRef, args=...)

A row of the data is a game, given by its seed. GRPO plays each row several times, so all rollouts of a group play one
game: the same tangrams, the same targets and the same first utterance.
"""

from __future__ import annotations

from collections.abc import Iterable

from datasets import Dataset

from multiref_gym.chat_game import ChatGame
from multiref_gym.errors import UserError

INSTRUCTION = "Answer each message of the game by one call of the tool `click`.\n"


def games(seeds: Iterable[int]) -> Dataset:
    """Returns the training data, with a row for each game."""
    prompt = [{"role": "user", "content": INSTRUCTION}]
    return Dataset.from_list([{"prompt": prompt, "seed": seed} for seed in seeds])


class MultiRef:
    """A game with the model as the listener. TRL makes one for each rollout, and reuses it."""

    def __init__(self) -> None:
        self._game = ChatGame()
        self._error: UserError | None = None
        self._over = False

    def reset(self, seed: int, **columns: object) -> str:
        """Starts the game of a row, and returns its first message.

        Raises:
            ValueError: If the row has no seed: then a group would not play one game.
        """
        if seed is None:
            raise ValueError("a row has no seed: expected an int of at least 0 in each")
        self._error, self._over = None, False
        [message] = self._game.reset(seed)
        return str(message["content"])

    def click(self, action: str) -> str:
        """Select and deselect tangrams, and hear what the speaker says to it.

        Args:
            action: The clicks, such as "select B C" or "deselect D select E".

        Returns:
            What is selected now, and what the speaker says next.
        """
        if self._over:
            return "The game is over."
        try:
            message, _, self._over, _ = self._game.step(str(action))  # a model may send a number or a list
        except UserError as error:
            self._error = self._error or error
            raise
        return str(message["content"])

    def get_reward(self) -> float:
        """Returns the sum of the decoded feedback over all turns; a turn that the model does not take counts as -1.

        Raises:
            UserError: If the speaker or the decoder failed in the rollout. TRL shows such an error to the model and
                continues; without this, the missing reward would count as 0.
        """
        if self._error:
            raise self._error
        return self._game.total_reward
