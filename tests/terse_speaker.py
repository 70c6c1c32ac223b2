"""A speaker of a few lines, for tests of everything around a speaker."""

import numpy as np

from multiref_gym.game import LETTERS, Action, Game
from multiref_gym.tangrams import TangramSet


class TerseSpeaker:
    """Names a target by its letter, and says "yes" to a select of nothing but targets."""

    name = "terse"

    def __init__(self, tangrams: TangramSet) -> None:
        self.heard: list[Action | None] = []

    def start(self, game: Game, rng: np.random.Generator) -> str:
        self.game, self.rng, self.heard = game, rng, []
        return f"pick {self._wanted()}"

    def reply(self, action: Action | None) -> str:
        self.heard.append(action)
        if self.game.over:
            return "thanks" if self.game.success else ""
        if action is None:
            return "what?"
        praise = "yes" if action.select and action.select <= self.game.targets else "no"
        return f"{praise}, pick {self._wanted()}"

    def _wanted(self) -> str:
        return LETTERS[self.rng.permutation(sorted(self.game.targets - self.game.selected) or [0])[0]]


class MuteSpeaker(TerseSpeaker):
    """Says nothing at all."""

    def start(self, game: Game, rng: np.random.Generator) -> str:
        super().start(game, rng)
        return ""

    def reply(self, action: Action | None) -> str:
        super().reply(action)
        return ""
