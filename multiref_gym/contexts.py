"""Contexts: the tangrams of a game, their two orders, and the targets."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from multiref_gym.compiled import entries
from multiref_gym.compiled.contexts import CONTEXTS, MOST_TANGRAMS, Drawing
from multiref_gym.compiled.record import GAME, LARGEST_CONTEXT, Record, Records, bits, positions
from multiref_gym.game import CONTEXT_SIZE, MAX_TURNS, TARGETS, Context, Game
from multiref_gym.tangrams import TangramError, TangramSet


class Contexts:
    """Draws contexts: a first tangram (the anchor), the other tangrams one by one, both orders, and the targets.

    Args:
        tangrams: The set to draw from.
        size: The number of tangrams in a context.
        targets: The smallest and the largest number of targets; all numbers between them are equally likely.
        similarity: For each tangram after the anchor, the probability that it is the one most like the anchor among
            those not drawn yet (ties are broken at random); otherwise any tangram is drawn.
        max_turns: The number of turns after which a game ends.
        numbered_in: The set whose order numbers the tangrams; `tangrams` if None.

    Attributes:
        size: The number of tangrams in a context.
        drawing: All settings as numbers.

    Raises:
        TangramError: If `size` is larger than the number of letters or than the set, the set is too large, or
            `similarity` is not a probability. Also if `similarity` is above 0 but cannot matter: a context is the whole
            set, or no two tangrams are alike.
    """

    def __init__(
        self,
        tangrams: TangramSet,
        size: int = CONTEXT_SIZE,
        targets: tuple[int, int] = TARGETS,
        similarity: float = 0.0,
        max_turns: int = MAX_TURNS,
        numbered_in: TangramSet | None = None,
    ) -> None:
        numbered = tangrams if numbered_in is None else numbered_in
        count = len(tangrams)
        if size > LARGEST_CONTEXT:
            raise TangramError(f"a context of {size} tangrams: allowed are {LARGEST_CONTEXT}, one for each letter")
        if not 1 <= size <= count:
            raise TangramError(f"cannot draw {size} distinct tangrams from {tangrams.name}: it has {count}")
        if len(numbered) > MOST_TANGRAMS:
            raise TangramError(f"{numbered.name} has {len(numbered):,} tangrams: allowed are {MOST_TANGRAMS:,}")
        if not 0.0 <= similarity <= 1.0:
            raise TangramError(f"similarity {similarity}: expected a number from 0 to 1")
        self._numbered = numbered
        self.size = size
        nearest = tangrams.nearest(max(size - 1, 1)) if similarity else np.zeros((0, 0, 2), np.int32)
        self.drawing = Drawing(np.zeros(1, CONTEXTS), nearest)
        [record] = self.drawing.contexts
        record["context_size"], record["max_turns"], record["similarity"] = size, max_turns, similarity
        (record["fewest"], record["most"]), record["count"] = targets, count
        record["drawn_from"][:count] = [numbered.place(id) for id in tangrams.ids]

    def draw(self, rng: np.random.Generator) -> Context:
        """Draws a context; all its randomness follows from one number of `rng`."""
        games = np.zeros(1, GAME)
        games["key"] = rng.integers(1 << 63)
        entries.draw(self.drawing, games)
        return self.context_of(games[0])

    def context_of(self, game: Record) -> Context:
        """Returns the context in the record of a game."""
        size, ids = game["context_size"], self._numbered.ids
        order, speaker_order = (
            tuple([ids[place] for place in game[order][:size].tolist()]) for order in ("tangrams", "speaker_order")
        )
        targets = positions(int(game["targets"]))
        return Context(speaker_order, order, frozenset([order[position] for position in targets]))

    def give(self, games: Records, game: Game) -> None:
        """Writes the context of a given game into records."""
        context = game.context
        size = len(context.listener_order)
        games["context_size"], games["max_turns"], games["targets"] = size, game.max_turns, bits(game.targets)
        games["tangrams"][:, :size] = [self._numbered.place(id) for id in context.listener_order]
        games["speaker_order"][:, :size] = [self._numbered.place(id) for id in context.speaker_order]


@lru_cache(maxsize=16)
def shared_contexts(tangrams: TangramSet, similarity: float = 0.0) -> Contexts:
    """Returns the `Contexts` of the usual size and number of targets, made once in this process."""
    return Contexts(tangrams, similarity=similarity)
