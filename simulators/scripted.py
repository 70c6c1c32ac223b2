"""The scripted speaker: the compiled script, as a speaker of one game or of many at once."""

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
"""The share of a deployed speaker's phrases that a plain description does not hold."""


class ScriptedSpeaker:
    """A simulated speaker with a persona drawn for each game; see `script` for what it does.

    Args:
        tangrams: Where the game's tangrams come from.
        figurative: The share of phrases that people would say and no plain description holds; for figures only.
        personas: Who speaks, one of these in each game; `population` if None. `read_personas` reads them from a file.

    Raises:
        PersonaError: As `checked_personas` does.
        UserError: As `Tables` does.
    """

    def __init__(
        self, tangrams: TangramSet, figurative: float = FIGURATIVE, personas: Sequence[Persona] | None = None
    ) -> None:
        known = None if personas is None else checked_personas(personas)
        self._tables = shared_tables(tangrams, float(figurative), known)

    @property
    def name(self) -> str:
        """Who speaks in this game."""
        return self._tables.personas[int(self._record["persona"])].name

    @property
    def wanted(self) -> Action:
        """The action that would answer the current utterance as it was meant."""
        select, deselect = int(self._record["wanted_select"]), int(self._record["wanted_deselect"])
        return Action.of_record(select | deselect, select)

    def start(self, game: Game, rng: np.random.Generator) -> str:
        """Draws a persona, chooses the first target and describes it; all chance follows from one number of `rng`."""
        records = game.records.copy()  # its own, as its set may number the tangrams in another way
        self._played, self._game = game, Game.of_records(game.context, records)
        places = [self._tables.tangrams.place(id) for id in game.context.listener_order]
        self._record["tangrams"][: len(places)] = places
        records["key"], records["drawn"] = rng.integers(1 << 63), 0
        playing.start(self._tables.records, records)
        return text_of(self._record)

    def reply(self, action: Action | None) -> str:
        """Judges the action, says so or not, and asks for what is wanted next."""
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
"""Makes a scripted speaker that says nothing but plain descriptions."""
