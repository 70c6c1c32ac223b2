"""A game with its speaker: what an environment plays, be it one game or many."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from multiref_gym.game import Action, Game
from multiref_gym.utterance import checked


class Episode:
    """One game, from the speaker's first utterance to its closing remark.

    Args:
        game: The game, which nobody has played in.
        speaker: Who speaks in it, a `multiref_gym.speaker.Speaker`.
        rng: All chance of the speaker.

    Attributes:
        utterance: What the speaker said last.
        dialogue: The turns so far: what was said, and what was done (nothing, where it was not understood).
        clicks: What was done as texts.
        not_understood: How many answers were no action.

    Raises:
        ValueError: If the speaker says what an utterance may not be.
    """

    __slots__ = ("_speaker", "clicks", "dialogue", "game", "not_understood", "utterance")

    def __init__(self, game: Game, speaker: Any, rng: np.random.Generator) -> None:
        self.game = game
        self._speaker = speaker
        self.utterance = checked(speaker.start(game, rng))
        self.dialogue: list[tuple[str, Action]] = []
        self.clicks: list[str] = []
        self.not_understood = 0

    def turn(self, clicks: bytes | None) -> None:
        """Applies the clicks, a byte of 0 or 1 for each position, then lets the speaker speak.

        Args:
            clicks: None stands for an answer that was no action.

        Raises:
            GameOver: If the game has ended.
            ValueError: If the speaker says what an utterance may not be.
        """
        game = self.game
        action = _NOTHING if clicks is None else Action.clicking(_positions(clicks), game.selected)
        game.apply(action)
        self.dialogue.append((self.utterance, action))
        self.clicks.append(str(action))
        self.not_understood += clicks is None
        self.utterance = checked(self._speaker.reply(None if clicks is None else action))


_NOTHING = Action()


@lru_cache(maxsize=1 << 12)
def _positions(clicks: bytes) -> frozenset[int]:
    return frozenset([position for position, click in enumerate(clicks) if click])
