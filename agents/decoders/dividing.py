"""Decodes many games in blocks that workers share. The blocks do not depend on the number of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice

from multiref_gym.agents.workers import Report, Workers
from multiref_gym.feedback import Exchange, Feedback, FeedbackDecoder, decoded_games

BLOCK = 128
"""The games in a block. It is fixed, since the last bits of a model's numbers may depend on what it reads together."""

Exchanges = Sequence[Exchange]


class Decoding:
    """Decodes blocks of games; each worker makes one.

    Args:
        make: Makes the decoder.
    """

    def __init__(self, make: Callable[[], FeedbackDecoder]) -> None:
        self._decoder = make()

    def __call__(self, games: Sequence[Exchanges], report: Report) -> list[list[Feedback]]:
        """Returns the feedback in the exchanges of each game."""
        return decoded_games(self._decoder, games)


def decode_divided(
    workers: Workers, make: Callable[[], FeedbackDecoder], games: Iterable[Exchanges]
) -> Iterator[list[Feedback]]:
    """Yields the feedback in the exchanges of each game, in order, with only a few blocks in memory at a time.

    Args:
        workers: The workers that decode.
        make: Makes the decoder; sent to each worker.
        games: The exchanges of each game.

    Raises:
        UserError: As in `multiref_gym.feedback.decoded` and in the workers.
    """
    return chain.from_iterable(workers.run(partial(Decoding, make), _blocks(iter(games))))


def _blocks(games: Iterator[Exchanges]) -> Iterator[list[Exchanges]]:
    while block := list(islice(games, BLOCK)):
        yield block
