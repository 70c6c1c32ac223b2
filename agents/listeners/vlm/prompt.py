"""What a vision-language model reads: the tangrams, each followed by its letter, then the dialogue turn by turn.

A turn of the speaker is what is selected and what is said, and the turn of the listener is its action; how turns and
images are marked is the affair of the model's own chat template. All that comes before the first turn is the same in
every game but for the images, so it is called the opening and read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import chain, takewhile
from typing import Any, NamedTuple

import numpy as np
import torch
from jinja2 import TemplateError
from PIL import Image
from torch import Tensor

from multiref_gym.agents.listeners.vlm.actions import ActionTrie, Spelling
from multiref_gym.agents.marks import PROBE, ROLES, guard
from multiref_gym.chat import chat_turns
from multiref_gym.errors import UserError
from multiref_gym.game import LETTERS
from multiref_gym.listener import View

TRIES = 1024
"""Selections whose actions are remembered as tokens."""

Message = dict[str, Any]


class Opening(NamedTuple):
    """The beginning of every prompt, up to the first thing that is said.

    Attributes:
        tokens: With as many tokens in place of each image as the model makes of it.
        kinds: What else some models want to know of each token, by the name of the argument.
    """

    tokens: list[int]
    kinds: dict[str, list[int]]


class ChatForm:
    """Turns views into tokens and actions into tries, for one model.

    Args:
        processor: The model's own: its tokenizer, its chat template, and what prepares its images.
        name: What the model is called in messages.

    Attributes:
        end: The token that ends an action.
        pad: The token that fills up a batch.
        opening: Of the number of tangrams; the `Opening` of a prompt.
        trie: Of the selected positions and the number of tangrams; the `ActionTrie` of what may be done.

    Raises:
        UserError: If the processor prepares no images or has no chat template, or the template is one under which a
            listener's answers cannot be told.
    """

    def __init__(self, processor: Any, name: str) -> None:
        if not (hasattr(processor, "image_processor") and hasattr(processor, "tokenizer")):
            raise UserError(f"{name} has no processor of images and text: preprocessor_config.json is missing")
        if not getattr(processor, "chat_template", None):
            raise UserError(f"{name} has no chat template: chat_template.jinja is missing")
        self.name, self._processor, self._words = name, processor, processor.tokenizer
        if hasattr(processor.image_processor, "do_image_splitting"):
            processor.image_processor.do_image_splitting = False  # a silhouette has no details to be shown in crops
        # What a speaker says is read as words: no mark of a turn, and no image.
        self._plain = guard(self._words, self._rendered([_message(role, PROBE) for role in ROLES]))
        self._spelling = self._spelled()
        self.end = self._spelling.end
        self.pad = self.end if self._words.pad_token_id is None else self._words.pad_token_id
        self.opening = lru_cache(maxsize=None)(self._opening)
        self._opening_text = lru_cache(maxsize=None)(self._common_text)
        self.trie = lru_cache(maxsize=TRIES)(partial(ActionTrie, spelling=self._spelling))

    def dialogue(self, view: View) -> list[int]:
        """Returns the tokens of a view's dialogue: what follows the opening, up to the listener's answer."""
        text = self._rendered(self.messages(view))
        return self._tokens(text[len(self._opening_text(len(view.tangrams))) :])

    def image(self, silhouette: np.ndarray) -> dict[str, Tensor]:
        """Returns what the vision is given of a silhouette, uint8 (size, size), by the name of the argument."""
        return dict(self._processor.image_processor([[_picture(silhouette)]], return_tensors="pt"))

    def _opening(self, tangrams: int) -> Opening:
        text = self._opening_text(tangrams)
        blank = [_picture(np.full((64, 64), 255, np.uint8))] * tangrams
        begins = self._words.bos_token is not None and text.startswith(self._words.bos_token)
        try:
            read = self._processor(text=[text], images=[blank], add_special_tokens=not begins)
        except ValueError as error:
            raise UserError(f"the chat template of {self.name} does not show {tangrams} images: {error}") from error
        tokens = list(read["input_ids"][0])
        kinds = {name: list(read[name][0]) for name in read if name.endswith("token_type_ids")}
        return Opening(tokens, kinds)

    def _common_text(self, tangrams: int) -> str:
        ids = ("",) * tangrams
        nothing, everything = View(ids, (), "", frozenset()), View(ids, (), "", frozenset(range(tangrams)))
        first, second = (self._rendered(self.messages(view)) for view in (nothing, everything))
        return first[: shared_start(first, second)]

    def messages(self, view: View) -> list[Message]:
        """Returns a view as the chat that the template is applied to."""
        dialogue = [(self._plain(said), action) for said, action in view.dialogue]
        turns = chat_turns(dialogue, self._plain(view.utterance), view.selected)
        count = len(view.tangrams)
        shown: list[dict[str, str]] = [{"type": "image"}]
        for letter in LETTERS[: count - 1]:
            shown += [{"type": "text", "text": letter}, {"type": "image"}]
        # In one text with the last letter, as some templates trim each text and put nothing between two.
        first = {"type": "text", "text": f"{LETTERS[count - 1]}\n{turns[0]}"}
        messages: list[Message] = [{"role": "user", "content": [*shown, first]}]
        for action, heard in zip(turns[1::2], turns[2::2], strict=True):
            messages += [_message("assistant", action), _message("user", heard)]
        return messages

    def _rendered(self, messages: list[Message], ask: bool = True) -> str:
        try:
            text: str = self._processor.apply_chat_template(messages, add_generation_prompt=ask, tokenize=False)
        except TemplateError as error:
            raise UserError(f"the chat template of {self.name} cannot be applied: {error}") from error
        return text

    def _spelled(self) -> Spelling:
        """Returns how the words of an answer are written where the template has them.

        Raises:
            UserError: If an answer does not begin as the invitation to it does, nothing ends it, or a token is part of
                two words.
        """
        question, verb = _message("user", "?"), "select"
        asked, invited = self._rendered([question], ask=False), self._rendered([question])
        answered = self._rendered([question, _message("assistant", verb)], ask=False)
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


def _message(role: str, text: str) -> Message:
    return {"role": role, "content": [{"type": "text", "text": text}]}


def _picture(silhouette: np.ndarray) -> Image.Image:
    return Image.fromarray(silhouette).convert("RGB")
