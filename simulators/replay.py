"""A speaker that replays a logged game to another listener."""

from __future__ import annotations

import numpy as np

from multiref_gym.game import Action, Game
from multiref_gym.interaction import Interaction


class ReplaySpeaker:
    """Says the utterances of a logged game in their order, whatever the listener does.

    The words are a person's, but they react to another listener's actions: once the actions differ from the logged
    ones, the replies are no longer feedback on them. If the log ends before the game, the speaker stays silent, since
    any other words would be invented.

    Args:
        interaction: The game to replay. It is played with `Game(interaction.context)`.
    """

    def __init__(self, interaction: Interaction) -> None:
        self._interaction = interaction

    @property
    def name(self) -> str:
        """Who spoke in the logged game."""
        return self._interaction.speaker

    @property
    def wanted(self) -> Action:
        """An action that leads to success: deselect all non-targets, and select the first missing target.

        The log does not show which target the person meant, so "first" is in the listener's order. The logged action is
        not used, because it may have been wrong.
        """
        missing = sorted(self._game.targets - self._game.selected)
        return Action(select=frozenset(missing[:1]), deselect=self._game.selected - self._game.targets)

    def start(self, game: Game, rng: np.random.Generator) -> str:
        """Returns the first utterance of the log; nothing is random.

        Raises:
            ValueError: If the game has another context than the log.
        """
        if game.context != self._interaction.context:
            raise ValueError(
                f"game {self._interaction.game_id!r} can only be replayed with its own tangrams and targets"
            )
        self._game = game
        self._unsaid = iter([turn.utterance for turn in self._interaction.turns])
        return next(self._unsaid)

    def reply(self, action: Action | None) -> str:
        """Returns the next utterance, "" after the last one, and the logged closing remark if the game is over."""
        return self._interaction.closing if self._game.over else next(self._unsaid, "")
