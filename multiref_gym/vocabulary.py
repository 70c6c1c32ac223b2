"""Utterances as a fixed number of integers, for learners that do not read text: bytes, or word ids."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiref_gym.checking import read_json
from multiref_gym.errors import UserError
from multiref_gym.files import write_atomically

PADDING, UNKNOWN = 0, 1
"""The ids of padding and of a word that is not in the vocabulary."""


def words_of(text: str) -> list[str]:
    """Splits an utterance into lower-case words and marks."""
    return re.findall(r"[a-z0-9']+|[^\sa-z0-9']", text.lower())


class Vocabulary:
    """The words that have an id; 0 is padding, 1 any other word, and the first word has id 2.

    Args:
        words: The words in the order of their ids.

    Raises:
        UserError: If a word occurs twice, or `words_of` would not return it as one word.

    Example:
        >>> vocabulary = Vocabulary.of(["yes, now the boat", "no, the boat"], size=5)
        >>> vocabulary.words
        (',', 'boat', 'the')
        >>> vocabulary.ids("no, the boat!")
        [1, 2, 4, 3, 1]
    """

    def __init__(self, words: Sequence[str]) -> None:
        if odd := [word for word in words if not isinstance(word, str) or words_of(word) != [word]]:
            raise UserError(f"a vocabulary holds words in lower case, not {odd[0]!r:.60}")
        if len(set(words)) < len(words):
            [(word, _)] = Counter(words).most_common(1)
            raise UserError(f"the vocabulary has {word!r} twice")
        self.words = tuple(words)
        self._ids = {word: id for id, word in enumerate(words, start=UNKNOWN + 1)}

    @classmethod
    def of(cls, utterances: Iterable[str], size: int) -> Vocabulary:
        """Returns the vocabulary of the most frequent words, with at most `size` ids; ties are broken by alphabet.

        Raises:
            UserError: If the size has no room for padding and the unknown word.
        """
        if size <= UNKNOWN:
            raise UserError(f"size={size}: allowed is an int of at least {UNKNOWN + 1}, padding and the unknown word")
        counts = Counter(word for utterance in utterances for word in words_of(utterance))
        return cls(sorted(counts, key=lambda word: (-counts[word], word))[: size - UNKNOWN - 1])

    @classmethod
    def load(cls, path: Path | str) -> Vocabulary:
        """Reads a file that `save` wrote.

        Raises:
            UserError: If the file is missing or holds no vocabulary.
        """
        words = read_json(_File, Path(path)).words
        try:
            return cls(words)
        except UserError as error:
            raise UserError(f"{path}, field 'words': {error}") from error

    def save(self, path: Path | str) -> None:
        """Writes the words as JSON, beside what a run learned with them; an existing file stays as it is.

        Raises:
            UserError: If the file exists with other words, since what was learned with them would be misread.
        """
        path = Path(path)
        if path.exists():
            return self.check_same(Vocabulary.load(path), str(path))
        write_atomically(path, json.dumps({"words": self.words}, ensure_ascii=False))

    def check_same(self, other: Vocabulary, where: str = "the model") -> None:
        """Raises UserError if an id means another word in the other vocabulary; `where` says whose that one is."""
        if self.words == other.words:
            return
        if len(self) != len(other):
            raise UserError(f"the vocabulary of {where} has {len(other)} ids, this one has {len(self)}")
        pairs = enumerate(zip(self.words, other.words, strict=True), start=UNKNOWN + 1)
        id, here, there = next((id, here, there) for id, (here, there) in pairs if here != there)
        raise UserError(f"the vocabulary of {where} is different: its id {id} is {there!r}, here {here!r}")

    def __len__(self) -> int:
        """Returns the number of ids, including padding and the unknown word."""
        return len(self.words) + UNKNOWN + 1

    def ids(self, text: str) -> list[int]:
        """Returns the id of each word and punctuation mark of a text."""
        return [self._ids.get(word, UNKNOWN) for word in words_of(text)]


@dataclass(frozen=True)
class _File:
    words: list[str]


def encode(text: str, length: int, vocabulary: Vocabulary | None = None) -> NDArray[np.integer[Any]]:
    """Returns a text as integers: its word ids or, without a vocabulary, its UTF-8 bytes.

    Args:
        text: The text.
        length: The number of integers. Shorter texts are padded with zeros; longer ones lose their end, since speakers
            mostly judge first and describe then.
        vocabulary: The words that have an id.

    Returns:
        int32 (length,), from 0 to `len(vocabulary) - 1`; the bytes are uint8 (length,).
    """
    ids = list(text.encode()) if vocabulary is None else vocabulary.ids(text)
    encoded: NDArray[np.integer[Any]] = np.zeros(length, np.uint8 if vocabulary is None else np.int32)
    encoded[: len(ids)] = ids[:length]
    return encoded
