"""Contexts: which tangrams a game is about, in which orders, and which of them are the targets."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from multiref_gym.compiled import entries
from multiref_gym.compiled.contexts import CONTEXTS, MOST_TANGRAMS, Drawing
from multiref_gym.compiled.record import GAME, LARGEST_CONTEXT, Record, Records, bits, positions
from multiref_gym.game import CONTEXT_SIZE, MAX_TURNS, TARGETS, Context, Game
from multiref_gym.tangrams import TangramError, TangramSet


class Contexts:
    """Draws contexts: an anchor, then other tangrams one by one, both orders, how many targets and which.

    Args:
        tangrams: Where the tangrams come from.
        size: How many a context has.
        targets: The least and the greatest number of targets, each number as likely as any other.
        similarity: The probability, for each tangram after the anchor, that it is the one most alike to the anchor
            among those not drawn yet, with ties broken at random; else it is any.
        max_turns: After how many turns a game ends.
        numbered_in: The set whose order numbers the tangrams; `tangrams` if None.

    Attributes:
        size: How many tangrams a context has.
        drawing: All this as numbers.

    Raises:
        TangramError: `size` is more than there are letters, the set is smaller than `size` or larger than there is
            room for, or `similarity` is no probability. Or it is more than 0 where contexts cannot differ in it: a
            context is the whole set, or no two tangrams are alike at all.
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
        """Draws a context; all chance follows from one number of `rng`."""
        games = np.zeros(1, GAME)
        games["key"] = rng.integers(1 << 63)
        entries.draw(self.drawing, games)
        return self.context_of(games[0])

    def context_of(self, game: Record) -> Context:
        """Returns the context of a game whose record has it."""
        size, ids = game["context_size"], self._numbered.ids
        order, speaker_order = (
            tuple([ids[place] for place in game[order][:size].tolist()]) for order in ("tangrams", "speaker_order")
        )
        targets = positions(int(game["targets"]))
        return Context(speaker_order, order, frozenset([order[position] for position in targets]))

    def give(self, games: Records, game: Game) -> None:
        """Puts the context of a given game into records."""
        context = game.context
        size = len(context.listener_order)
        games["context_size"], games["max_turns"], games["targets"] = size, game.max_turns, bits(game.targets)
        games["tangrams"][:, :size] = [self._numbered.place(id) for id in context.listener_order]
        games["speaker_order"][:, :size] = [self._numbered.place(id) for id in context.speaker_order]


@lru_cache(maxsize=16)
def shared_contexts(tangrams: TangramSet, similarity: float = 0.0) -> Contexts:
    """Returns what draws contexts of the usual size and number of targets, made once in this process."""
    return Contexts(tangrams, similarity=similarity)
