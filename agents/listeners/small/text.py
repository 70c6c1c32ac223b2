"""Words as sub-words, for an open vocabulary: fastText's hashing (Bojanowski et al. 2017, section 3.2).

A word's vector is the sum of its own embedding and the mean of those of its 4-letter pieces, each found by a hash. So a
new word has an embedding close to its relatives' ("chimneys", "chimney"), and is learned fast, because it has its own
row.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

PIECE_LENGTH = 4
PIECES_PER_WORD = 16
"""The most rows of a word: itself and its pieces."""


@lru_cache(maxsize=100_000)
def rows_of(word: str, buckets: int) -> tuple[int, ...]:
    """Returns the rows of a word in the embedding table, its own first; row 0 is for padding."""
    marked = f"<{word}>"
    pieces = [marked[i : i + PIECE_LENGTH] for i in range(len(marked) - PIECE_LENGTH + 1)]
    spelled = [marked, *(f"~{piece}" for piece in pieces)][:PIECES_PER_WORD]
    return tuple(1 + zlib.crc32(piece.encode()) % (buckets - 1) for piece in spelled)


def encode_words(utterances: Sequence[Sequence[str]], buckets: int) -> tuple[Tensor, Tensor]:
    """Turns lists of words into tensors in which each distinct word occurs once.

    Args:
        utterances: A list of words for each row of the batch.
        buckets: The number of rows of the embedding table.

    Returns:
        The rows of the distinct words, int64 (words + 1, PIECES_PER_WORD), zero-padded, and for each utterance the
        index of its words in it, int64 (batch, longest), with 0 for padding.
    """
    index: dict[str, int] = {}
    texts = padded([[index.setdefault(word, len(index) + 1) for word in words] for words in utterances])
    return padded([(), *(rows_of(word, buckets) for word in index)], PIECES_PER_WORD), texts


def padded(rows: Sequence[Sequence[int]], width: int | None = None) -> Tensor:
    """Returns rows padded with zeros, int64 (rows, width); by default as wide as the longest, or 1."""
    filled = np.zeros((len(rows), width or max([1, *map(len, rows)])), np.int64)
    for number, row in enumerate(rows):
        filled[number, : len(row)] = row
    return torch.from_numpy(filled)
