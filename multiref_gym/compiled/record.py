"""One game as a record of numbers, so that compiled functions can read and write it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiref_gym.utterance import MAX_LENGTH

LARGEST_CONTEXT = 26
"""The number of letters."""
REMEMBERED = 64
"""The number of latest descriptions that a speaker avoids repeating."""

Record = Any
"""One element of an array of records. Type checkers do not know its fields."""
Records = NDArray[Any]
"""An array of records; also used for a single one, since numba takes an array faster than a record."""

GAME = np.dtype(
    (
        np.record,
        np.dtype(
            [
                # Random numbers: see `chance`.
                ("seed", np.uint64),  # of this game and the following ones
                ("number", np.uint64),  # the number of earlier games of this seed
                ("key", np.uint64),  # of this game
                ("drawn", np.uint64),  # the count of numbers drawn so far
                # The rules. A set of tangrams is an integer, with a bit for each position of the listener's order.
                ("context_size", np.int64),
                ("max_turns", np.int64),
                ("turn", np.int64),
                ("targets", np.int64),
                ("selected", np.int64),
                ("clicks", np.int64),  # of the last turn
                ("tangrams", np.int32, LARGEST_CONTEXT),  # in the listener's order, as places in the set
                ("speaker_order", np.int32, LARGEST_CONTEXT),
                # The speaker.
                ("persona", np.int64),
                ("described", np.int64),
                ("wanted_select", np.int64),
                ("wanted_deselect", np.int64),
                ("descriptions", np.int64),  # the count so far
                ("said_of", np.int64, REMEMBERED),  # the position that each description was of
                ("said", np.uint64, REMEMBERED),  # its text, hashed
                ("room", np.int32, LARGEST_CONTEXT),  # scratch space for choosing
                ("length", np.int64),  # of the text; one above the limit if the text is too long
                ("text", np.uint32, MAX_LENGTH + 1),  # the last utterance, as code points
            ],
            align=True,
        ),
    )
)


def text_of(game: Record) -> str:
    """Returns the speaker's last utterance."""
    return str(game["text"][: game["length"]].tobytes().decode("utf-32-le"))


def put_text(game: Record, text: str) -> None:
    """Writes another speaker's utterance of at most `MAX_LENGTH` characters into the record."""
    game["length"] = len(text)
    game["text"][: len(text)] = np.frombuffer(text.encode("utf-32-le"), np.uint32)


@lru_cache(maxsize=1 << 12)
def positions(bits: int) -> frozenset[int]:
    """Returns a set of positions as a Python set."""
    return frozenset([position for position in range(bits.bit_length()) if bits >> position & 1])


@lru_cache(maxsize=1 << 12)
def bits(positions: frozenset[int]) -> int:
    """Returns a set of positions as an integer, the form in records."""
    return sum([1 << position for position in positions])
