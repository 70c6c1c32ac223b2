"""Plays scripted games, one or thousands: a step of an environment is a call of one compiled function."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multiref_gym.compiled import contexts
from multiref_gym.compiled.compiling import compiled, entry
from multiref_gym.compiled.contexts import Drawing
from multiref_gym.compiled.record import Record, Records
from multiref_gym.compiled.rules import is_over
from multiref_gym.compiled.seen import SAME_STEP, Earned, Seen, earn_nothing, observe, take_turn
from multiref_gym.simulators import script
from multiref_gym.utterance import MAX_LENGTH


@entry
def start(tables: Records, games: Records) -> None:
    """Has the speaker open the first game, whose context is there."""
    script.start(tables[0], games[0])


@entry
def reply(tables: Records, games: Records, understood: bool) -> None:
    """Has the speaker reply to the turn that has been taken in the first game."""
    script.reply(tables[0], games[0], understood)


@entry
def begin(tables: Records, drawing: Drawing, games: Records, which: NDArray[np.bool_], drawn: bool) -> bool:
    """Begins other games in the places of some, whose contexts are `drawn` or there.

    Returns whether all was said in the length that an utterance may have.
    """
    fine = True
    for i in range(len(games)):
        if which[i]:
            fine &= _begin(tables[0], drawing, games[i], drawn)
    return fine


@entry
def step(
    tables: Records,
    drawing: Drawing,
    games: Records,
    actions: NDArray[np.int8],
    understood: bool,
    mode: int,
    seen: Seen,
    earned: Earned,
    final: Seen,
) -> bool:
    """Takes a turn in each game; one that has ended is followed by another, in this step or in the next.

    Returns as `begin` does.
    """
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
    contexts.begin(drawing, game, drawn)
    script.start(tables, game)
    return bool(game.length <= MAX_LENGTH)
