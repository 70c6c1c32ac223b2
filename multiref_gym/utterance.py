"""What an utterance may be: its characters, its length, and its space."""

from __future__ import annotations

from typing import Any, NoReturn

from gymnasium import spaces
from gymnasium.error import CustomSpaceError
from gymnasium.vector.utils import create_shared_memory

from multiref_gym.errors import UserError

CHARSET = "".join(
    chr(code)
    for first, last in ((0x20, 0x7E), (0xA0, 0x17F), (0x2010, 0x2027), (0x2030, 0x205E))
    for code in range(first, last + 1)
)
"""What an utterance may hold: ASCII, the Latin letters with accents, typographic punctuation."""

MAX_LENGTH = 512
"""The number of characters that an utterance may have."""

_CHARACTERS = frozenset(CHARSET)


class UtteranceSpace(spaces.Text):
    """The texts of up to `MAX_LENGTH` characters of `CHARSET`.

    Gymnasium's `AsyncVectorEnv` reads a text from shared memory once, when it is made, and returns that text ever
    after. This space has no shared memory, so that such an environment fails when it is made, and says why.
    """

    def __init__(self) -> None:
        super().__init__(MAX_LENGTH, min_length=0, charset=CHARSET)


@create_shared_memory.register(UtteranceSpace)
def _no_shared_memory(space: UtteranceSpace, n: int = 1, ctx: Any = None) -> NoReturn:
    raise CustomSpaceError("utterances go stale in shared memory: pass vector_kwargs={'shared_memory': False}")


def checked(utterance: Any) -> str:
    """Returns the utterance if the space holds it, else raises UserError."""
    if not isinstance(utterance, str):
        raise UserError(f"the speaker said {utterance!r}: allowed is a text")
    if utterance.isascii() and utterance.isprintable() and len(utterance) <= MAX_LENGTH:
        return utterance
    if len(utterance) > MAX_LENGTH:
        raise UserError(f"the speaker said {len(utterance)} characters: allowed are {MAX_LENGTH}")
    if strange := sorted(set(utterance) - _CHARACTERS):
        raise UserError(
            f"the speaker said {strange[0]!r} in {utterance!r}: allowed are the characters of "
            "multiref_gym.utterance.CHARSET"
        )
    return utterance
