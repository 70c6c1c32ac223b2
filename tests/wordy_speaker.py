"""A speaker of one's own around the scripted one, for tests of speakers that are asked game by game."""

from __future__ import annotations

import numpy as np

from multiref_gym.game import Action, Game
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import TangramSet

WORDS = ("猫,", "so", "🙂")


class WordySpeaker:
    """Says what the scripted speaker says, after a word of its own that stays the same for a whole game."""

    def __init__(self, tangrams: TangramSet) -> None:
        self._scripted = ScriptedSpeaker(tangrams)

    @property
    def name(self) -> str:
        return f"wordy {self._scripted.name}"

    @property
    def wanted(self) -> Action:
        return self._scripted.wanted

    def start(self, game: Game, rng: np.random.Generator) -> str:
        self._word = WORDS[rng.integers(len(WORDS))]
        return f"{self._word} {self._scripted.start(game, rng)}"

    def reply(self, action: Action | None) -> str:
        return f"{self._word} {self._scripted.reply(action)}"
