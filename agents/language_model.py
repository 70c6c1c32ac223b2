"""A language model on this machine: how likely it finds the answers to a question, and what it writes itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from copy import deepcopy
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from multiref_gym.agents.decoders.answers import BEGINNING
from multiref_gym.agents.listeners.lm.loading import VlmConfig, load_base
from multiref_gym.agents.listeners.lm.prompt import padded, shared_start
from multiref_gym.agents.listeners.weights import UNLOADABLE, pretrained
from multiref_gym.agents.marks import PROBE, ROLES, guard
from multiref_gym.answers import without_thoughts
from multiref_gym.errors import UserError

LIKELY = 0.9
"""What is written is drawn from the likeliest tokens that have this probability together (top-p, arXiv 1904.09751)."""

REMEMBERED = 10_000
"""How many questions are remembered at least, so that decoding and its probabilities ask each once."""
OPENINGS = 4
"""How many openings stay read: each takes as much memory as its keys and values, 46 KB a token with 135M parameters."""

Scored = tuple[str, str, tuple[str, ...]]
"""What has a score: an opening, what follows it, and the answers to that or the text after it."""

_LOADING = Lock()
"""Held while a model is loaded, so that of many threads that want it only one loads it."""


class LanguageModel:
    """Asks a model, text or image-text.

    A question is read as words: what in it would be a mark of a turn is left out; see `multiref_gym.agents.marks`. An
    adapter that the model has is left out: it is asked as it was before it learned.

    Args:
        model: The model, in its evaluation mode; it may be wrapped by peft.
        tokenizer: Its tokenizer. Without a chat template the question is put as plain text.
        batch_size: Texts at once, where answers are scored.
    """

    def __init__(self, model: Any, tokenizer: Any, batch_size: int = 8) -> None:
        self._model, self._tokenizer, self._batch_size = model, tokenizer, batch_size
        chats = bool(tokenizer.chat_template)
        self._plain = guard(tokenizer, self._chat(*zip(ROLES, repeat(PROBE))) if chats else "")
        self._read = lru_cache(maxsize=OPENINGS)(self._read_opening)
        self._scored: dict[Scored, Any] = {}

    @classmethod
    def load(cls, name: str) -> LanguageModel:
        """Loads a model of the Hugging Face hub or a folder, onto the GPU if there is one.

        An image-text model is loaded as the vlm listener loads it; where both are of one model, they share its weights.

        Raises:
            UserError: If there is no such model or it has no tokenizer.
        """
        config = VlmConfig.of(Path(name))
        model: Any = None
        try:
            sees = AutoConfig.from_pretrained(config.model).model_type in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
            tokenizer = AutoTokenizer.from_pretrained(config.model)
            if not sees:
                model = pretrained(AutoModelForCausalLM, config.model, dtype="auto")
                model = model.to("cuda" if torch.cuda.is_available() else "cpu")
        except UNLOADABLE as error:
            reason = str(error).strip().partition("\n")[0]
            raise UserError(f"cannot load the language model {name!r}: {reason}") from error
        if sees:
            return cls(load_base(config), tokenizer)
        return cls(model, tokenizer)

    def __call__(self, questions: Sequence[str], answers: Sequence[str], opening: str = "") -> NDArray[np.float64]:
        """Returns the log-probability of each answer to each question, of all tokens of the answer.

        See `multiref_gym.agents.decoders.answers.AnswerScorer`. With an opening a text is plain, to be gone on with,
        whatever template the model has. The model reads the opening once and keeps its keys and values.

        Raises:
            UserError: If a question is longer than the model can read.
        """
        asked = [(opening, question, tuple(answers)) for question in questions]
        return self._once(asked, lambda new: self._scores([question for _, question, _ in new], answers, opening))

    def begins(self, contexts: Sequence[str], texts: Sequence[str], opening: str) -> NDArray[np.float64]:
        """Returns the log-probability of how each text begins after its context, float64 (texts,).

        See `multiref_gym.agents.decoders.answers.ReplyScorer`.

        Raises:
            UserError: If a text is longer than the model can read.
        """
        asked = [(opening, context, (text,)) for context, text in zip(contexts, texts, strict=True)]
        return self._once(
            asked, lambda new: self._beginnings([(context, text) for _, context, (text,) in new], opening)
        )

    def one_token_each(self, answers: Sequence[str]) -> bool:
        """Whether each answer is one token after an opening and a question, so that the model is asked once."""
        texts = self._tokens("?", answers, "?")
        start = shared_start(*texts)
        return all(len(text) == start + 1 for text in texts)

    def reads(self, question: str, answers: Sequence[str]) -> bool:
        """Whether a question with its answers is not too long for the model."""
        limit = self._limit
        return limit is None or max(map(len, self._tokens(question, answers, ""))) <= limit

    @torch.inference_mode()
    def write(self, question: str, rng: np.random.Generator, most: int) -> tuple[str, int, int]:
        """Writes one line, or thoughts and a line after them, alone in its batch: other questions change no bit of it.

        Args:
            question: What is asked. Without a chat template it is put as it is, to be gone on with.
            rng: The source of all chance.
            most: How many tokens may be written.

        Returns:
            The text, and how many tokens were read and written.

        Raises:
            UserError: If the question is longer than the model can read.
        """
        chat = bool(self._tokenizer.chat_template)
        question = self._plain(question)
        prompt = self._chat(("user", question)) if chat else question
        tokens = self._tokenizer(prompt, add_special_tokens=not chat, return_tensors="pt").input_ids
        read = tokens.shape[1]
        self._check_length(read + most)
        # Its makers may name marks that end a turn beside the one that ends a text.
        ends = [*np.ravel(self._model.generation_config.eos_token_id), self._tokenizer.eos_token_id]
        settings = GenerationConfig(
            max_new_tokens=most,
            do_sample=False,  # not by transformers, whose chance is that of the process
            eos_token_id=[int(end) for end in ends if end is not None],
            pad_token_id=0,
        )
        tokens = tokens.to(self._model.device)
        with getattr(self._model, "disable_adapter", nullcontext)():
            out = self._model.generate(
                input_ids=tokens,
                attention_mask=torch.ones_like(tokens),
                generation_config=settings,
                logits_processor=LogitsProcessorList([_Drawn(rng)]),
                stopping_criteria=StoppingCriteriaList([_LineWritten(self._tokenizer, read)]),
            )
        written = out[0, read:].tolist()
        return str(self._tokenizer.decode(written, skip_special_tokens=True)), read, len(written)

    def _once(self, asked: Sequence[Scored], scores: Callable[[list[Scored]], Sequence[Any]]) -> NDArray[np.float64]:
        """Returns the scores of what is asked, each of which the model is asked once."""
        known = self._scored  # at one look, as another thread may forget what is old
        found = {key: known[key] for key in asked if key in known}
        new = [key for key in dict.fromkeys(asked) if key not in found]
        if new:
            found.update(zip(new, scores(new), strict=True))
            self._scored.update(found)
            if len(self._scored) > 2 * REMEMBERED:
                self._scored = dict(list(self._scored.items())[-REMEMBERED:])
        return np.array([found[key] for key in asked])

    def _scores(self, questions: Sequence[str], answers: Sequence[str], opening: str) -> list[list[float]]:
        texts = [self._tokens(question, answers, opening) for question in questions]
        # The tokens that all answers to a question begin with are no matter of choice. From there on each token has
        # a probability after those before it, and answers of one token each need the model once a question.
        starts = [shared_start(*of_question) for of_question in texts]
        wanted: dict[tuple[int, ...], dict[int, float]] = {}
        for of_question, start in zip(texts, starts, strict=True):
            for text in of_question:
                for end in range(start, len(text)):
                    wanted.setdefault(text[:end], {})[text[end]] = 0.0
        contexts = sorted(wanted, key=len)  # texts of one length need no padding
        self._check_length(len(contexts[-1]))
        # A token may reach from the opening into a question, and the last token is read with each question.
        read = self._ids(self._plain(opening)) if opening else ()
        opened = shared_start(read, *(context[:-1] for context in contexts))
        for first in range(0, len(contexts), self._batch_size):
            batch = contexts[first : first + self._batch_size]
            for context, log_probs in zip(batch, self._next_token(batch, opened), strict=True):
                wanted[context] = {token: float(log_probs[token]) for token in wanted[context]}
        return [
            [sum(wanted[text[:end]][text[end]] for end in range(start, len(text))) for text in of_question]
            for of_question, start in zip(texts, starts, strict=True)
        ]

    @torch.inference_mode()
    def _beginnings(self, texts: Sequence[tuple[str, str]], opening: str) -> list[float]:
        read = self._ids(self._plain(opening))
        rows = []
        for context, text in texts:
            before, whole = (self._ids(self._plain(f"{opening}{words}")) for words in (context, f"{context} {text}\n"))
            start = shared_start(before, whole)
            rows.append((whole[: start + BEGINNING], start))
        self._check_length(max(len(tokens) for tokens, _ in rows))
        opened = shared_start(read, *(tokens[: start - 1] for tokens, start in rows))
        found = np.empty(len(rows))
        order = sorted(range(len(rows)), key=lambda row: len(rows[row][0]))
        for first in range(0, len(order), self._batch_size):
            batch = order[first : first + self._batch_size]
            tokens, _, given = self._after(opened, [rows[row][0] for row in batch])
            log_probs = torch.log_softmax(self._forward(tokens, **given).logits.float(), dim=-1).cpu()
            for number, row in enumerate(batch):
                whole, start = rows[row]
                places = torch.arange(start - 1, len(whole) - 1) - given["first"]
                found[row] = float(log_probs[number, places, torch.tensor(whole[start:])].sum())
        return found.tolist()

    def _tokens(self, question: str, answers: Sequence[str], opening: str) -> list[tuple[int, ...]]:
        """Returns the tokens of the question with each answer: in its place, as alone an answer has others."""
        chat = bool(self._tokenizer.chat_template) and not opening
        question = self._plain(opening + question)
        prompt = self._chat(("user", question)) if chat else question if opening else f"{question}\nAnswer:"
        space = "" if prompt[-1].isspace() else " "
        # A chat template has put the special tokens already.
        return [self._ids(f"{prompt}{space}{answer}", add_special_tokens=not chat) for answer in answers]

    def _ids(self, text: str, add_special_tokens: bool = True) -> tuple[int, ...]:
        return tuple(self._tokenizer(text, add_special_tokens=add_special_tokens).input_ids)

    def _chat(self, *turns: tuple[str, str]) -> str:
        # Templates of models that see expect a message in parts, some others a text.
        sees = hasattr(self._model.config, "vision_config")
        messages = [
            {"role": role, "content": [{"type": "text", "text": text}] if sees else text} for role, text in turns
        ]
        # Models that may think aloud first are asked not to; other templates do not know the word.
        return str(
            self._tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        )

    @property
    def _limit(self) -> int | None:
        """How many tokens the model reads."""
        return getattr(self._model.config.get_text_config(), "max_position_embeddings", None)

    def _check_length(self, length: int) -> None:
        limit = self._limit
        if limit is not None and length > limit:
            raise UserError(f"a question of {length} tokens is too long for the language model, which reads {limit}")

    def _next_token(self, contexts: Sequence[tuple[int, ...]], opened: int) -> torch.Tensor:
        """Returns the log-probabilities of the token after each context, float32 (contexts, vocabulary).

        Args:
            contexts: They begin with the same tokens.
            opened: How many of these are the opening.
        """
        tokens, there, given = self._after(opened, contexts)
        lasts, last = (there.sum(1) - 1).unique(return_inverse=True)
        logits = self._forward(tokens, **given, logits_to_keep=lasts).logits
        return torch.log_softmax(logits[torch.arange(len(contexts)), last].float(), dim=-1).cpu()

    def _after(
        self, opened: int, texts: Sequence[tuple[int, ...]]
    ) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
        """Returns what is to be read of texts that begin with the same tokens, padded; what of it is there; and how.

        Args:
            opened: How many tokens are the opening.
            texts: All tokens of each.
        """
        kept = deepcopy(self._read(texts[0][:opened])) if opened else None  # copied, as the model adds to it
        given: dict[str, Any] = {"first": 0}
        if kept is not None:
            kept.reorder_cache(torch.zeros(len(texts), dtype=torch.long))  # the same for each text
            given = {"first": opened, "past_key_values": kept}
        # Padded on the right, where nothing is read after the padding and all positions stay as they are.
        tokens, there = padded([text[given["first"] :] for text in texts], self._tokenizer.pad_token_id or 0)
        return tokens, there, given

    def _read_opening(self, tokens: tuple[int, ...]) -> Any:
        """Returns the keys and values of an opening; None of a model without them, such as Mamba."""
        read = self._forward(torch.tensor([tokens]), use_cache=True, logits_to_keep=1)
        return getattr(read, "past_key_values", None)

    @torch.inference_mode()
    def _forward(self, tokens: torch.Tensor, first: int = 0, **how: Any) -> Any:
        # Positions are told, as Qwen's models would count on from the images that they saw last.
        places = torch.arange(first, first + tokens.shape[1]).expand(tokens.shape)
        with getattr(self._model, "disable_adapter", nullcontext)():
            return self._model(
                input_ids=tokens.to(self._model.device), position_ids=places.to(self._model.device), **how
            )


def shared_language_model(name: str) -> LanguageModel:
    """Returns a model that all of this process share; see `LanguageModel.load`."""
    with _LOADING:
        return _loaded(name)


@lru_cache(maxsize=1)
def _loaded(name: str) -> LanguageModel:
    return LanguageModel.load(name)


class _Drawn(LogitsProcessor):
    """Draws each token from the likeliest ones, with chance of its own."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        # On the processor and in float64, so that a draw is the same wherever the model is.
        shares, tokens = torch.softmax(scores[0].double().cpu(), dim=-1).sort(descending=True, stable=True)
        until = shares.cumsum(0)
        until = until[: int((until < LIKELY).sum()) + 1]
        place = int(torch.searchsorted(until, self._rng.random() * float(until[-1]), right=True))
        drawn = torch.full_like(scores, -torch.inf)
        drawn[0, tokens[min(place, len(until) - 1)]] = 0.0
        return drawn


class _LineWritten(StoppingCriteria):
    """Ends a text after the first line that says anything, unless that is in a thought."""

    def __init__(self, tokenizer: Any, read: int) -> None:
        self._tokenizer, self._read = tokenizer, read

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        text = self._tokenizer.decode(input_ids[0, self._read :], skip_special_tokens=True)
        said = without_thoughts(text) if "\n" in text else None
        return torch.tensor([bool(said and "\n" in said.lstrip())], device=input_ids.device)
