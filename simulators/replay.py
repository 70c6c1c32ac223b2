"""A logged game as a speaker: what somebody said once, said again to another listener."""

from __future__ import annotations

import numpy as np

from multiref_gym.game import Action, Game
from multiref_gym.interaction import Interaction


class ReplaySpeaker:
    """Says the utterances of a logged game in their order, whatever the listener does.

    The words are a person's, but the reactions are to another listener's actions: as soon as the actions differ from
    the logged ones, the replies are no feedback on them. When the log is at its end and the game is not, the speaker
    is silent, since anything else would be made up.

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
        """The action that leads on to success: deselect what is no target, and select the first target missing.

        What the person meant by an utterance is not in the log, so "first" is in the listener's order. It is not the
        logged action either, which may have been wrong.
        """
        missing = sorted(self._game.targets - self._game.selected)
        return Action(select=frozenset(missing[:1]), deselect=self._game.selected - self._game.targets)

    def start(self, game: Game, rng: np.random.Generator) -> str:
        """Returns the first utterance of the log; nothing is left to chance.

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
