"""A language model as a listener: it writes its action, and can only write legal ones."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import torch
from peft import PeftModel
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from multiref_gym.agents.learning.learn import Scores
from multiref_gym.agents.listeners.lm.actions import ActionTrie, Answer, among, score_answers
from multiref_gym.agents.listeners.lm.loading import LlmConfig, ModelConfig, VlmConfig, load_policy
from multiref_gym.agents.listeners.lm.pictures import PictureForm
from multiref_gym.agents.listeners.lm.prompt import ChatForm
from multiref_gym.agents.listeners.lm.reader import Passage, Reader, passages
from multiref_gym.agents.listeners.lm.vision import Vision
from multiref_gym.agents.listeners.lm.words import WordForm
from multiref_gym.errors import UserError
from multiref_gym.game import Action
from multiref_gym.listener import Decision, View
from multiref_gym.tangrams import TangramSet, load_tangrams

Result = TypeVar("Result")

ACTIONS_AT_ONCE = 128
"""The number of a view's actions that are scored at once when all of them are scored."""


class WritingListener:
    """Samples its action token by token, among the tokens that lead to a legal action.

    Args:
        model: The model with an adapter; only the adapter is trained.
        config: How the model is run.
        form: How views and actions are written.
        vision: Shows the model the tangrams, if it sees pictures.
    """

    block = 32
    whole_games = True

    def __init__(self, model: PeftModel, config: ModelConfig, form: ChatForm, vision: Vision | None = None) -> None:
        self.model, self.config = model, config
        self._form = form
        self._reader = Reader(model, form, vision, config.kept_gib * 2**30)
        self._at_once = {"play": config.played_at_once, "training": config.trained_at_once}
        self._halved: set[str] = set()

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that decide what is learned and done, for the record of a run; see `ModelConfig.deciding`."""
        return self.config.deciding

    def save(self, path: Path) -> None:
        """Saves the adapter, as safetensors, and its settings."""
        self.model.save_pretrained(str(path), save_embedding_layers=False)
        replace(self.config, learned=True).write(path)

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        """Samples an action for each view, by one number of its generator; takes the likeliest tokens if it is greedy.

        Raises:
            UserError: If a view is too long for the model, or memory is out.
        """
        draws = np.array([rng.random() for rng in rngs])
        dialogues = [self._form.dialogue(view) for view in views]

        def decide(rows: Sequence[int]) -> list[Decision]:
            return self._decided([views[row] for row in rows], [dialogues[row] for row in rows], draws[rows])

        self._reader.renew()
        self._reader.attend(views)
        order = np.argsort([*map(len, dialogues)], kind="stable").tolist()  # a batch is padded to its longest
        with torch.inference_mode():
            decided = chain.from_iterable(self._in_batches("play", order, decide))
        decisions = dict(zip(order, decided, strict=True))
        return [decisions[row] for row in range(len(views))]

    def score(self, views: Sequence[View], actions: Sequence[Action]) -> Scores:
        """Returns the log-probability of each action; its steps are the tokens with more than one choice.

        The common part of a game's turns is read once. The activations of the last `trained_at_once` prompts are kept
        for the gradients, and those of the others computed again.

        Raises:
            ValueError: If an action is empty, because this listener always clicks.
            UserError: If a view is too long for the model, or memory is out.
        """
        if not all(action.clicks for action in actions):
            raise ValueError("an empty action has no probability: this listener always clicks")
        answers = [self._trie(view).answer(action) for view, action in zip(views, actions, strict=True)]
        read = passages(views, [self._form.dialogue(view) for view in views], answers)

        def score(rows: Sequence[int]) -> tuple[Tensor, Tensor]:
            run = partial(self._scored, [read[row] for row in rows], answers)
            # Gradients start with the last batch: if memory runs out, it does so now, when the batch can still be
            # halved.
            again = torch.is_grad_enabled() and rows[-1] < len(read) - 1
            scored: tuple[Tensor, Tensor] = checkpoint(run, use_reentrant=False) if again else run()
            return scored

        self._reader.renew()
        parts = self._in_batches("training", range(len(read)), score)
        places = torch.tensor([number for passage in read for number, _ in passage.answers]).argsort()
        log_prob, mean_log_prob = (torch.cat(part).cpu()[places] for part in zip(*parts, strict=True))
        steps = torch.tensor([float(max(1, len(answer.choices))) for answer in answers])
        return Scores(log_prob, mean_log_prob, steps)

    def distribution(self, view: View) -> dict[Action, float]:
        """Returns the log-probability of every action but the empty one; the prompt is read once for all actions.

        Raises:
            UserError: If the view is too long for the model.
        """
        self._reader.renew()
        trie, found = self._trie(view), list[float]()
        with torch.inference_mode():
            read = self._reader.read([view], [self._form.dialogue(view)], trie.longest)
            for start in range(0, len(trie.actions), ACTIONS_AT_ONCE):
                answers = [trie.answer(action) for action in trie.actions[start : start + ACTIONS_AT_ONCE]]
                rows = self._reader.repeated(read, len(answers))
                after = self._reader.read_on(rows, [answer.tokens[:-1] for answer in answers])
                found += score_answers(torch.cat([rows.logits, after.logits], 1), answers)[0].tolist()
        return dict(zip(trie.actions, found, strict=True))

    def _trie(self, view: View) -> ActionTrie:
        return self._form.trie(view.selected, len(view.tangrams))

    def _scored(self, read: Sequence[Passage], answers: Sequence[Answer]) -> tuple[Tensor, Tensor]:
        """Returns the scores of the answers in some texts, one text after another."""
        scored = [answers[number] for passage in read for number, _ in passage.answers]
        logits = self._reader.read_passages(read, max(len(answer.tokens) for answer in scored))
        return score_answers(logits, scored)

    def _decided(self, views: Sequence[View], dialogues: Sequence[list[int]], draws: np.ndarray) -> list[Decision]:
        """Returns a decision for each view of a batch, given a number from 0 to 1 for each, float64 (views,)."""
        tries = [self._trie(view) for view in views]
        nodes, log_probs, left = [ActionTrie.START] * len(views), [0.0] * len(views), draws.tolist()
        read = self._reader.read(views, dialogues, max(trie.longest for trie in tries))
        rows = list(range(len(views)))
        while True:
            allowed = [tries[row].allowed(nodes[row]) for row in rows]
            found = among(read.logits, [(place, 0) for place in range(len(rows))], allowed).double().cpu().numpy()
            written: list[list[int]] = []
            for row, tokens, log_prob in zip(rows, allowed, found, strict=True):
                place, left[row] = _drawn(log_prob[: len(tokens)], left[row])
                if self.config.greedy:
                    place = int(np.argmax(log_prob))
                log_probs[row] += float(log_prob[place])
                nodes[row] = tries[row].step(nodes[row], tokens[place])
                written.append([tokens[place]])
            going_on = [place for place, row in enumerate(rows) if tries[row].allowed(nodes[row])]
            if not going_on:
                actions = [trie.action(node) for trie, node in zip(tries, nodes, strict=True)]
                return [Decision(action, p, str(action)) for action, p in zip(actions, log_probs, strict=True)]
            read = self._reader.read_on(self._reader.only(read, going_on), [written[place] for place in going_on])
            rows = [rows[place] for place in going_on]

    def _in_batches(self, use: str, rows: Sequence[int], run: Callable[[Sequence[int]], Result]) -> list[Result]:
        """Returns the result for each batch of rows; if memory runs out, all is run again in halves, once per process.

        Raises:
            UserError: If half is too much as well.
        """
        size = self._at_once[use]
        try:
            return [run(rows[start : start + size]) for start in range(0, len(rows), size)]
        except torch.OutOfMemoryError as error:
            if use in self._halved or size == 1:
                raise UserError(
                    f"out of memory with {size} views at once in {use}: set fewer in {self.config.FILE}"
                ) from error
        # The error is released by now, with the tensors that it held.
        self._halved.add(use)
        self._at_once[use] = size // 2
        warnings.warn(f"out of memory with {size} views at once in {use}: from now on {size // 2}", stacklevel=3)
        return self._in_batches(use, rows, run)


class VlmListener(WritingListener):
    """A listener that sees the tangrams in pictures.

    Args:
        model: The model with an adapter; only the adapter is trained.
        processor: The model's own processor.
        tangrams: The set of the views' tangrams.
        config: How the model is run.

    Raises:
        UserError: If the processor cannot prepare images or a chat.
    """

    def __init__(self, model: PeftModel, processor: Any, tangrams: TangramSet, config: VlmConfig) -> None:
        form = PictureForm(processor, config.model)
        super().__init__(model, config, form, Vision(model, form, tangrams))

    @classmethod
    def load(cls, tangrams: TangramSet, path: Path | None = None) -> Self:
        """Loads the policy in a folder, or makes a new one from a base.

        Args:
            tangrams: The set of the views' tangrams.
            path: A folder that `save` made, one with only a `vlm.json`, the folder of a model, or its id on the hub.

        Raises:
            UserError: If there is none, or it cannot be loaded.
        """
        config = VlmConfig.of(_named("vlm", path))
        return cls(*load_policy(config, path), tangrams, config)


class LlmListener(WritingListener):
    """A listener that reads the tangrams in words.

    Args:
        model: The model with an adapter; only the adapter is trained.
        tokenizer: The model's own tokenizer.
        tangrams: The set of the views' tangrams; their words are used, unless the settings name others.
        config: How the model is run.

    Raises:
        UserError: If the chat template does not allow to find the answers, or the other words cannot be loaded.
    """

    def __init__(self, model: PeftModel, tokenizer: Any, tangrams: TangramSet, config: LlmConfig) -> None:
        described = tangrams if config.words is None else load_tangrams(config.words)
        super().__init__(model, config, WordForm(tokenizer, config.model, described))

    @classmethod
    def load(cls, tangrams: TangramSet, path: Path | None = None) -> Self:
        """Loads the policy in a folder, or makes a new one from a base.

        Args:
            tangrams: The set of the views' tangrams.
            path: A folder that `save` made, one with only an `llm.json`, the folder of a model, or its id on the hub.

        Raises:
            UserError: If there is none, or it cannot be loaded.
        """
        config = LlmConfig.of(_named("llm", path))
        return cls(*load_policy(config, path), tangrams, config)


def _named(listener: str, path: Path | None) -> Path:
    if path is None:
        raise UserError(f"the {listener} listener has no base of its own: name a model by its folder or its hub id")
    return path


def _drawn(log_probs: np.ndarray, number: float) -> tuple[int, float]:
    """Returns the item that a number from 0 to 1 falls on, and the number's place within it, from 0 to 1 again."""
    bounds = np.exp(log_probs).cumsum() / np.exp(log_probs).sum()
    place = min(int(np.searchsorted(bounds, number, side="right")), len(bounds) - 1)
    below = float(bounds[place - 1]) if place else 0.0
    return place, (number - below) / (float(bounds[place]) - below)
