"""The rules for plain Python: compiled functions over arrays of records, for any speaker."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from multiref_gym.compiled import contexts, rules
from multiref_gym.compiled.compiling import entry
from multiref_gym.compiled.contexts import Drawing
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
def draw(drawing: Drawing, games: Records) -> None:
    """Draws the context of the first game by its key."""
    contexts.draw(drawing, games[0])


@entry
def begin(drawing: Drawing, games: Records, which: NDArray[np.bool_], drawn: bool) -> None:
    """Begins new games in some places, as `begin_game` does; nobody has spoken in them yet."""
    for i in range(len(games)):
        if which[i]:
            contexts.begin_game(drawing, games[i], drawn)


@entry
def take_turns(
    games: Records,
    actions: NDArray[np.int8],
    mode: int,
    earned: Earned,
    ended: NDArray[np.bool_],
) -> None:
    """Takes a turn in each game, and marks those that had `ended` before."""
    for i in range(len(games)):
        ended[i] = rules.is_over(games[i])
        if ended[i]:
            earn_nothing(i, earned)
        else:
            take_turn(games[i], actions, i, mode, earned)


@entry
def observe_some(games: Records, which: NDArray[np.bool_], seen: Seen) -> None:
    """Writes the observations of some games' listeners."""
    for i in range(len(games)):
        if which[i]:
            observe(games[i], i, seen)
