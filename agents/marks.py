"""Guards prompts of local models: words from outside must not end or begin a turn."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

PROBE = "\ue000"
"""A placeholder for the words of each turn in a dialogue that shows the marks of turns; no template contains it."""

ROLES = ("user", "assistant", "user")
"""The roles in such a dialogue."""


def guard(words: Any, dialogue: str = "") -> Callable[[str], str]:
    """Returns a function that removes everything from a text that the model would read as a mark.

    Marks are the special tokens, added tokens that look like marks although their tokenizer does not call them special
    (``<|user|>``, ``[INST]``), and a template's plain text around turns ("ASSISTANT:", "###"). Each is replaced by a
    blank.

    Args:
        words: The tokenizer.
        dialogue: Turns of `ROLES`, each with the text `PROBE`, as the chat template writes them.
    """
    tokens = {
        number: token.content
        for number, token in words.added_tokens_decoder.items()
        if token.special or re.fullmatch(r"<.+>|\[.+]", token.content)
    }
    # An unknown character is not a mark, unless the tokenizer uses its end mark for it.
    ids = tokens.keys() - ({words.unk_token_id} - {words.bos_token_id, words.eos_token_id})
    between = re.sub("|".join(map(re.escape, tokens.values())) or r"(?!)", " ", " ".join(dialogue.split(PROBE)[1:]))
    roles = {mark for mark in between.split() if len(mark) > 1 and not mark.isalnum()}
    longest_first = sorted({*tokens.values(), *roles}, key=len, reverse=True)
    marks = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)", re.IGNORECASE)

    def without_marks(text: str) -> str:
        # Tokenizers that normalise text may find marks that are not spelt out: then only the words of the text are
        # kept.
        for plain in (marks.sub(" ", text), re.sub(r"[\W_]+", " ", marks.sub(" ", text))):
            if ids.isdisjoint(words(plain, add_special_tokens=False)["input_ids"]):
                return plain
        return ""

    return without_marks
