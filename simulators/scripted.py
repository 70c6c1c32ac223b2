"""The scripted speaker: the compiled script, for one game or for many at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from multiref_gym.compiled.contexts import Drawing
from multiref_gym.compiled.record import Record, Records, text_of
from multiref_gym.compiled.seen import Earned, Seen
from multiref_gym.errors import UserError
from multiref_gym.game import Action, Game
from multiref_gym.simulators import playing
from multiref_gym.simulators.persona import Persona, checked_personas
from multiref_gym.simulators.tables import shared_tables
from multiref_gym.tangrams import TangramSet
from multiref_gym.utterance import MAX_LENGTH

FIGURATIVE = 1.0
"""The share of figurative phrases of a deployed speaker: those that a plain description does not hold."""


class ScriptedSpeaker:
    """A simulated speaker with a persona drawn for each game; see `script` for its behaviour.

    Args:
        tangrams: The set of the game's tangrams.
        figurative: The share of everyday phrases that no plain description holds; for figures only.
        personas: The personas, one of which speaks in each game; `population` if None. `read_personas` reads a file.

    Raises:
        PersonaError: As in `checked_personas`.
        UserError: As in `Tables`.
    """

    def __init__(
        self, tangrams: TangramSet, figurative: float = FIGURATIVE, personas: Sequence[Persona] | None = None
    ) -> None:
        checked = None if personas is None else checked_personas(personas)
        self._tables = shared_tables(tangrams, float(figurative), checked)

    @property
    def name(self) -> str:
        """Who speaks in this game."""
        return self._tables.personas[int(self._record["persona"])].name

    @property
    def wanted(self) -> Action:
        """The action that the current utterance asks for."""
        select, deselect = int(self._record["wanted_select"]), int(self._record["wanted_deselect"])
        return Action.of_record(select | deselect, select)

    def start(self, game: Game, rng: np.random.Generator) -> str:
        """Draws a persona, and describes a first target; all randomness follows from one number of `rng`."""
        records = game.records.copy()  # a copy, because the speaker's set may number the tangrams differently
        self._played, self._game = game, Game.of_records(game.context, records)
        places = [self._tables.tangrams.place(id) for id in game.context.listener_order]
        self._record["tangrams"][: len(places)] = places
        records["key"], records["drawn"] = rng.integers(1 << 63), 0
        playing.start(self._tables.records, records)
        return text_of(self._record)

    def reply(self, action: Action | None) -> str:
        """Judges the action, perhaps says so, and asks for the next one."""
        playing.reply(self._tables.records, self._game.records, self._played.records, action is not None)
        return text_of(self._record)

    @property
    def _record(self) -> Record:
        return self._game.records[0]

    def of_game(self, game: Game) -> ScriptedSpeaker:
        """Returns the speaker of a game that was begun by `begin_games`."""
        speaker = ScriptedSpeaker.__new__(ScriptedSpeaker)
        speaker._tables, speaker._played, speaker._game = self._tables, game, game
        return speaker

    def begin_games(self, drawing: Drawing, games: Records, which: NDArray[np.bool_], drawn: bool) -> None:
        """See `multiref_gym.speaker.CompiledSpeaker`."""
        _check(playing.begin(self._tables.records, *drawing, games, which, drawn))

    def step_games(
        self,
        drawing: Drawing,
        games: Records,
        actions: NDArray[np.int8],
        understood: bool,
        mode: int,
        seen: Seen,
        earned: Earned,
        final: Seen,
    ) -> None:
        """See `multiref_gym.speaker.CompiledSpeaker`."""
        tables = self._tables.records, *drawing
        _check(playing.step(*tables, games, actions, understood, mode, *seen, *earned, *final))


def _check(fine: bool) -> None:
    if not fine:
        raise UserError(f"the speaker said more than {MAX_LENGTH} characters")


literal_speaker = partial(ScriptedSpeaker, figurative=0.0)
"""Makes a scripted speaker that only gives plain descriptions."""
