"""How likely a language model finds the answers to a question: of a model on this machine, or behind an endpoint.

No text is generated and read: an answer is scored by the log-probability of its tokens.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

from multiref_gym.agents.completions import is_withheld
from multiref_gym.agents.listeners.vlm.loading import VlmConfig, load_base
from multiref_gym.agents.listeners.vlm.prompt import padded, shared_start
from multiref_gym.agents.listeners.weights import UNLOADABLE, pretrained
from multiref_gym.errors import UserError

if TYPE_CHECKING:
    from multiref_gym.agents.openai_api import ChatClient


class AnswerScorer(Protocol):
    """A model that says how likely answers are."""

    def __call__(self, questions: Sequence[str], answers: Sequence[str]) -> NDArray[np.float64]:
        """Returns the log-probability of each answer to each question, up to a constant a question.

        Args:
            questions: One or more.
            answers: The answers that there are to each.

        Returns:
            float64 (questions, answers); of an answer that is out of the question, minus infinity.
        """
        ...


class LanguageModel:
    """Scores answers by a model on this machine, text or image-text, in left-padded batches.

    All tokens of an answer count. An adapter that the model has is left out: it is asked as it was before it learned.

    Args:
        model: The model, in its evaluation mode; it may be wrapped by peft.
        tokenizer: Its tokenizer. Without a chat template the question is put as plain text.
        batch_size: Texts at once.
    """

    def __init__(self, model: Any, tokenizer: Any, batch_size: int = 16) -> None:
        self._model, self._tokenizer, self._batch_size = model, tokenizer, batch_size

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

    def __call__(self, questions: Sequence[str], answers: Sequence[str]) -> NDArray[np.float64]:
        """Returns log-probabilities as `AnswerScorer` does.

        Raises:
            UserError: If a question is longer than the model can read.
        """
        texts = [self._tokens(question, answers) for question in questions]
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
        for first in range(0, len(contexts), self._batch_size):
            batch = contexts[first : first + self._batch_size]
            for context, log_probs in zip(batch, self._next_token(batch), strict=True):
                wanted[context] = {token: float(log_probs[token]) for token in wanted[context]}
        return np.array(
            [
                [sum(wanted[text[:end]][text[end]] for end in range(start, len(text))) for text in of_question]
                for of_question, start in zip(texts, starts, strict=True)
            ]
        )

    def _tokens(self, question: str, answers: Sequence[str]) -> list[tuple[int, ...]]:
        """Returns the tokens of the question with each answer: in its place, as alone an answer has others."""
        chat = bool(self._tokenizer.chat_template)
        prompt = self._chat(question) if chat else f"{question}\nAnswer:"
        space = "" if prompt[-1].isspace() else " "
        # A chat template has put the special tokens already.
        return [
            tuple(self._tokenizer(f"{prompt}{space}{answer}", add_special_tokens=not chat).input_ids)
            for answer in answers
        ]

    def _chat(self, question: str) -> str:
        # Templates of models that see expect a message in parts, some others a text.
        sees = hasattr(self._model.config, "vision_config")
        content = [{"type": "text", "text": question}] if sees else question
        messages = [{"role": "user", "content": content}]
        # Models that may think aloud first are asked not to; other templates do not know the word.
        return str(
            self._tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        )

    def _check_length(self, length: int) -> None:
        limit = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        if limit is not None and length > limit:
            raise UserError(f"a question of {length} tokens is too long for the language model, which reads {limit}")

    @torch.inference_mode()
    def _next_token(self, contexts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Returns the log-probabilities of the token after each context, float32 (contexts, vocabulary)."""
        model = self._model
        tokens, mask = padded(contexts, self._tokenizer.pad_token_id or 0, "left")
        # `generate` knows for each architecture how positions are counted where there is padding.
        one_token = GenerationConfig(
            max_new_tokens=1, do_sample=False, output_logits=True, return_dict_in_generate=True, pad_token_id=0
        )
        with getattr(model, "disable_adapter", nullcontext)():
            out = model.generate(
                input_ids=tokens.to(model.device), attention_mask=mask.to(model.device), generation_config=one_token
            )
        return torch.log_softmax(out.logits[0].float(), dim=-1).cpu()


class EndpointModel:
    """Scores answers by a model behind an endpoint, if that gives the likeliest tokens of what it writes.

    Only the first token is asked for. Upper case and blanks are no matter, and the beginning of one answer stands for
    it; an answer that is not among the likeliest is taken as impossible. As chance has no part in it, a question is
    asked once. Where a content filter keeps back what the model says, all answers are as likely.

    Args:
        client: Asks the model.
    """

    LIKELIEST = 20
    """How many tokens are asked for: as many as OpenAI gives."""

    def __init__(self, client: ChatClient) -> None:
        self._client = client
        self._choices: dict[str, dict[str, Any]] = {}

    def __call__(self, questions: Sequence[str], answers: Sequence[str]) -> NDArray[np.float64]:
        """Returns log-probabilities as `AnswerScorer` does.

        Raises:
            UserError: If the endpoint gives no log-probabilities, or none of an answer; and as `ChatClient.complete`.
        """
        fields = {"max_tokens": 1, "logprobs": True, "top_logprobs": self.LIKELIEST}
        new = [question for question in dict.fromkeys(questions) if question not in self._choices]
        choices = self._client.complete(
            [{"messages": [{"role": "user", "content": question}], **fields} for question in new]
        )
        self._choices.update(zip(new, choices, strict=True))
        if filtered := sum(map(is_withheld, choices)):
            warnings.warn(
                f"{self._client.model} at {self._client.endpoint}: a content filter keeps back {filtered} answers of "
                f"{len(new)}, which are taken as unclear",
                stacklevel=2,
            )
        return np.array([self._log_probs(self._choices[question], answers) for question in questions])

    def _log_probs(self, choice: Mapping[str, Any], answers: Sequence[str]) -> list[float]:
        if is_withheld(choice):
            return [0.0] * len(answers)
        asked = f"{self._client.model} at {self._client.endpoint}"
        try:
            likeliest = choice["logprobs"]["content"][0]["top_logprobs"]
            tokens = [(str(token["token"]).strip().lower(), float(token["logprob"])) for token in likeliest]
        except (LookupError, TypeError, ValueError, OverflowError):
            tokens = []
        tokens = [(token, log_prob) for token, log_prob in tokens if log_prob < np.inf]  # which leaves out NaN as well
        if not tokens:
            raise UserError(f"{asked} gives no log-probabilities (top_logprobs), by which alone answers are scored")
        log_probs = dict.fromkeys(answers, -np.inf)
        for token, log_prob in sorted(tokens, key=lambda found: -found[1]):
            begun = [answer for answer in answers if token and answer.lower().startswith(token)]
            if len(begun) == 1:
                log_probs[begun[0]] = np.logaddexp(log_probs[begun[0]], log_prob)
            elif begun and max(log_probs.values()) == -np.inf:
                raise UserError(f"{asked} begins with {token!r}, which may become {' or '.join(begun)}")
        if max(log_probs.values()) == -np.inf:
            raise UserError(f"{asked} begins with {tokens[0][0]!r}, and nothing likely begins {' or '.join(answers)}")
        return list(log_probs.values())
