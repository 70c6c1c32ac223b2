"""Reads prompts with a vision-language model, whole ones for learning and batch after batch of them for play.

A prompt is that of the turn before and a little more, and most of it is the game's ten images. Where a model counts
positions one by one, the keys and values of what was read are kept while the game goes on, and what is new is read on
top of them. That is exact, for no token sees those after it but of its own image. Where it cannot be done, the images'
features alone are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from peft import PeftModel
from torch import Tensor
from torch.nn.functional import pad
from transformers import DynamicCache

from multiref_gym.agents.listeners.vlm.actions import Answer
from multiref_gym.agents.listeners.vlm.memory import Game, Key, Layers, cache_of, key_of, layers_of, row_of
from multiref_gym.agents.listeners.vlm.prompt import ChatForm, padded
from multiref_gym.agents.listeners.vlm.vision import Vision
from multiref_gym.errors import UserError
from multiref_gym.listener import View


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
        room: The memory for what was read of games, in bytes.
    """

    def __init__(self, model: PeftModel, form: ChatForm, vision: Vision, room: float) -> None:
        self._model, self._form, self._vision = model, form, vision
        self._learned = [weights for weights in model.parameters() if weights.requires_grad]
        self._switched: list[bool] = []
        self._copies: list[Tensor] = []
        self._games: dict[Key, Game] = {}  # the one read longest ago first
        self._attended: set[Key] = set()
        self._room = room
        inner: Any = model.get_base_model()
        words = inner.config.get_text_config()
        self._longest = words.max_position_embeddings
        self._window = getattr(words, "sliding_window", None)
        self._inner = inner.model
        self._counts_one_by_one = not hasattr(inner.model, "get_rope_index")

    def renew(self) -> None:
        """Forgets what was read and seen if the adapter has changed since, or was switched on or off."""
        switched = [weights.requires_grad for weights in self._learned]
        # A fused optimiser leaves the version counters of the weights alone, so they are compared themselves.
        if switched != self._switched or not all(map(torch.equal, self._learned, self._copies)):
            self._switched, self._copies = switched, [weights.detach().clone() for weights in self._learned]
            self._games.clear()
            self._vision.forget()

    def attend(self, views: Sequence[View]) -> None:
        """Says which games are played in now: others make room for them, the one read longest ago first.

        They are not forgotten, as people who play take their time, and what waits for an answer is another lot each
        time.
        """
        self._attended = {key_of(view) for view in views}

    def read(self, views: Sequence[View], dialogues: Sequence[list[int]], room: int) -> Read:
        """Reads what stands before an answer, and of what is kept of the games no more than is exact; no gradients.

        Args:
            views: With equally many tangrams.
            dialogues: Their dialogues as tokens.
            room: The tokens of the longest answer.

        Raises:
            UserError: If prompt and answer are too long for the model.
        """
        opening = len(self._form.opening(len(views[0].tangrams)).tokens)
        longest = max(map(len, dialogues))
        self._check(opening + longest + room)
        # Padding between tokens moves the window of those after it.
        if not self._counts_one_by_one or (self._window and opening + 2 * longest + room > self._window):
            tokens, mask, shown = self._prompts(views, dialogues)
            whole = self._run(Read(DynamicCache(), mask[:, :0], None, mask), tokens, mask, logits_to_keep=1, **shown)
            # By how much an image counts otherwise than its tokens do; for what is read on, nobody else adds it.
            otherwise = getattr(self._inner, "rope_deltas", None)
            return whole if otherwise is None else whole._replace(position=mask.sum(1, keepdim=True) - 1 + otherwise)
        games = self._begun(views)
        # At least the last token is read, for what it says of the next one.
        known = [min(game.known(new), len(new) - 1) for game, new in zip(games, dialogues, strict=True)]
        before = self._stacked([game.layers for game in games], [opening + count for count in known])
        new = [dialogue[count:] for dialogue, count in zip(dialogues, known, strict=True)]
        read = self._run(before, *self._padded(new, left=True), logits_to_keep=1)
        for row, (view, dialogue) in enumerate(zip(views, dialogues, strict=True)):
            game = Game(dialogue, row_of(read.cache, row, read.mask[row]))
            self._keep(key_of(view), game)
        return read

    def _keep(self, key: Key, game: Game) -> None:
        """Keeps what was read of a game, if there is room for it."""
        self._games.pop(key, None)
        taken = sum(other.bytes for other in self._games.values())
        for other in [other for other in self._games if other not in self._attended]:
            if taken + game.bytes <= self._room:
                break
            taken -= self._games.pop(other).bytes
        if taken + game.bytes <= self._room:
            self._games[key] = game

    def read_on(self, read: Read, tokens: Sequence[Sequence[int]]) -> Read:
        """Reads further tokens of each row, none where it has no more."""
        return self._run(read, *self._padded(tokens))

    def only(self, read: Read, rows: Sequence[int]) -> Read:
        """Returns what was read of some rows, which takes the place of all."""
        if len(rows) == len(read.mask):
            return read
        places = torch.tensor(rows, device=read.mask.device)
        read.cache.batch_select_indices(places)
        position = None if read.position is None else read.position[places]
        return Read(read.cache, read.mask[places], position, read.logits[places])

    def repeated(self, read: Read, times: int) -> Read:
        """Returns what was read of a single prompt, so many times."""
        layers = [[part.expand(times, -1, -1, -1) for part in layer] for layer in layers_of(read.cache)]
        position = None if read.position is None else read.position.expand(times, -1)
        return Read(cache_of(layers), read.mask.expand(times, -1), position, read.logits.expand(times, -1, -1))

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
            shown[name] = pad(shown[name], (0, room))
        logits: Tensor = self._model(
            input_ids=torch.cat([tokens, written], 1),
            attention_mask=torch.cat([mask, there], 1),
            logits_to_keep=room + 1,
            use_cache=False,
            **shown,
        ).logits
        return logits

    def _kept_of(self, keys: Sequence[Key]) -> dict[Key, Game]:
        """Returns what is kept of those games that are there."""
        return {key: self._games[key] for key in keys if key in self._games}

    def _begun(self, views: Sequence[View]) -> list[Game]:
        """Returns what is kept of some games, the opening at least."""
        keys = [key_of(view) for view in views]
        games = self._kept_of(keys)
        if new := [key for key in dict.fromkeys(keys) if key not in games]:
            boards = [tangrams for _, tangrams in new]
            opening = self._form.opening(len(boards[0]))
            tokens, mask = self._padded([opening.tokens] * len(new))
            kinds = {name: mask.new_tensor([kind] * len(new)) for name, kind in opening.kinds.items()}
            blank = Read(DynamicCache(), mask[:, :0], None, mask)
            read = self._run(blank, tokens, mask, logits_to_keep=1, **kinds, **self._vision.show(boards))
            games |= {key: Game([], row_of(read.cache, row, mask[row])) for row, key in enumerate(new)}
        return [games[key] for key in keys]

    def _stacked(self, rows: Sequence[Layers], lengths: Sequence[int]) -> Read:
        """Returns the first tokens of some games, so many of each, as rows padded on the left; without logits."""
        longest = max(lengths)
        layers = [
            [
                torch.cat([pad(row[:, :, :n], (0, 0, longest - n, 0)) for row, n in zip(part, lengths, strict=True)])
                for part in zip(*layer, strict=True)
            ]
            for layer in zip(*rows, strict=True)
        ]
        _, mask = self._padded([[0] * length for length in lengths], left=True)
        return Read(cache_of(layers), mask, mask.sum(1, keepdim=True) - 1, mask)

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
        tokens, mask = padded(rows, value, "left" if left else "right")
        return tokens.to(self._model.device), mask.to(self._model.device)

    def _check(self, tokens: int) -> None:
        if tokens > self._longest:
            raise UserError(
                f"a dialogue with its images takes {tokens} tokens, and {self._form.name} reads {self._longest} at most"
            )
