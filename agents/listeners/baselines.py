"""Listeners that do not learn: the floor and the ceiling of every comparison."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence

import numpy as np

from multiref_gym.episode import Episode
from multiref_gym.game import Action
from multiref_gym.listener import Decision, View

HARD = 0.2
"""The share of tangrams that are hard for an erring listener."""
SWAPS = 0.8
"""How often an erring listener that selects a wrong tangram still deselects what it should."""


class RandomListener:
    """Clicks one random tangram, whatever the speaker says."""

    block = None

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        """Returns one random click for each view."""
        decisions = []
        for view, rng in zip(views, rngs, strict=True):
            size = len(view.tangrams)
            action = Action.clicking([int(rng.random() * size)], view.selected)
            decisions.append(Decision(action, -math.log(size), str(action)))
        return decisions


class OracleListener:
    """Takes the action that the speaker wants, by asking the speaker. It stands in for a person.

    Args:
        games: The games that it will act in.

    Raises:
        ValueError: If two games have the same name.
    """

    block = None

    def __init__(self, games: Sequence[Episode]) -> None:
        self._games = {game.game_id: game for game in games}
        if len(self._games) < len(games):
            raise ValueError("two games have the same name: an oracle cannot tell them apart")

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        """Returns the wanted action for each view, with certainty."""
        wanted = [self._games[view.game_id].wanted for view in views]
        return [Decision(action, 0.0, str(action)) for action in wanted]


class ErringListener(OracleListener):
    """Takes the action that the speaker wants, with mistakes: it stands in for a listener that has learned for a while.

    Some tangrams are hard for it, however often and by whomever they are described, as for a learner. With the default
    rates it wins about eight of ten games with the scripted speaker, like the listeners in the human games.

    Args:
        games: The games that it will act in.
        mistakes: How often it selects a wrong tangram; it deselects a wrong one a third as often.
        hard: The same for hard tangrams.

    Attributes:
        wanted: The wanted actions, by the name of the game and the number of earlier turns.
    """

    def __init__(self, games: Sequence[Episode], mistakes: float = 0.2, hard: float = 0.8) -> None:
        super().__init__(games)
        self._mistakes, self._hard = mistakes, hard
        self.wanted: dict[tuple[str, int], Action] = {}

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        """Returns the wanted action or a mistake for each view, and remembers the wanted action."""
        decisions = []
        for view, rng in zip(views, rngs, strict=True):
            wanted = self.wanted[view.game_id, len(view.dialogue)] = self._games[view.game_id].wanted
            action = self._mistake(wanted, view, rng) if rng.random() < self._rate(wanted, view) else wanted
            decisions.append(Decision(action, 0.0, str(action)))
        return decisions

    def _rate(self, wanted: Action, view: View) -> float:
        if not wanted.select:
            return self._mistakes / 3
        return self._hard if all(is_hard(view.tangrams[position]) for position in wanted.select) else self._mistakes

    def _mistake(self, wanted: Action, view: View, rng: np.random.Generator) -> Action:
        if not wanted.select:
            return Action(deselect=frozenset(rng.choice(sorted(view.selected), 1).tolist()))
        others = sorted(set(range(len(view.tangrams))) - view.selected - wanted.select)
        # Mostly the wrong tangrams are still deselected: the mistake swaps them for another wrong one.
        deselect = wanted.deselect if rng.random() < SWAPS else frozenset[int]()
        return Action(select=frozenset(rng.choice(others, 1).tolist()), deselect=deselect)


def is_hard(tangram: str) -> bool:
    """Whether a tangram is hard for an erring listener; the same tangrams are hard for all of them."""
    return zlib.crc32(tangram.encode()) / 2**32 < HARD
