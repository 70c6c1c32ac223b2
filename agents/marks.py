"""Words from outside in the prompt of a model on this machine: they end no turn and begin none."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

PROBE = "\ue000"
"""What stands for the words of each turn in a dialogue that shows how the turns are marked; no template has it."""

ROLES = ("user", "assistant", "user")
"""Whose turns such a dialogue has."""


def guard(words: Any, dialogue: str = "") -> Callable[[str], str]:
    """Returns a function that returns a text without what the model reads as a mark instead of as words.

    Marks are the special tokens, added tokens that look like marks though their tokenizer does not say that they are
    special ("<|user|>", "[INST]"), and what a template writes around turns in plain text ("ASSISTANT:", "###").
    A blank stands in place of each.

    Args:
        words: The tokenizer.
        dialogue: Turns of `ROLES`, each of which says `PROBE`, as the chat template writes them.
    """
    tokens = {
        number: token.content
        for number, token in words.added_tokens_decoder.items()
        if token.special or re.fullmatch(r"<.+>|\[.+]", token.content)
    }
    # A character that the tokenizer does not know is no mark, unless it says so by the mark of the end.
    ids = tokens.keys() - ({words.unk_token_id} - {words.bos_token_id, words.eos_token_id})
    between = re.sub("|".join(map(re.escape, tokens.values())) or r"(?!)", " ", " ".join(dialogue.split(PROBE)[1:]))
    roles = {mark for mark in between.split() if len(mark) > 1 and not mark.isalnum()}
    longest_first = sorted({*tokens.values(), *roles}, key=len, reverse=True)
    marks = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)", re.IGNORECASE)

    def without_marks(text: str) -> str:
        # Tokenizers that normalise a text may find marks that are not written out: then it loses all but its words.
        for plain in (marks.sub(" ", text), re.sub(r"[\W_]+", " ", marks.sub(" ", text))):
            if ids.isdisjoint(words(plain, add_special_tokens=False)["input_ids"]):
                return plain
        return ""

    return without_marks
