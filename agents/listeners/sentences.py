"""Sentence encoders of sentence-transformers, which make texts comparable by meaning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from multiref_gym.errors import UserError

Encoder = Callable[[Sequence[str]], Any]
"""Makes texts comparable by their cosine: a row for each, float (texts, width), as an array or a sparse matrix."""


def sentence_encoder(model: str) -> Encoder:
    """Loads a sentence encoder.

    Args:
        model: A folder or a hub id of a sentence-transformers model.

    Raises:
        UserError: If the model cannot be loaded or sentence-transformers is missing.
    """
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise UserError("a sentence encoder needs `pip install multiref-gym[sentences]`") from error
    try:
        encode: Encoder = SentenceTransformer(model).encode
    except (OSError, ValueError) as error:
        raise UserError(f"cannot load a sentence encoder from {model!r}: {error}") from error
    return encode
