"""Words as sub-words, with no end to the vocabulary: fastText's hashing (Bojanowski et al. 2017, section 3.2).

A word is the sum of its own embedding and the mean of those of its 4-letter pieces, each found by a hash. So a word
that was never seen has an embedding close to its relatives' ("chimneys", "chimney"), and a new one is learned fast,
as it has a row of its own.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

PIECE_LENGTH = 4
PIECES_PER_WORD = 16
"""Rows of a word: itself and at most this many pieces less one."""


def words_of(text: str) -> list[str]:
    """Splits an utterance into lower-case words and marks."""
    return re.findall(r"[a-z0-9']+|[^\sa-z0-9']", text.lower())


@lru_cache(maxsize=100_000)
def rows_of(word: str, buckets: int) -> tuple[int, ...]:
    """Returns the rows of the embedding table for a word, its own first; row 0 is left to padding."""
    marked = f"<{word}>"
    pieces = [marked[i : i + PIECE_LENGTH] for i in range(len(marked) - PIECE_LENGTH + 1)]
    spelled = [marked, *(f"~{piece}" for piece in pieces)][:PIECES_PER_WORD]
    return tuple(1 + zlib.crc32(piece.encode()) % (buckets - 1) for piece in spelled)


def encode_words(utterances: Sequence[Sequence[str]], buckets: int) -> tuple[Tensor, Tensor]:
    """Turns lists of words into tensors in which each distinct word stands once.

    Args:
        utterances: A list of words for each row of the batch.
        buckets: The number of rows of the embedding table.

    Returns:
        The rows of the distinct words, int64 (words + 1, PIECES_PER_WORD), zero-padded, and for each utterance the
        index of its words in it, int64 (batch, longest), with 0 for padding.
    """
    index: dict[str, int] = {}
    texts = torch.zeros(len(utterances), max((len(words) for words in utterances), default=0) or 1, dtype=torch.long)
    for row, words in enumerate(utterances):
        if words:
            texts[row, : len(words)] = torch.tensor([index.setdefault(word, len(index) + 1) for word in words])
    pieces = torch.zeros(len(index) + 1, PIECES_PER_WORD, dtype=torch.long)
    for word, i in index.items():
        rows = rows_of(word, buckets)
        pieces[i, : len(rows)] = torch.tensor(rows)
    return pieces, texts
