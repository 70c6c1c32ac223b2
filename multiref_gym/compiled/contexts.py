"""Draws the context of a game: its tangrams, both orders, and the targets."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from multiref_gym.compiled.chance import GOLDEN, ONE, below, happens, mixed
from multiref_gym.compiled.compiling import compiled
from multiref_gym.compiled.record import Record, Records

MOST_TANGRAMS = 1 << 13
"""The most tangrams in a set. Unused room takes no memory, because the system allocates it page by page."""

CONTEXTS = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("context_size", np.int64),
                ("fewest", np.int64),  # targets
                ("most", np.int64),
                ("max_turns", np.int64),
                ("similarity", np.float64),
                ("count", np.int64),
                ("drawn_from", np.int32, MOST_TANGRAMS),  # places in the whole set
            ],
            align=True,
        ),
    )
)
"""The settings for drawing contexts, and the tangrams to draw from."""


class Drawing(NamedTuple):
    """The data for drawing contexts.

    Attributes:
        contexts: An array of one `CONTEXTS`.
        nearest: int32 (count, width, 2): for each tangram its most similar ones, the most similar first; the second
            number is the place where the group of equally similar ones ends. Empty if the similarity is 0.
    """

    contexts: Records
    nearest: NDArray[np.int32]


@compiled
def begin_game(drawing: Drawing, game: Record, drawn: bool) -> None:
    """Begins the next game of a record's seed, with a key of its own; keeps its context unless one is `drawn`."""
    game.key = mixed(game.seed + game.number * GOLDEN)
    game.number += ONE
    game.drawn = np.uint64(0)
    if drawn:
        draw(drawing, game)
    game.selected = game.clicks = game.turn = 0


@compiled
def draw(drawing: Drawing, game: Record) -> None:
    """Draws a context; the orders are independent of each other and of the targets."""
    contexts = drawing.contexts[0]
    game.context_size, game.max_turns = contexts.context_size, contexts.max_turns
    _draw_tangrams(contexts, drawing.nearest, game)
    _shuffle(game, game.tangrams)
    for i in range(game.context_size):
        game.speaker_order[i] = game.tangrams[i]
    _shuffle(game, game.speaker_order)
    count = contexts.fewest + below(game, contexts.most - contexts.fewest + 1)
    game.targets = 0
    for i in range(game.context_size):  # each position with the probability that gives `count` targets in all
        if below(game, game.context_size - i) < count:
            game.targets |= 1 << i
            count -= 1


@compiled
def _shuffle(game: Record, order: NDArray[np.int32]) -> None:
    for i in range(game.context_size - 1, 0, -1):
        j = below(game, i + 1)
        order[i], order[j] = order[j], order[i]


@compiled
def _draw_tangrams(contexts: Record, nearest: NDArray[np.int32], game: Record) -> None:
    """Draws the anchor, then the others, each with probability `similarity` the one most like the anchor."""
    chosen, anchor = game.room, below(game, contexts.count)
    chosen[0] = anchor
    drawn = 1
    while drawn < game.context_size:
        if contexts.similarity > 0 and happens(game, contexts.similarity):
            index = _nearest_left(nearest[anchor], game, drawn)
        else:
            index = below(game, contexts.count)
            if _is_among(chosen, drawn, index):
                continue
        chosen[drawn] = index
        drawn += 1
    for i in range(game.context_size):
        game.tangrams[i] = contexts.drawn_from[chosen[i]]


@compiled
def _is_among(chosen: NDArray[np.int32], count: int, index: int) -> bool:
    for i in range(count):  # noqa: SIM110 (numba has no `any`)
        if chosen[i] == index:
            return True
    return False


@compiled
def _nearest_left(nearest: NDArray[np.int32], game: Record, drawn: int) -> int:
    """Returns one of the most similar tangrams that are not drawn yet; ties are broken at random."""
    start = 0
    while True:
        end = nearest[start, 1]
        left = 0
        for i in range(start, end):
            left += not _is_among(game.room, drawn, nearest[i, 0])
        if left:
            which = below(game, left)
            for i in range(start, end):
                if not _is_among(game.room, drawn, nearest[i, 0]):
                    if which == 0:
                        return int(nearest[i, 0])
                    which -= 1
        start = end
