"""A language model's prompt as a listener: the tangrams, each with its letter, then the dialogue turn by turn.

A speaker's turn states the selection and the utterance; a listener's turn is its action. The model's own chat template
marks the turns. Everything before the first turn is the same in all turns of a game, so it is called the opening and
read once.
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
"""The number of openings kept as tokens, and of selections whose actions are kept."""


class Opening(NamedTuple):
    """The beginning of every prompt, up to the first utterance.

    Attributes:
        tokens: The tokens, with as many in place of each image as the model makes of it.
        kinds: Further inputs of some models for each token, by the name of the argument.
    """

    tokens: list[int]
    kinds: dict[str, list[int]]


class ChatForm(ABC):
    """Turns views into tokens and actions into tries, for one model.

    The subclasses `PictureForm` and `WordForm` decide how the tangrams are shown.

    Args:
        words: The model's tokenizer.
        name: The model's name in messages.
        template: Applies the chat template, as `apply_chat_template` does.

    Attributes:
        end: The token that ends an action.
        pad: The token that pads a batch.
        trie: Maps the selected positions and the number of tangrams to the `ActionTrie` of the legal actions.

    Raises:
        UserError: If the template does not allow to find a listener's answers.
    """

    def __init__(self, words: Any, name: str, template: Callable[..., Any]) -> None:
        self.name, self._words, self._template = name, words, template
        # A speaker's utterance is read as words: it cannot contain a mark of a turn or an image.
        self._plain = guard(words, self._rendered([self.message(role, PROBE) for role in ROLES]))
        self._spelling = self._spelled()
        self.end = self._spelling.end
        self.pad = self.end if words.pad_token_id is None else words.pad_token_id
        self._opening = lru_cache(maxsize=REMEMBERED)(self._read_opening)
        self._opening_text = lru_cache(maxsize=REMEMBERED)(self._common_text)
        self.trie = lru_cache(maxsize=REMEMBERED)(partial(ActionTrie, spelling=self._spelling))

    @abstractmethod
    def messages(self, view: View) -> list[Message]:
        """Returns a view as the chat for the template."""

    def message(self, role: str, text: str) -> Message:
        """Returns a text as a message of the chat."""
        return {"role": role, "content": text}

    def opening(self, tangrams: tuple[str, ...]) -> Opening:
        """Returns the beginning of a prompt that shows these tangrams."""
        return self._opening(self._in_text(tangrams))

    def dialogue(self, view: View) -> list[int]:
        """Returns the tokens of a view's dialogue: the part from the opening to the listener's answer."""
        text = self._rendered(self.messages(view))
        return self._tokens(text[len(self._opening_text(self._in_text(view.tangrams))) :])

    def _in_text(self, tangrams: tuple[str, ...]) -> tuple[str, ...]:
        """Returns everything about the tangrams that decides the text of an opening."""
        return tangrams

    def _read_opening(self, tangrams: tuple[str, ...]) -> Opening:
        text = self._opening_text(tangrams)
        return Opening(self._words(text, add_special_tokens=not self._begins(text))["input_ids"], {})

    def _begins(self, text: str) -> bool:
        """Whether a text already has the mark of the beginning."""
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
        """Returns the tokens of the words of an answer in the place where the template has it.

        Raises:
            UserError: If an answer does not continue the generation prompt, nothing ends it, or a token is part of two
                words.
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
        """Returns the tokens that a further text adds to a text."""
        tokens, longer = self._tokens(text), self._tokens(text + more)
        if longer[: len(tokens)] != tokens:
            raise UserError(f"the tokenizer of {self.name} has one token for the end of {text!r} and for {more!r}")
        return tuple(longer[len(tokens) :])

    def _tokens(self, text: str) -> list[int]:
        tokens: list[int] = self._words(text, add_special_tokens=False)["input_ids"]
        return tokens


def shared_start(*texts: Sequence[Any]) -> int:
    """Returns the number of letters or tokens that texts share at their start."""
    return len(list(takewhile(lambda column: len(set(column)) == 1, zip(*texts, strict=False))))


def padded(rows: Sequence[Sequence[int]], value: int, side: str = "right") -> tuple[Tensor, Tensor]:
    """Returns tokens as a rectangle, padded on one side, and a mask of the real tokens, int64 (rows, longest)."""
    # `pad_sequence` of PyTorch 2.8 to 2.10 cannot pad on the left while operations are counted.
    lengths = torch.tensor([*map(len, rows)])
    there = torch.arange(int(lengths.max())) < lengths[:, None]
    if side == "left":
        there = there.flip(1)
    tokens = torch.full(there.shape, value)
    tokens[there] = torch.tensor([*chain.from_iterable(rows)], dtype=torch.long)
    return tokens, there.long()
