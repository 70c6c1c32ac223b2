"""A language model on this machine: it scores the answers to a question, and writes texts."""

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
"""Tokens are drawn from the likeliest ones that together have this probability (top-p sampling, arXiv 1904.09751)."""

REMEMBERED = 10_000
"""At least this many of the latest scores are remembered, so that `decode` and `probabilities` together ask once."""
OPENINGS = 4
"""The number of openings whose keys and values are kept: 46 KB a token for a model of 135M parameters."""

Scored = tuple[str, str, tuple[str, ...]]
"""The key of a score: an opening, a question with its answers, or a context with the text after it."""

_LOADING = Lock()
"""Held while a model is loaded, so that only one of many threads loads it."""


class LanguageModel:
    """Asks a text or image-text model.

    Marks of turns are removed from questions, so that a question cannot end its own turn; see
    `multiref_gym.agents.marks`. An adapter is switched off, so the model answers as before it learned.

    Args:
        model: The model, in evaluation mode; it may be wrapped by peft.
        tokenizer: Its tokenizer. If it has no chat template, questions are plain text.
        batch_size: The number of texts that are scored at once.
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

        An image-text model is loaded as the vlm listener loads it. If both use the same model, they share its weights.

        Raises:
            UserError: If there is no such model, or it has no tokenizer.
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
        """Returns the log-probability of each answer to each question, summed over the tokens of the answer.

        See `multiref_gym.agents.decoders.answers.AnswerScorer`. With an opening, the model continues plain text, even
        if it has a chat template. It reads the opening once and keeps its keys and values.

        Raises:
            UserError: If a question is longer than the model can read.
        """
        asked = [(opening, question, tuple(answers)) for question in questions]
        return self._once(asked, lambda new: self._scores([question for _, question, _ in new], answers, opening))

    def begins(self, contexts: Sequence[str], texts: Sequence[str], opening: str) -> NDArray[np.float64]:
        """Returns the log-probability of the beginning of each text after its context, float64 (texts,).

        See `multiref_gym.agents.decoders.answers.ReplyScorer`.

        Raises:
            UserError: If a text is longer than the model can read.
        """
        asked = [(opening, context, (text,)) for context, text in zip(contexts, texts, strict=True)]
        return self._once(
            asked, lambda new: self._beginnings([(context, text) for _, context, (text,) in new], opening)
        )

    def one_token_each(self, answers: Sequence[str]) -> bool:
        """Whether each answer is one token after an opening and a question."""
        texts = self._tokens("?", answers, "?")
        start = shared_start(*texts)
        return all(len(text) == start + 1 for text in texts)

    def reads(self, question: str, answers: Sequence[str]) -> bool:
        """Whether the model can read a question with each answer."""
        limit = self._limit
        return limit is None or max(map(len, self._tokens(question, answers, ""))) <= limit

    @torch.inference_mode()
    def write(self, question: str, rng: np.random.Generator, most: int) -> tuple[str, int, int]:
        """Writes one line, or thoughts and a line after them.

        The question is alone in its batch, so other questions do not change a bit of the text.

        Args:
            question: The question. If the model has no chat template, it continues the question.
            rng: The source of all randomness.
            most: The most tokens to write.

        Returns:
            The text, and the numbers of tokens read and written.

        Raises:
            UserError: If the question is longer than the model can read.
        """
        chat = bool(self._tokenizer.chat_template)
        question = self._plain(question)
        prompt = self._chat(("user", question)) if chat else question
        tokens = self._tokenizer(prompt, add_special_tokens=not chat, return_tensors="pt").input_ids
        read = tokens.shape[1]
        self._check_length(read + most)
        # A model's generation config may name tokens that end a turn, besides the one that ends a text.
        ends = [*np.ravel(self._model.generation_config.eos_token_id), self._tokenizer.eos_token_id]
        settings = GenerationConfig(
            max_new_tokens=most,
            do_sample=False,  # `_Draw` samples instead: transformers would use the random numbers of the process
            eos_token_id=[int(end) for end in ends if end is not None],
            pad_token_id=0,
        )
        tokens = tokens.to(self._model.device)
        with getattr(self._model, "disable_adapter", nullcontext)():
            out = self._model.generate(
                input_ids=tokens,
                attention_mask=torch.ones_like(tokens),
                generation_config=settings,
                logits_processor=LogitsProcessorList([_Draw(rng)]),
                stopping_criteria=StoppingCriteriaList([_LineWritten(self._tokenizer, read)]),
            )
        written = out[0, read:].tolist()
        return str(self._tokenizer.decode(written, skip_special_tokens=True)), read, len(written)

    def _once(self, asked: Sequence[Scored], scores: Callable[[list[Scored]], Sequence[Any]]) -> NDArray[np.float64]:
        """Returns the scores of all keys; the model is asked once for each."""
        remembered = self._scored  # read once, because another thread may replace it
        found = {key: remembered[key] for key in asked if key in remembered}
        new = [key for key in dict.fromkeys(asked) if key not in found]
        if new:
            found.update(zip(new, scores(new), strict=True))
            self._scored.update(found)
            if len(self._scored) > 2 * REMEMBERED:
                self._scored = dict(list(self._scored.items())[-REMEMBERED:])
        return np.array([found[key] for key in asked])

    def _scores(self, questions: Sequence[str], answers: Sequence[str], opening: str) -> list[list[float]]:
        texts = [self._tokens(question, answers, opening) for question in questions]
        # Tokens that all answers to a question begin with do not distinguish them. Each later token has a probability
        # after the tokens before it. So if all answers are one token, the model reads each question once.
        starts = [shared_start(*of_question) for of_question in texts]
        wanted: dict[tuple[int, ...], dict[int, float]] = {}
        for of_question, start in zip(texts, starts, strict=True):
            for text in of_question:
                for end in range(start, len(text)):
                    wanted.setdefault(text[:end], {})[text[end]] = 0.0
        contexts = sorted(wanted, key=len)  # texts of one length need no padding
        self._check_length(len(contexts[-1]))
        # A token may span the end of the opening and the start of a question. The last token is read with the question.
        read = self._ids(self._plain(opening)) if opening else ()
        opening_length = shared_start(read, *(context[:-1] for context in contexts))
        for first in range(0, len(contexts), self._batch_size):
            batch = contexts[first : first + self._batch_size]
            for context, log_probs in zip(batch, self._next_token(batch, opening_length), strict=True):
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
        opening_length = shared_start(read, *(tokens[: start - 1] for tokens, start in rows))
        found = np.empty(len(rows))
        order = sorted(range(len(rows)), key=lambda row: len(rows[row][0]))
        for first in range(0, len(order), self._batch_size):
            batch = order[first : first + self._batch_size]
            tokens, _, options = self._after(opening_length, [rows[row][0] for row in batch])
            log_probs = torch.log_softmax(self._forward(tokens, **options).logits.float(), dim=-1).cpu()
            for number, row in enumerate(batch):
                whole, start = rows[row]
                places = torch.arange(start - 1, len(whole) - 1) - options["first"]
                found[row] = float(log_probs[number, places, torch.tensor(whole[start:])].sum())
        return found.tolist()

    def _tokens(self, question: str, answers: Sequence[str], opening: str) -> list[tuple[int, ...]]:
        """Returns the tokens of the question with each answer. An answer alone might have other tokens."""
        chat = bool(self._tokenizer.chat_template) and not opening
        question = self._plain(opening + question)
        prompt = self._chat(("user", question)) if chat else question if opening else f"{question}\nAnswer:"
        space = "" if prompt[-1].isspace() else " "
        # A chat template has already added the special tokens.
        return [self._ids(f"{prompt}{space}{answer}", add_special_tokens=not chat) for answer in answers]

    def _ids(self, text: str, add_special_tokens: bool = True) -> tuple[int, ...]:
        return tuple(self._tokenizer(text, add_special_tokens=add_special_tokens).input_ids)

    def _chat(self, *turns: tuple[str, str]) -> str:
        # Templates of image-text models expect messages in parts; some other templates expect a text.
        in_parts = hasattr(self._model.config, "vision_config")
        messages = [
            {"role": role, "content": [{"type": "text", "text": text}] if in_parts else text} for role, text in turns
        ]
        # Models that can write thoughts first are asked not to. Other templates ignore this option.
        return str(
            self._tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        )

    @property
    def _limit(self) -> int | None:
        """The most tokens that the model reads, None if unknown."""
        return getattr(self._model.config.get_text_config(), "max_position_embeddings", None)

    def _check_length(self, length: int) -> None:
        limit = self._limit
        if limit is not None and length > limit:
            raise UserError(f"a question of {length} tokens is too long for the language model, which reads {limit}")

    def _next_token(self, contexts: Sequence[tuple[int, ...]], opening_length: int) -> torch.Tensor:
        """Returns the log-probabilities of the token after each context, float32 (contexts, vocabulary).

        Args:
            contexts: The contexts, which begin with the same tokens.
            opening_length: The number of these tokens that are the opening.
        """
        tokens, mask, options = self._after(opening_length, contexts)
        lasts, last = (mask.sum(1) - 1).unique(return_inverse=True)
        logits = self._forward(tokens, **options, logits_to_keep=lasts).logits
        return torch.log_softmax(logits[torch.arange(len(contexts)), last].float(), dim=-1).cpu()

    def _after(
        self, opening_length: int, texts: Sequence[tuple[int, ...]]
    ) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
        """Returns the padded tokens of texts after their shared opening, their mask, and arguments for `_forward`.

        Args:
            opening_length: The number of tokens in the opening.
            texts: All tokens of each text.
        """
        # Copied, because the model adds to it.
        kept = deepcopy(self._read(texts[0][:opening_length])) if opening_length else None
        options: dict[str, Any] = {"first": 0}
        if kept is not None:
            kept.reorder_cache(torch.zeros(len(texts), dtype=torch.long))  # the same for each text
            options = {"first": opening_length, "past_key_values": kept}
        # Padding is on the right, where no token of a text sees it and no position changes.
        tokens, mask = padded([text[options["first"] :] for text in texts], self._tokenizer.pad_token_id or 0)
        return tokens, mask, options

    def _read_opening(self, tokens: tuple[int, ...]) -> Any:
        """Returns the keys and values of an opening; None for a model without them, such as Mamba."""
        read = self._forward(torch.tensor([tokens]), use_cache=True, logits_to_keep=1)
        return getattr(read, "past_key_values", None)

    @torch.inference_mode()
    def _forward(self, tokens: torch.Tensor, first: int = 0, **options: Any) -> Any:
        # Positions are given, because Qwen's models would otherwise continue counting from the last images.
        places = torch.arange(first, first + tokens.shape[1]).expand(tokens.shape)
        with getattr(self._model, "disable_adapter", nullcontext)():
            return self._model(
                input_ids=tokens.to(self._model.device), position_ids=places.to(self._model.device), **options
            )


def shared_language_model(name: str) -> LanguageModel:
    """Returns a model that is shared within this process; see `LanguageModel.load`."""
    with _LOADING:
        return _loaded(name)


@lru_cache(maxsize=1)
def _loaded(name: str) -> LanguageModel:
    return LanguageModel.load(name)


class _Draw(LogitsProcessor):
    """Draws each token from the likeliest ones, with its own random generator."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        # On the CPU and in float64, so that a draw does not depend on the model's device.
        probabilities, tokens = torch.softmax(scores[0].double().cpu(), dim=-1).sort(descending=True, stable=True)
        until = probabilities.cumsum(0)
        until = until[: int((until < LIKELY).sum()) + 1]
        place = int(torch.searchsorted(until, self._rng.random() * float(until[-1]), right=True))
        drawn = torch.full_like(scores, -torch.inf)
        drawn[0, tokens[min(place, len(until) - 1)]] = 0.0
        return drawn


class _LineWritten(StoppingCriteria):
    """Ends a text after the first line with words that is not part of a thought."""

    def __init__(self, tokenizer: Any, read: int) -> None:
        self._tokenizer, self._read = tokenizer, read

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        text = self._tokenizer.decode(input_ids[0, self._read :], skip_special_tokens=True)
        spoken = without_thoughts(text) if "\n" in text else None
        return torch.tensor([bool(spoken and "\n" in spoken.lstrip())], device=input_ids.device)
