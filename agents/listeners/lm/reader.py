"""Reads prompts with a language model: whole games for learning, turn after turn for play.

A prompt is the previous turn's prompt and a little more, and most of it is the game's ten tangrams. If a model counts
positions one by one, the keys and values of the read tokens are kept during a game, and new tokens are read on top of
them. This is exact, because no token sees later ones except in its own image. Otherwise, only the images' features are
kept. For learning, the common part of a game's turns is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from peft import PeftModel
from torch import Tensor
from torch.nn.functional import pad
from transformers import DynamicCache

from multiref_gym.agents.listeners.lm.actions import Answer
from multiref_gym.agents.listeners.lm.memory import Game, Key, Layers, cache_of, key_of, layers_of, row_of
from multiref_gym.agents.listeners.lm.prompt import ChatForm, padded
from multiref_gym.agents.listeners.lm.vision import Vision
from multiref_gym.errors import UserError
from multiref_gym.listener import View


class Read(NamedTuple):
    """The model's state after reading.

    Attributes:
        cache: Its keys and values.
        mask: Whether each of them belongs to a real token and not to padding, int64 (rows, tokens).
        position: The last token's position, int64 (rows, 1); None if the model counts itself.
        logits: Logits of the next token, (rows, tokens read last, vocabulary).
    """

    cache: DynamicCache
    mask: Tensor
    position: Tensor | None
    logits: Tensor


class Passage(NamedTuple):
    """A text that is read for the log-probabilities of the tokens in it.

    Attributes:
        tangrams: The tangrams of the opening.
        dialogue: The tokens after the opening.
        answers: The number of each answer in it, and the place of its first token in the dialogue.
    """

    tangrams: tuple[str, ...]
    dialogue: list[int]
    answers: list[tuple[int, int]]


def passages(views: Sequence[View], dialogues: Sequence[list[int]], answers: Sequence[Answer]) -> list[Passage]:
    """Returns the texts that together contain all answers, the shortest first.

    An answer is in the text of a later turn of its game if that text begins with the answer's own prompt and the
    answer. So a game is one text if its turns were answered in this way.
    """
    # The token that ends an answer need not be read.
    texts = [[*said, *answer.tokens[:-1]] for said, answer in zip(dialogues, answers, strict=True)]
    found: dict[tuple[str, ...], list[Passage]] = {}
    for number in sorted(range(len(texts)), key=lambda number: -len(texts[number])):
        text, of_board = texts[number], found.setdefault(views[number].tangrams, [])
        passage = next((other for other in of_board if other.dialogue[: len(text)] == text), None)
        if passage is None:
            of_board.append(passage := Passage(views[number].tangrams, text, []))
        passage.answers.append((number, len(dialogues[number])))
    return sorted((passage for of_board in found.values() for passage in of_board), key=lambda p: len(p.dialogue))


class Reader:
    """A model that reads.

    Args:
        model: The model with an adapter.
        form: Makes tokens of views.
        vision: Shows the model the tangrams, if it sees pictures.
        room: The memory for the read parts of games, in bytes.
    """

    def __init__(self, model: PeftModel, form: ChatForm, vision: Vision | None, room: float) -> None:
        self._model, self._form, self._vision = model, form, vision
        self._learned = [weights for weights in model.parameters() if weights.requires_grad]
        self._switched: list[bool] = []
        self._copies: list[Tensor] = []
        self._games: dict[Key, Game] = {}  # the least recently read first
        self._attended: set[Key] = set()
        self._room = room
        inner: Any = model.get_base_model()
        words = inner.config.get_text_config()
        self._longest = getattr(words, "max_position_embeddings", None)
        self._window = getattr(words, "sliding_window", None)
        self._inner = inner.base_model
        self._counts_one_by_one = not hasattr(self._inner, "get_rope_index")

    def renew(self) -> None:
        """Forgets everything that was read and seen if the adapter has changed, or was switched on or off."""
        switched = [weights.requires_grad for weights in self._learned]
        # A fused optimiser does not change the weights' version counters, so the weights themselves are compared.
        if switched != self._switched or not all(map(torch.equal, self._learned, self._copies)):
            self._switched, self._copies = switched, [weights.detach().clone() for weights in self._learned]
            self._games.clear()
            if self._vision:
                self._vision.forget()

    def attend(self, views: Sequence[View]) -> None:
        """Sets the games that are played now; when memory is short, other games are dropped first, least recently read
        first.

        Games in play are kept between turns, because people take their time, and each time other games wait for an
        answer.
        """
        self._attended = {key_of(view) for view in views}

    def read(self, views: Sequence[View], dialogues: Sequence[list[int]], room: int) -> Read:
        """Reads prompts up to the answer, using the kept parts of games where that is exact; without gradients.

        Args:
            views: The views; for a vision-language model, all with the same number of tangrams.
            dialogues: Their dialogues as tokens.
            room: The number of tokens in the longest answer.

        Raises:
            UserError: If prompt and answer are too long for the model.
        """
        openings = [len(self._form.opening(view.tangrams).tokens) for view in views]
        self._check(max(before + len(dialogue) for before, dialogue in zip(openings, dialogues, strict=True)) + room)
        # Padding between tokens shifts the window of later tokens.
        most = max(openings) + 2 * max(map(len, dialogues)) + room
        if not self._counts_one_by_one or (self._window and most > self._window):
            tokens, mask, shown = self._prompts([view.tangrams for view in views], dialogues, left=True)
            whole = self._run(Read(DynamicCache(), mask[:, :0], None, mask), tokens, mask, logits_to_keep=1, **shown)
            # The difference between an image's positions and its tokens; nothing else adds it when reading on.
            otherwise = getattr(self._inner, "rope_deltas", None)
            return whole if otherwise is None else whole._replace(position=mask.sum(1, keepdim=True) - 1 + otherwise)
        games = self._begun(views)
        # At least the last token is read, for the logits of the next one.
        counts = [min(game.count_read(new), len(new) - 1) for game, new in zip(games, dialogues, strict=True)]
        stood = [before + count for before, count in zip(openings, counts, strict=True)]
        before = self._stacked([game.layers for game in games], stood)
        new = [dialogue[count:] for dialogue, count in zip(dialogues, counts, strict=True)]
        read = self._run(before, *self._padded(new, left=True), logits_to_keep=1)
        for row, (view, dialogue) in enumerate(zip(views, dialogues, strict=True)):
            game = Game(dialogue, row_of(read.cache, row, read.mask[row]))
            self._keep(key_of(view), game)
        return read

    def _keep(self, key: Key, game: Game) -> None:
        """Keeps the read part of a game if there is room for it."""
        self._games.pop(key, None)
        taken = sum(other.bytes for other in self._games.values())
        for other in [other for other in self._games if other not in self._attended]:
            if taken + game.bytes <= self._room:
                break
            taken -= self._games.pop(other).bytes
        if taken + game.bytes <= self._room:
            self._games[key] = game

    def read_on(self, read: Read, tokens: Sequence[Sequence[int]]) -> Read:
        """Reads further tokens of each row; a row may have none."""
        return self._run(read, *self._padded(tokens))

    def only(self, read: Read, rows: Sequence[int]) -> Read:
        """Returns the state of some rows, in place of that of all rows."""
        if len(rows) == len(read.mask):
            return read
        places = torch.tensor(rows, device=read.mask.device)
        read.cache.batch_select_indices(places)
        position = None if read.position is None else read.position[places]
        return Read(read.cache, read.mask[places], position, read.logits[places])

    def repeated(self, read: Read, times: int) -> Read:
        """Returns the state of a single prompt, repeated."""
        layers = [[part.expand(times, -1, -1, -1) for part in layer] for layer in layers_of(read.cache)]
        position = None if read.position is None else read.position.expand(times, -1)
        return Read(cache_of(layers), read.mask.expand(times, -1), position, read.logits.expand(times, -1, -1))

    def read_passages(self, read: Sequence[Passage], steps: int) -> Tensor:
        """Reads texts, each at once, with gradients if they are enabled.

        Args:
            read: The texts; for a vision-language model, all with the same number of tangrams.
            steps: The number of tokens in the longest answer.

        Returns:
            For each answer, one text after another, the logits of each of its tokens, (answers, steps, vocabulary).
            Logits after its end are meaningless.

        Raises:
            UserError: If a text is too long for the model.
        """
        tokens, _, shown = self._prompts([passage.tangrams for passage in read], [passage.dialogue for passage in read])
        width = tokens.shape[1]
        self._check(width)
        rows = [row for row, passage in enumerate(read) for _ in passage.answers]
        # The logits of a token are found at the token before it.
        starts = [
            len(self._form.opening(passage.tangrams).tokens) + start - 1
            for passage in read
            for _, start in passage.answers
        ]
        places = (torch.tensor(starts)[:, None] + torch.arange(steps)).clamp(max=width - 1)
        kept, column = places.to(tokens.device).unique(return_inverse=True)
        # Padding is on the right, where no token sees it, so no mask is needed.
        logits: Tensor = self._model(input_ids=tokens, logits_to_keep=kept, use_cache=False, **shown).logits
        return logits[torch.tensor(rows, device=column.device)[:, None], column]

    def _kept_of(self, keys: Sequence[Key]) -> dict[Key, Game]:
        """Returns the kept parts of those games that have one."""
        return {key: self._games[key] for key in keys if key in self._games}

    def _begun(self, views: Sequence[View]) -> list[Game]:
        """Returns the kept parts of some games, at least their openings."""
        keys = [key_of(view) for view in views]
        games = self._kept_of(keys)
        if new := [key for key in dict.fromkeys(keys) if key not in games]:
            boards = [tangrams for _, tangrams in new]
            tokens, mask, shown = self._prompts(boards, [[] for _ in boards])
            read = self._run(Read(DynamicCache(), mask[:, :0], None, mask), tokens, mask, logits_to_keep=1, **shown)
            games |= {key: Game([], row_of(read.cache, row, mask[row])) for row, key in enumerate(new)}
        return [games[key] for key in keys]

    def _stacked(self, rows: Sequence[Layers], lengths: Sequence[int]) -> Read:
        """Returns the given number of first tokens of each game, as rows padded on the left; without logits."""
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

    def _prompts(
        self, boards: Sequence[tuple[str, ...]], dialogues: Sequence[list[int]], left: bool = False
    ) -> tuple[Tensor, Tensor, dict[str, Any]]:
        """Returns whole prompts, padded on one side, their mask, and the arguments that show the tangrams' images."""
        openings = [self._form.opening(board) for board in boards]

        def prompts(starts: Sequence[list[int]], ends: Sequence[list[int]], **value: int) -> tuple[Tensor, Tensor]:
            return self._padded([[*start, *end] for start, end in zip(starts, ends, strict=True)], left, **value)

        tokens, mask = prompts([opening.tokens for opening in openings], dialogues)
        of_words = [[0] * len(dialogue) for dialogue in dialogues]
        kinds = {
            name: prompts([opening.kinds[name] for opening in openings], of_words, value=0)[0]
            for name in openings[0].kinds
        }
        return tokens, mask, {**kinds, **(self._vision.show(boards) if self._vision else {})}

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
        """Returns tokens as a rectangle and a mask of the real tokens, int64 (rows, longest)."""
        value = self._form.pad if value is None else value
        tokens, mask = padded(rows, value, "left" if left else "right")
        return tokens.to(self._model.device), mask.to(self._model.device)

    def _check(self, tokens: int) -> None:
        if self._longest is not None and tokens > self._longest:
            most = f"{self._form.name} reads {self._longest} at most"
            raise UserError(f"a dialogue with its tangrams takes {tokens} tokens, and {most}")
