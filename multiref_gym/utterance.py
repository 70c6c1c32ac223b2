"""What counts as an utterance: the characters, the length, and the Gymnasium space."""

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
"""The characters of samples from the space: ASCII, Latin letters with accents, typographic punctuation."""

MAX_LENGTH = 512
"""The most characters in an utterance."""
MOST_BYTES = 4 * MAX_LENGTH
"""The most bytes in an utterance: UTF-8 has up to four for a character."""

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters (including line ends) and surrogates, which are halves of characters."""


class UtteranceSpace(spaces.Text):
    """The space of texts of one line and up to `MAX_LENGTH` characters, in any script, without control characters.

    A space cannot list all characters, so its `characters` are only those of samples (`CHARSET`).

    Gymnasium's `AsyncVectorEnv` reads a text from shared memory once, at its creation, and then always returns that
    text. This space has no shared memory, so creating such an environment fails with an error that explains why.
    """

    def __init__(self) -> None:
        super().__init__(MAX_LENGTH, min_length=0, charset=CHARSET)

    def contains(self, x: Any) -> bool:
        """Whether a value is such a text."""
        return is_utterance(x)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Returns a space with its own generator; the characters are shared, because a vector has many spaces."""
        copied = copy(self)
        copied._np_random = deepcopy(self._np_random, memo)
        return copied

    def __repr__(self) -> str:
        """Returns a short description."""
        return f"Text({self.min_length}, {self.max_length}, any characters but control characters)"


@create_shared_memory.register(UtteranceSpace)
def _no_shared_memory(space: UtteranceSpace, n: int = 1, ctx: Any = None) -> NoReturn:
    raise CustomSpaceError("utterances go stale in shared memory: pass vector_kwargs={'shared_memory': False}")


def is_utterance(value: Any) -> bool:
    """Whether a value is a valid utterance."""
    if not isinstance(value, str) or len(value) > MAX_LENGTH:
        return False
    # The first test is faster, and nearly always enough.
    return (value.isascii() and value.isprintable()) or not _FORBIDDEN.search(value)


def as_utterance(text: str) -> str:
    """Turns any text into a valid utterance: one line, without forbidden characters, cut off after a word."""
    words = " ".join(_FORBIDDEN.sub(" ", text).split())
    if len(words) <= MAX_LENGTH:
        return words
    cut = words[: MAX_LENGTH + 1].rpartition(" ")[0]
    return cut or words[:MAX_LENGTH]


def checked(utterance: Any, speaker: object = None) -> str:
    """Returns the utterance if it is valid; else raises UserError, which names the speaker if a user brought it."""
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
