"""Reads prompts with a vision-language model, whole ones for learning and batch after batch of them for play.

The opening of a game with its ten images is most of each prompt and the same at every turn. Where a model counts
positions one by one, the keys and values of the opening are kept while the game goes on. That is exact, for no token
sees those after it but of its own image. Where it cannot be done, the images' features alone are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from peft import PeftModel
from torch import Tensor
from transformers import DynamicCache

from agents.listener import View
from agents.vlm.actions import Answer
from agents.vlm.prompt import ChatForm
from agents.vlm.vision import Vision
from multiref_gym.errors import UserError

OPENING_BYTES = 32 * 2**30
"""Most memory for openings that are kept; those of further games are read each turn."""

Layers = list[list[Tensor]]
"""Keys and values of each layer, (rows, heads, tokens, width)."""


class Read(NamedTuple):
    """What the model holds after reading.

    Attributes:
        cache: Its keys and values.
        mask: Which of them are of tokens and not of padding, int64 (rows, tokens).
        position: Of the last token, int64 (rows, 1); None where the model counts itself.
        logits: Of what comes next, (rows, tokens read last, vocabulary).
    """

    cache: DynamicCache
    mask: Tensor
    position: Tensor | None
    logits: Tensor


class Reader:
    """A model that reads.

    Args:
        model: With an adapter.
        form: Makes tokens of views.
        vision: Shows it the tangrams.
    """

    def __init__(self, model: PeftModel, form: ChatForm, vision: Vision) -> None:
        self._model, self._form, self._vision = model, form, vision
        self._learned = [weights for weights in model.parameters() if weights.requires_grad]
        self._switched: list[bool] = []
        self._copies: list[Tensor] = []
        self._openings: dict[tuple[str, ...], Layers] = {}
        inner: Any = model.get_base_model()
        words = inner.config.get_text_config()
        self._longest = words.max_position_embeddings
        self._window = getattr(words, "sliding_window", None) or self._longest
        self._counts_one_by_one = not hasattr(inner.model, "get_rope_index")

    def renew(self) -> None:
        """Forgets what was read and seen if the adapter has changed since, or was switched on or off."""
        switched = [weights.requires_grad for weights in self._learned]
        # A fused optimiser leaves the version counters of the weights alone, so they are compared themselves.
        if switched != self._switched or not all(map(torch.equal, self._learned, self._copies)):
            self._switched, self._copies = switched, [weights.detach().clone() for weights in self._learned]
            self._openings.clear()
            self._vision.forget()

    def keep(self, views: Sequence[View]) -> None:
        """Forgets the openings of all games but these."""
        played = {view.tangrams for view in views}
        self._openings = {board: layers for board, layers in self._openings.items() if board in played}

    def read(self, views: Sequence[View], dialogues: Sequence[list[int]], room: int) -> Read:
        """Reads what stands before an answer, reusing openings where that is exact; no gradients.

        Args:
            views: With equally many tangrams.
            dialogues: Their dialogues as tokens.
            room: The tokens of the longest answer.

        Raises:
            UserError: If prompt and answer are too long for the model.
        """
        opening = self._form.opening(len(views[0].tangrams)).tokens
        total = len(opening) + max(map(len, dialogues)) + room
        self._check(total)
        if not self._counts_one_by_one or total > self._window:  # padding in the middle would move the window
            tokens, mask, shown = self._prompts(views, dialogues)
            return self._run(Read(DynamicCache(), mask[:, :0], None, mask), tokens, mask, logits_to_keep=1, **shown)
        openings = self._opened([view.tangrams for view in views])
        stacked = [[torch.cat(part) for part in zip(*rows, strict=True)] for rows in zip(*openings, strict=True)]
        tokens, mask = self._padded(dialogues, left=True)
        before = mask.new_ones(len(views), len(opening))
        return self._run(
            Read(_cache_of(stacked), before, before.sum(1, keepdim=True) - 1, mask), tokens, mask, logits_to_keep=1
        )

    def read_on(self, read: Read, tokens: Sequence[Sequence[int]]) -> Read:
        """Reads further tokens of each row, none where it has no more."""
        return self._run(read, *self._padded(tokens))

    def repeated(self, read: Read, times: int) -> Read:
        """Returns what was read of a single prompt, so many times."""
        layers = [[part.expand(times, -1, -1, -1) for part in layer] for layer in _layers_of(read.cache)]
        position = None if read.position is None else read.position.expand(times, -1)
        return Read(_cache_of(layers), read.mask.expand(times, -1), position, read.logits.expand(times, -1, -1))

    def read_answers(self, views: Sequence[View], answers: Sequence[Answer]) -> Tensor:
        """Reads prompts and answers at once, with gradients where they are enabled.

        Returns:
            The logits of each token of the answers, (views, tokens, vocabulary).

        Raises:
            UserError: If one is too long for the model.
        """
        tokens, mask, shown = self._prompts(views, [self._form.dialogue(view) for view in views])
        written, there = self._padded([answer.tokens[:-1] for answer in answers])
        room = written.shape[1]
        self._check(tokens.shape[1] + room)
        for name in self._form.opening(len(views[0].tangrams)).kinds:
            shown[name] = torch.nn.functional.pad(shown[name], (0, room))
        logits: Tensor = self._model(
            input_ids=torch.cat([tokens, written], 1),
            attention_mask=torch.cat([mask, there], 1),
            logits_to_keep=room + 1,
            use_cache=False,
            **shown,
        ).logits
        return logits

    def _opened(self, boards: Sequence[tuple[str, ...]]) -> list[Layers]:
        """Returns keys and values of the openings of some games."""
        opened = {board: self._openings[board] for board in boards if board in self._openings}
        if new := [board for board in dict.fromkeys(boards) if board not in opened]:
            opening = self._form.opening(len(new[0]))
            ids, mask = self._padded([opening.tokens] * len(new))
            kinds = {name: mask.new_tensor([kind] * len(new)) for name, kind in opening.kinds.items()}
            blank = Read(DynamicCache(), mask[:, :0], None, mask)
            read = self._run(blank, ids, mask, logits_to_keep=1, **kinds, **self._vision.show(new))
            for row, board in enumerate(new):
                opened[board] = [[part[row : row + 1].clone() for part in layer] for layer in _layers_of(read.cache)]
                size = sum(part.nbytes for layer in opened[board] for part in layer)
                if size * (len(self._openings) + 1) <= OPENING_BYTES:
                    self._openings[board] = opened[board]
        return [opened[board] for board in boards]

    def _prompts(self, views: Sequence[View], dialogues: Sequence[list[int]]) -> tuple[Tensor, Tensor, dict[str, Any]]:
        """Returns whole prompts, padded on the left, their mask, and what shows the model their images."""
        opening = self._form.opening(len(views[0].tangrams))
        tokens, mask = self._padded([[*opening.tokens, *dialogue] for dialogue in dialogues], left=True)
        kinds = {
            name: self._padded([[*kind, *[0] * len(dialogue)] for dialogue in dialogues], left=True, value=0)[0]
            for name, kind in opening.kinds.items()
        }
        return tokens, mask, {**kinds, **self._vision.show([view.tangrams for view in views])}

    def _run(self, read: Read, tokens: Tensor, mask: Tensor, **arguments: Any) -> Read:
        position = None if read.position is None else read.position + mask.cumsum(1)
        mask = torch.cat([read.mask, mask], 1)
        logits = self._model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=position,
            past_key_values=read.cache,
            use_cache=True,
            **arguments,
        ).logits
        return Read(read.cache, mask, None if position is None else position[:, -1:], logits)

    def _padded(
        self, rows: Sequence[Sequence[int]], left: bool = False, value: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Returns tokens in a rectangle and which of them are no padding, int64 (rows, longest)."""
        value = self._form.pad if value is None else value
        longest = max(map(len, rows))
        tokens, mask = [], []
        for row in rows:
            gap = longest - len(row)
            tokens.append([value] * gap + [*row] if left else [*row] + [value] * gap)
            mask.append([0] * gap + [1] * len(row) if left else [1] * len(row) + [0] * gap)
        device = self._model.device
        return torch.tensor(tokens, device=device), torch.tensor(mask, device=device)

    def _check(self, tokens: int) -> None:
        if tokens > self._longest:
            raise UserError(
                f"a dialogue with its images takes {tokens} tokens, and {self._form.name} reads {self._longest} at most"
            )


def _layers_of(cache: Any) -> Layers:
    return [[layer.keys, layer.values] for layer in cache.layers]


def _cache_of(layers: Layers) -> DynamicCache:
    # Without a configuration it keeps all tokens even where a layer sees few: then padding needs no care.
    cache = DynamicCache()
    for number, (keys, values) in enumerate(layers):
        cache.update(keys, values, number)
    return cache
