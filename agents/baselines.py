"""Listeners that do not learn: the floor and the ceiling of every comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from agents.listener import Decision, View
from agents.play import Table
from multiref_gym.game import Action


class RandomListener:
    """Clicks one tangram, any, whatever is said."""

    def act(self, views: Sequence[View], rng: np.random.Generator) -> list[Decision]:
        """Returns one random click for each view."""
        decisions = []
        for view in views:
            size = len(view.tangrams)
            action = Action.clicking([int(rng.random() * size)], view.selected)
            decisions.append(Decision(action, -math.log(size), str(action)))
        return decisions


class OracleListener:
    """Does what the speaker meant: it sits at the tables and asks the speakers. It stands in for a person.

    Args:
        tables: The games that it will act in, each with an order of its own, by which it knows them.

    Raises:
        ValueError: If two games have the same tangrams in the same order.
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        self._tables = {table.game.context.listener_order: table for table in tables}
        if len(self._tables) < len(tables):
            raise ValueError("two games have the same tangrams in the same order: an oracle cannot tell them apart")

    def act(self, views: Sequence[View], rng: np.random.Generator) -> list[Decision]:
        """Returns the wanted action for each view, with certainty."""
        wanted = [self._tables[view.tangrams].speaker.wanted for view in views]
        return [Decision(action, 0.0, str(action)) for action in wanted]
