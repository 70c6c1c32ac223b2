"""Plays scripted games, one or thousands; an environment's step is one call of a compiled function."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multiref_gym.compiled.compiling import compiled, entry
from multiref_gym.compiled.contexts import Drawing, begin_game
from multiref_gym.compiled.record import Record, Records
from multiref_gym.compiled.rules import is_over
from multiref_gym.compiled.seen import SAME_STEP, Earned, Seen, earn_nothing, observe, take_turn
from multiref_gym.simulators import script
from multiref_gym.utterance import MAX_LENGTH


@entry
def start(tables: Records, games: Records) -> None:
    """Has the speaker open the first game, which has its context already."""
    script.start(tables[0], games[0])


@entry
def reply(tables: Records, games: Records, played: Records, understood: bool) -> None:
    """Has the speaker reply to the turn just taken in `played`; `games` is its own record of the game."""
    own, game = games[0], played[0]
    own.turn, own.selected, own.clicks = game.turn, game.selected, game.clicks
    script.reply(tables[0], games[0], understood)


@entry
def begin(
    tables: Records,
    contexts: Records,
    nearest: NDArray[np.int32],
    games: Records,
    which: NDArray[np.bool_],
    drawn: bool,
) -> bool:
    """Begins new games in some places, as `begin_game` does, and has the speaker open them.

    Returns whether all utterances are within the allowed length.
    """
    drawing, fine = Drawing(contexts, nearest), True
    for i in range(len(games)):
        if which[i]:
            fine &= _begin(tables[0], drawing, games[i], drawn)
    return fine


@entry
def step(
    tables: Records,
    contexts: Records,
    nearest: NDArray[np.int32],
    games: Records,
    actions: NDArray[np.int8],
    understood: bool,
    mode: int,
    selected: NDArray[np.int8],
    turn: NDArray[np.int64],
    utterance: NDArray[np.uint8],
    reward: NDArray[np.float64],
    terminated: NDArray[np.bool_],
    success: NDArray[np.bool_],
    final_selected: NDArray[np.int8],
    final_turn: NDArray[np.int64],
    final_utterance: NDArray[np.uint8],
) -> bool:
    """Takes a turn in each game; a game that has ended is followed by a new one, in this step or in the next.

    The arguments are single arrays, because numba takes them twice as fast as tuples. Returns the same as `begin`.
    """
    drawing, seen = Drawing(contexts, nearest), Seen(selected, turn, utterance)
    earned, final = Earned(reward, terminated, success), Seen(final_selected, final_turn, final_utterance)
    fine = True
    for i in range(len(games)):
        game = games[i]
        if is_over(game):
            earn_nothing(i, earned)
            fine &= _begin(tables[0], drawing, game, True)
        else:
            take_turn(game, actions, i, mode, earned)
            script.reply(tables[0], game, understood)
            fine &= game.length <= MAX_LENGTH
            if mode & SAME_STEP and earned.terminated[i]:
                observe(game, i, final)
                fine &= _begin(tables[0], drawing, game, True)
        observe(game, i, seen)
    return fine


@compiled
def _begin(tables: Record, drawing: Drawing, game: Record, drawn: bool) -> bool:
    begin_game(drawing, game, drawn)
    script.start(tables, game)
    return bool(game.length <= MAX_LENGTH)
