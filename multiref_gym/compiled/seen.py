"""The observations and rewards of listeners: arrays with one row for each game."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multiref_gym.compiled.compiling import compiled
from multiref_gym.compiled.record import Record
from multiref_gym.compiled.rules import is_over, is_won, overlap, take

SAME_STEP, PROGRESS = 1, 2
"""Bits of a mode: a new game begins in the step that ends one; the reward is the change in overlap."""


class Seen(NamedTuple):
    """The listeners' observations.

    Attributes:
        selected: int8 (games, size).
        turn: int64 (games,).
        utterance: uint8 (games, bytes), UTF-8, cut off or padded with zeros; not written if it has width 0.
    """

    selected: NDArray[np.int8]
    turn: NDArray[np.int64]
    utterance: NDArray[np.uint8]


class Earned(NamedTuple):
    """The outcome of a turn.

    Attributes:
        reward: float64 (games,).
        terminated: bool (games,).
        success: bool (games,).
    """

    reward: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    success: NDArray[np.bool_]


@compiled
def take_turn(game: Record, actions: NDArray[np.int8], i: int, mode: int, earned: Earned) -> None:
    """Takes a turn of game `i`, with the clicks of row `i`, and writes its outcome."""
    clicks = 0
    for position in range(game.context_size):
        clicks |= int(actions[i, position]) << position
    before = overlap(game) if mode & PROGRESS else 0.0
    take(game, clicks)
    won = is_won(game)
    earned.terminated[i], earned.success[i] = is_over(game), won
    earned.reward[i] = overlap(game) - before if mode & PROGRESS else 1.0 if won else 0.0


@compiled
def earn_nothing(i: int, earned: Earned) -> None:
    """Writes the outcome of game `i` when it has just begun and nobody has acted."""
    earned.reward[i], earned.terminated[i], earned.success[i] = 0.0, False, False


@compiled
def observe(game: Record, i: int, seen: Seen) -> None:
    """Writes the observation of a game's listener into row `i`."""
    for position in range(game.context_size):
        seen.selected[i, position] = game.selected >> position & 1
    seen.turn[i] = game.turn
    if seen.utterance.shape[1]:
        encode(game, seen.utterance[i])


@compiled
def encode(game: Record, row: NDArray[np.uint8]) -> None:
    """Writes the text as UTF-8."""
    place = 0
    for i in range(game.length):
        if place >= len(row):
            return
        code = game.text[i]
        if code < 0x80:
            row[place] = code
            place += 1
            continue
        following = 1 if code < 0x800 else 2 if code < 0x10000 else 3
        first = (0xC0, 0xE0, 0xF0)[following - 1]
        for number in range(following, -1, -1):
            byte = code >> 6 * number
            byte = first | byte if number == following else 0x80 | byte & 0x3F
            if place < len(row):
                row[place] = byte
            place += 1
    for i in range(place, len(row)):
        row[i] = 0
