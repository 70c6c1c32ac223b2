"""Decodes many games in blocks, which workers may share; a block is the same whoever decodes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice

from multiref_gym.agents.workers import Tell, Workers
from multiref_gym.feedback import Exchange, Feedback, FeedbackDecoder, decoded_games

BLOCK = 128
"""Games that are decoded together, as the last bits of a model's numbers may depend on what it reads together."""

Exchanges = Sequence[Exchange]


class Decoding:
    """Decodes blocks of games: what a worker makes once.

    Args:
        make: Makes the decoder.
    """

    def __init__(self, make: Callable[[], FeedbackDecoder]) -> None:
        self._decoder = make()

    def __call__(self, games: Sequence[Exchanges], tell: Tell) -> list[list[Feedback]]:
        """Returns the feedback in the exchanges of each game."""
        return decoded_games(self._decoder, games)


def decode_divided(
    workers: Workers, make: Callable[[], FeedbackDecoder], games: Iterable[Exchanges]
) -> Iterator[list[Feedback]]:
    """Yields the feedback in the exchanges of each game, in order; some blocks are in memory at a time.

    Args:
        workers: Who decodes.
        make: Makes the decoder; sent to each worker.
        games: The exchanges of each game.

    Raises:
        UserError: As `multiref_gym.feedback.decoded` and the workers do.
    """
    return chain.from_iterable(workers.run(partial(Decoding, make), _blocks(iter(games))))


def _blocks(games: Iterator[Exchanges]) -> Iterator[list[Exchanges]]:
    while block := list(islice(games, BLOCK)):
        yield block
