"""What plain Python asks of the rules: compiled functions over arrays of records, whoever speaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multiref_gym.compiled import contexts as drawing
from multiref_gym.compiled import rules
from multiref_gym.compiled.compiling import entry
from multiref_gym.compiled.record import Records
from multiref_gym.compiled.seen import Earned, Seen, earn_nothing, observe, take_turn


@entry
def take(games: Records, clicks: int) -> None:
    """Takes one turn of the first game."""
    rules.take(games[0], clicks)


@entry
def is_won(games: Records) -> bool:
    """Whether the first game is won."""
    return rules.is_won(games[0])


@entry
def is_over(games: Records) -> bool:
    """Whether the first game is over."""
    return rules.is_over(games[0])


@entry
def draw(contexts: Records, nearest: drawing.Nearest, games: Records) -> None:
    """Draws the context of the first game by its key."""
    drawing.draw(contexts[0], nearest, games[0])


@entry
def begin(contexts: Records, nearest: drawing.Nearest, games: Records, which: NDArray[np.bool_], drawn: bool) -> None:
    """Begins other games in the places of some, whose contexts are `drawn` or there; nobody has spoken in them."""
    for i in range(len(games)):
        if which[i]:
            drawing.next_key(games[i])
            if drawn:
                drawing.draw(contexts[0], nearest, games[i])
            drawing.begin(games[i])


@entry
def take_turns(
    games: Records,
    actions: NDArray[np.int8],
    mode: int,
    reward: NDArray[np.float64],
    terminated: NDArray[np.bool_],
    success: NDArray[np.bool_],
    ended: NDArray[np.bool_],
) -> None:
    """Takes a turn in each game, and notes those that had `ended` before."""
    earned = Earned(reward, terminated, success)
    for i in range(len(games)):
        ended[i] = rules.is_over(games[i])
        if ended[i]:
            earn_nothing(i, earned)
        else:
            take_turn(games[i], actions, i, mode, earned)


@entry
def observe_some(
    games: Records,
    which: NDArray[np.bool_],
    selected: NDArray[np.int8],
    turn: NDArray[np.int64],
    utterance: NDArray[np.uint8],
) -> None:
    """Writes what the listeners of some games see."""
    for i in range(len(games)):
        if which[i]:
            observe(games[i], i, Seen(selected, turn, utterance))
