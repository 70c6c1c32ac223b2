"""Many games at once, each with a speaker: the core of the environments."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count as counted
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiref_gym.compiled import entries
from multiref_gym.compiled.record import GAME, Records, put_text
from multiref_gym.compiled.seen import SAME_STEP, Earned, Seen
from multiref_gym.contexts import Contexts
from multiref_gym.game import Action, Game
from multiref_gym.speaker import Speaker, compiled, opened_all, replied_all


class Games:
    """Games in arrays, played by compiled functions.

    A compiled speaker speaks in all games at once; other speakers are made once for each game.

    Args:
        count: The number of games.
        contexts: Draws the contexts.
        make_speaker: Makes a speaker.
        mode: Bits of `compiled.seen`: `SAME_STEP`, `PROGRESS`.

    Attributes:
        records: The whole state of the games, an array of `compiled.record.GAME`.
        tangrams: int32 (games, size): the tangrams in the listener's order, as places in the whole set.
        clicks: int64 (games,): the last clicks, as bits.
        selected: int64 (games,): the selections, as bits.
    """

    def __init__(self, count: int, contexts: Contexts, make_speaker: Callable[[], Speaker], mode: int) -> None:
        self.contexts, self._mode = contexts, mode
        self.records: Records = np.zeros(count, GAME)
        self._look()
        speaker = make_speaker()
        self._compiled = compiled(speaker)
        self._own = [] if self._compiled else [speaker, *(make_speaker() for _ in range(count - 1))]
        self._games: list[Game | None] = [None] * count  # for speakers that are not compiled

    def _look(self) -> None:
        """Makes views of the records, which always show the current state."""
        size = int(self.contexts.size)
        self.tangrams: NDArray[np.int32] = self.records["tangrams"][:, :size]
        self.clicks: NDArray[np.int64] = self.records["clicks"]
        self.selected: NDArray[np.int64] = self.records["selected"]
        self._text, self._length = self.records["text"], self.records["length"]

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._look()  # copying and pickling turn views into separate arrays
        for i, game in enumerate(self._games):
            if game is not None:
                game.records = self._record(i)

    def _record(self, i: int) -> Records:
        """Returns the record of a game; for a single game the array itself, so that copies and pickles share it."""
        return self.records if len(self.records) == 1 else self.records[i : i + 1]

    def new_seen(self, utterance_bytes: int = 0) -> Seen:
        """Returns fresh arrays for the listeners' observations."""
        count, size = self.tangrams.shape
        text = np.zeros((count, utterance_bytes), np.uint8)
        return Seen(np.zeros((count, size), np.int8), np.zeros(count, np.int64), text)

    def new_earned(self) -> Earned:
        """Returns fresh arrays for the listeners' rewards."""
        count = len(self.records)
        return Earned(np.empty(count), np.empty(count, np.bool_), np.empty(count, np.bool_))

    def seed(self, i: int, rng: np.random.Generator) -> None:
        """Seeds all randomness of a game and of the games that follow it in its place."""
        self.records["seed"][i], self.records["number"][i] = rng.integers(1 << 63), 0

    def utterance(self, i: int) -> str:
        """Returns the last utterance in a game."""
        return self._text[i, : self._length[i]].tobytes().decode("utf-32-le")

    def utterances(self) -> list[str]:
        """Returns the last utterance in each game."""
        lengths = self._length.tolist()
        width = max(lengths)
        together = self._text[:, :width].tobytes().decode("utf-32-le")
        return [together[start : start + length] for start, length in zip(counted(0, width), lengths)]

    def game(self, i: int) -> Game:
        """Returns a view of one of the games."""
        records = self._record(i)
        return Game.of_records(self.contexts.context_of(records[0]), records)

    def speaker(self, i: int, game: Game | None = None) -> Speaker:
        """Returns the speaker of one of the games; `game` is a view of that game, if there is one already."""
        return self._compiled.of_game(game or self.game(i)) if self._compiled else self._own[i]

    def begin(self, which: NDArray[np.bool_], seen: Seen, given: Game | None = None) -> None:
        """Begins new games in some places, with drawn contexts or with that of a given game.

        Raises:
            UserError: As in `multiref_gym.speaker.opened`.
        """
        if given is not None:
            for i in np.flatnonzero(which).tolist():
                self.contexts.give(self.records[i : i + 1], given)
        if self._compiled:
            self._compiled.begin_games(self.contexts.drawing, self.records, which, given is None)
        else:
            self._begin_own(which, given is None)
        entries.observe_some(self.records, np.ones_like(which), seen)

    def step(self, actions: NDArray[np.int8], understood: bool, seen: Seen, earned: Earned, final: Seen) -> None:
        """Takes a turn in each game; a game that has ended is followed by a new one, in this step or in the next.

        Args:
            actions: int8 (games, size) of zeros and ones.
            understood: False if the listeners' answers were not actions.
            seen: Receives the listeners' observations.
            earned: Receives their rewards.
            final: Receives the last observations of games that ended, if a new game begins in the same step.

        Raises:
            UserError: As in `multiref_gym.speaker.replied`.
        """
        if self._compiled:
            arguments = self.contexts.drawing, self.records, actions, understood
            self._compiled.step_games(*arguments, self._mode, seen, earned, final)
            return
        begins = np.empty(len(self.records), np.bool_)
        entries.take_turns(self.records, actions, self._mode, earned, begins)
        going = np.flatnonzero(~begins).tolist()
        done = zip(self.clicks[going].tolist(), self.selected[going].tolist(), strict=True)
        taken = [Action.of_record(*one) if understood else None for one in done]
        for i, said in zip(going, replied_all([self._own[i] for i in going], taken), strict=True):
            put_text(self.records[i], said)
        if self._mode & SAME_STEP:
            entries.observe_some(self.records, earned.terminated, final)
            begins |= earned.terminated
        self._begin_own(begins, True)
        entries.observe_some(self.records, np.ones_like(begins), seen)

    def _begin_own(self, which: NDArray[np.bool_], drawn: bool) -> None:
        beginning = np.flatnonzero(which).tolist()
        for i in beginning:
            if (left := self._games[i]) is not None:
                left.records = left.records.copy()  # a speaker that still holds it sees its final state
        entries.begin(self.contexts.drawing, self.records, which, drawn)
        games, rngs = [], []
        for i in beginning:
            rngs.append(np.random.default_rng(int(self.records["key"][i])))
            self._games[i] = game = self.game(i)
            games.append(game)
        for i, said in zip(beginning, opened_all([self._own[i] for i in beginning], games, rngs), strict=True):
            put_text(self.records[i], said)
