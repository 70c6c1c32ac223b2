"""What a language model reads as a listener: the tangrams, each with its letter, then the dialogue turn by turn.

A turn of the speaker is what is selected and what is said, and the turn of the listener is its action; how turns are
marked is the affair of the model's own chat template. All that comes before the first turn is the same in all turns of
a game, so it is called the opening and read once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import chain, takewhile
from typing import Any, NamedTuple

import torch
from jinja2 import TemplateError
from torch import Tensor

from multiref_gym.agents.listeners.lm.actions import ActionTrie, Spelling
from multiref_gym.agents.marks import PROBE, ROLES, guard
from multiref_gym.errors import UserError
from multiref_gym.game import LETTERS
from multiref_gym.listener import View
from multiref_gym.messages import Message

REMEMBERED = 1024
"""Openings that are remembered as tokens, and selections whose actions are."""


class Opening(NamedTuple):
    """The beginning of every prompt, up to the first thing that is said.

    Attributes:
        tokens: With as many tokens in place of each image as the model makes of it.
        kinds: What else some models want to know of each token, by the name of the argument.
    """

    tokens: list[int]
    kinds: dict[str, list[int]]


class ChatForm(ABC):
    """Turns views into tokens and actions into tries, for one model.

    How the tangrams are shown is the affair of its kinds: `PictureForm` and `WordForm`.

    Args:
        words: The model's tokenizer.
        name: What the model is called in messages.
        template: Applies the chat template, as `apply_chat_template` does.

    Attributes:
        end: The token that ends an action.
        pad: The token that fills up a batch.
        trie: Of the selected positions and the number of tangrams; the `ActionTrie` of what may be done.

    Raises:
        UserError: If the template is one under which a listener's answers cannot be told.
    """

    def __init__(self, words: Any, name: str, template: Callable[..., Any]) -> None:
        self.name, self._words, self._template = name, words, template
        # What a speaker says is read as words: no mark of a turn, and no image.
        self._plain = guard(words, self._rendered([self.message(role, PROBE) for role in ROLES]))
        self._spelling = self._spelled()
        self.end = self._spelling.end
        self.pad = self.end if words.pad_token_id is None else words.pad_token_id
        self._opening = lru_cache(maxsize=REMEMBERED)(self._read_opening)
        self._opening_text = lru_cache(maxsize=REMEMBERED)(self._common_text)
        self.trie = lru_cache(maxsize=REMEMBERED)(partial(ActionTrie, spelling=self._spelling))

    @abstractmethod
    def messages(self, view: View) -> list[Message]:
        """Returns a view as the chat that the template is applied to."""

    def message(self, role: str, text: str) -> Message:
        """Returns a text as a message of such a chat."""
        return {"role": role, "content": text}

    def opening(self, tangrams: tuple[str, ...]) -> Opening:
        """Returns the beginning of a prompt that shows these tangrams."""
        return self._opening(self._in_text(tangrams))

    def dialogue(self, view: View) -> list[int]:
        """Returns the tokens of a view's dialogue: what follows the opening, up to the listener's answer."""
        text = self._rendered(self.messages(view))
        return self._tokens(text[len(self._opening_text(self._in_text(view.tangrams))) :])

    def _in_text(self, tangrams: tuple[str, ...]) -> tuple[str, ...]:
        """Returns what of the tangrams decides the text of an opening."""
        return tangrams

    def _read_opening(self, tangrams: tuple[str, ...]) -> Opening:
        text = self._opening_text(tangrams)
        return Opening(self._words(text, add_special_tokens=not self._begins(text))["input_ids"], {})

    def _begins(self, text: str) -> bool:
        """Whether a text has the mark of the beginning already."""
        return self._words.bos_token is not None and text.startswith(self._words.bos_token)

    def _common_text(self, tangrams: tuple[str, ...]) -> str:
        everything = frozenset(range(len(tangrams)))
        nothing, all_selected = View(tangrams, (), "", frozenset()), View(tangrams, (), "", everything)
        first, second = (self._rendered(self.messages(view)) for view in (nothing, all_selected))
        return first[: shared_start(first, second)]

    def _rendered(self, messages: list[Message], ask: bool = True) -> str:
        try:
            text: str = self._template(messages, add_generation_prompt=ask, tokenize=False)
        except TemplateError as error:
            raise UserError(f"the chat template of {self.name} cannot be applied: {error}") from error
        return text

    def _spelled(self) -> Spelling:
        """Returns how the words of an answer are written where the template has them.

        Raises:
            UserError: If an answer does not begin as the invitation to it does, nothing ends it, or a token is part of
                two words.
        """
        question, verb = self.message("user", "?"), "select"
        asked, invited = self._rendered([question], ask=False), self._rendered([question])
        answered = self._rendered([question, self.message("assistant", verb)], ask=False)
        before, found, after = answered[len(invited) :].partition(verb)
        if not (answered.startswith(invited) and found):
            raise UserError(f"the chat template of {self.name} does not go on from its generation prompt to an answer")
        mark = self._tokens(after)[:1]
        end = mark[0] if mark and mark[0] in self._words.all_special_ids else self._words.eos_token_id
        if end is None:
            raise UserError(f"nothing ends an answer of {self.name}: its tokenizer has no end-of-sequence token")
        invitation = invited[shared_start(asked, invited) :]
        begun = f"{invitation}{before}{verb}"
        first = {word: self._added(invitation, f"{before}{word}") for word in ("select", "deselect")}
        return Spelling(first, {word: self._added(begun, f" {word}") for word in ("select", *LETTERS)}, end)

    def _added(self, text: str, more: str) -> tuple[int, ...]:
        """Returns the tokens that some more text adds to a text."""
        tokens, longer = self._tokens(text), self._tokens(text + more)
        if longer[: len(tokens)] != tokens:
            raise UserError(f"the tokenizer of {self.name} has one token for the end of {text!r} and for {more!r}")
        return tuple(longer[len(tokens) :])

    def _tokens(self, text: str) -> list[int]:
        tokens: list[int] = self._words(text, add_special_tokens=False)["input_ids"]
        return tokens


def shared_start(*texts: Sequence[Any]) -> int:
    """Returns how many letters or tokens texts have in common before they differ."""
    return len(list(takewhile(lambda column: len(set(column)) == 1, zip(*texts, strict=False))))


def padded(rows: Sequence[Sequence[int]], value: int, side: str = "right") -> tuple[Tensor, Tensor]:
    """Returns tokens in a rectangle, padded on a side, and which of them are no padding, int64 (rows, longest)."""
    # Not by `pad_sequence`, which PyTorch 2.8 to 2.10 cannot pad on the left with while operations are counted.
    lengths = torch.tensor([*map(len, rows)])
    there = torch.arange(int(lengths.max())) < lengths[:, None]
    if side == "left":
        there = there.flip(1)
    tokens = torch.full(there.shape, value)
    tokens[there] = torch.tensor([*chain.from_iterable(rows)], dtype=torch.long)
    return tokens, there.long()
