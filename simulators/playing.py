"""Plays scripted games, one or thousands: a step of an environment is a call of one compiled function."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from multiref_gym.compiled import contexts as drawing
from multiref_gym.compiled import entries
from multiref_gym.compiled.boards import draw_cells
from multiref_gym.compiled.compiling import compile_all, compiled, entry
from multiref_gym.compiled.record import GAME, Record, Records
from multiref_gym.compiled.rules import is_over
from multiref_gym.compiled.seen import SAME_STEP, Earned, Seen, earn_nothing, observe, take_turn
from multiref_gym.simulators import script
from multiref_gym.simulators.tables import TABLES
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
def begin(
    tables: Records,
    contexts: Records,
    nearest: drawing.Nearest,
    games: Records,
    which: NDArray[np.bool_],
    drawn: bool,
) -> bool:
    """Begins other games in the places of some, whose contexts are `drawn` or there.

    Returns whether all was said in the length that an utterance may have.
    """
    fine = True
    for i in range(len(games)):
        if which[i]:
            fine &= _begin(tables[0], contexts[0], nearest, games[i], drawn)
    return fine


@entry
def step(
    tables: Records,
    contexts: Records,
    nearest: drawing.Nearest,
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
    """Takes a turn in each game; one that has ended is followed by another, in this step or in the next.

    Returns as `begin` does.
    """
    seen, earned = Seen(selected, turn, utterance), Earned(reward, terminated, success)
    final = Seen(final_selected, final_turn, final_utterance)
    fine = True
    for i in range(len(games)):
        game = games[i]
        if is_over(game):
            earn_nothing(i, earned)
            fine &= _begin(tables[0], contexts[0], nearest, game, True)
        else:
            take_turn(game, actions, i, mode, earned)
            script.reply(tables[0], game, understood)
            if mode & SAME_STEP and terminated[i]:
                observe(game, i, final)
                fine &= game.length <= MAX_LENGTH
                _begin(tables[0], contexts[0], nearest, game, True)
            fine &= game.length <= MAX_LENGTH
        observe(game, i, seen)
    return fine


@compiled
def _begin(tables: Record, contexts: Record, nearest: drawing.Nearest, game: Record, drawn: bool) -> bool:
    drawing.next_key(game)
    if drawn:
        drawing.draw(contexts, nearest, game)
    drawing.begin(game)
    script.start(tables, game)
    return bool(game.length <= MAX_LENGTH)


@cache
def warm() -> None:
    """Compiles all that games need, if nobody has done so on this machine."""
    tables, contexts, games = (np.empty(1, kind) for kind in (TABLES, drawing.CONTEXTS, GAME))
    nearest, mask = np.empty((0, 0, 2), np.int32), np.empty(1, np.bool_)
    clicks, tangrams = np.empty((1, 1), np.int8), np.empty((1, 1), np.int32)
    seen = Seen(clicks, np.empty(1, np.int64), np.empty((1, 1), np.uint8))
    earned = Earned(np.empty(1), mask, mask)
    numbers, picture = np.empty((1, 1), np.int64), np.empty((1, 1, 1), np.uint8)
    board = np.empty((1, 1, 1, 3), np.uint8)
    cells = board[None], numbers, numbers[0]
    compile_all(
        [
            (begin, (tables, contexts, nearest, games, mask, True)),
            (step, (tables, contexts, nearest, games, clicks, True, 0, *seen, *earned, *seen)),
            (start, (tables, games)),
            (reply, (tables, games, True)),
            (entries.take, (games, 0)),
            (entries.is_won, (games,)),
            (entries.is_over, (games,)),
            (entries.draw, (contexts, nearest, games)),
            (entries.begin, (contexts, nearest, games, mask, True)),
            (entries.take_turns, (games, clicks, 0, *earned, mask)),
            (entries.observe_some, (games, mask, *seen)),
            (draw_cells, (board, clicks, tangrams, clicks, picture, *cells)),
        ]
    )
