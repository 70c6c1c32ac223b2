"""What an utterance may be: its characters, its length, and its space."""

from __future__ import annotations

import re
from copy import copy, deepcopy
from typing import Any, NoReturn, Self

from gymnasium import spaces
from gymnasium.error import CustomSpaceError
from gymnasium.vector.utils import create_shared_memory

from multiref_gym.errors import UserError
from multiref_gym.parts import is_own, part_name

CHARSET = "".join(
    chr(code)
    for first, last in ((0x20, 0x7E), (0xA0, 0x17F), (0x2010, 0x2027), (0x2030, 0x205E))
    for code in range(first, last + 1)
)
"""What a sample of the space is made of: ASCII, the Latin letters with accents, typographic punctuation."""

MAX_LENGTH = 512
"""The number of characters that an utterance may have."""
MOST_BYTES = 4 * MAX_LENGTH
"""The number of bytes that it may have, as UTF-8 has up to four for a character."""

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, the ends of lines among them, and halves of characters."""


class UtteranceSpace(spaces.Text):
    """The texts of one line and up to `MAX_LENGTH` characters: of any script, without control characters.

    No space can list all characters, so `characters` are those of samples alone, `CHARSET`.

    Gymnasium's `AsyncVectorEnv` reads a text from shared memory once, when it is made, and returns that text ever
    after. This space has no shared memory, so that such an environment fails when it is made, and says why.
    """

    def __init__(self) -> None:
        super().__init__(MAX_LENGTH, min_length=0, charset=CHARSET)

    def contains(self, x: Any) -> bool:
        """Whether a value is such a text."""
        return is_utterance(x)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Returns a space with a generator of its own: the characters never change, and a vector has many spaces."""
        copied = copy(self)
        copied._np_random = deepcopy(self._np_random, memo)
        return copied

    def __repr__(self) -> str:
        """Returns what it holds."""
        return f"Text({self.min_length}, {self.max_length}, any characters but control characters)"


@create_shared_memory.register(UtteranceSpace)
def _no_shared_memory(space: UtteranceSpace, n: int = 1, ctx: Any = None) -> NoReturn:
    raise CustomSpaceError("utterances go stale in shared memory: pass vector_kwargs={'shared_memory': False}")


def is_utterance(value: Any) -> bool:
    """Whether a value is a text that may be said."""
    if not isinstance(value, str) or len(value) > MAX_LENGTH:
        return False
    # The first is faster, and nearly always enough.
    return (value.isascii() and value.isprintable()) or not _FORBIDDEN.search(value)


def said_as(text: str) -> str:
    """Returns any text as one that may be said: in one line, without what is forbidden, cut off after a word."""
    words = " ".join(_FORBIDDEN.sub(" ", text).split())
    if len(words) <= MAX_LENGTH:
        return words
    cut = words[: MAX_LENGTH + 1].rpartition(" ")[0]
    return cut or words[:MAX_LENGTH]


def checked(utterance: Any, speaker: object = None) -> str:
    """Returns the utterance if the space holds it, else raises UserError, which names a speaker of the user's own."""
    if is_utterance(utterance):
        return utterance  # type: ignore[no-any-return]
    who = "the speaker" if speaker is None or is_own(speaker) else f"speaker {part_name(speaker)}"
    if not isinstance(utterance, str):
        raise UserError(f"{who} said {utterance!r:.60}: allowed is a text")
    if len(utterance) > MAX_LENGTH:
        raise UserError(f"{who} said {len(utterance)} characters: allowed are {MAX_LENGTH}")
    [odd] = _FORBIDDEN.findall(utterance)[:1]
    raise UserError(
        f"{who} said {odd!r} in {utterance!r:.60}: allowed is one line, without control characters or half characters"
    )
