"""Descriptions by the compiled language, one by one: of given tangrams, by a given persona, with a given key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multiref_gym.compiled.compiling import entry
from multiref_gym.compiled.record import GAME, Records, text_of
from multiref_gym.simulators.language import NOBODY, describe
from multiref_gym.simulators.persona import Persona
from multiref_gym.simulators.tables import shared_tables
from multiref_gym.tangrams import Tangram, TangramSet


class Describer:
    """Describes the tangrams of one game, with all chance from one key.

    It remembers what it said of each, as a speaker does in a game.
    """

    def __init__(
        self, tangrams: TangramSet, context: Sequence[Tangram], persona: Persona, figurative: float, key: int
    ) -> None:
        self._tables = shared_tables(tangrams, figurative, (persona,)).records
        self._games = np.zeros(1, GAME)
        self._games["key"], self._games["context_size"] = key, len(context)
        self._games["tangrams"][0, : len(context)] = [tangrams.place(tangram.id) for tangram in context]

    def __call__(self, position: int, unlike: int = NOBODY) -> str:
        """Describes the tangram at a position, if `unlike` is another one, then as not that one."""
        self._games["length"] = 0
        _describe(self._tables, self._games, position, unlike)
        return text_of(self._games[0])


@entry
def _describe(tables: Records, games: Records, position: int, unlike: int) -> Any:
    describe(tables[0], games[0], tables[0].personas[0], position, unlike)
