"""How likely a language model finds the answers to a question: the contract, and models behind an endpoint.

An answer is scored by the log-probability of its tokens. Where an endpoint does not give that, what the model writes is
read instead. A model on this machine is a `multiref_gym.agents.language_model.LanguageModel`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from multiref_gym.agents.completions import is_withheld, said
from multiref_gym.answers import without_thoughts
from multiref_gym.errors import UserError

if TYPE_CHECKING:
    from multiref_gym.agents.openai_api import ChatClient


BEGINNING = 6
"""How many tokens of a text count where its beginning is scored: replies judge there, and describe after it."""


class AnswerScorer(Protocol):
    """A model that says how likely answers are."""

    def __call__(self, questions: Sequence[str], answers: Sequence[str], opening: str = "") -> NDArray[np.float64]:
        """Returns the log-probability of each answer to each question, up to a constant a question.

        Args:
            questions: One or more.
            answers: The answers that there are to each.
            opening: What all the questions begin with: it stands before each of them.

        Returns:
            float64 (questions, answers); of an answer that is out of the question, minus infinity. Where the model
            says nothing of a question, all are 0.
        """
        ...

    def reads(self, question: str, answers: Sequence[str]) -> bool:
        """Whether a question with its answers is not too long for the model, as far as that is known."""
        ...

    def one_token_each(self, answers: Sequence[str]) -> bool:
        """Whether each answer is one token after an opening and a question, as far as that is known."""
        ...


@runtime_checkable
class ReplyScorer(AnswerScorer, Protocol):
    """A model that says how likely any text is as well."""

    def begins(self, contexts: Sequence[str], texts: Sequence[str], opening: str) -> NDArray[np.float64]:
        """Returns the log-probability of how each text begins after its context.

        Args:
            contexts: One or more.
            texts: What comes after each, of which the first `BEGINNING` tokens count.
            opening: What stands before each context.

        Returns:
            float64 (texts,).
        """
        ...


class NoAnswer(UserError):
    """A model writes none of the answers that there are."""


class NoLogProbabilities(NoAnswer):
    """An endpoint does not say how likely tokens are."""


class EndpointModel:
    """Scores answers by a model behind an endpoint, if that gives the likeliest tokens of what it writes.

    Only the first token is asked for. Upper case and blanks are no matter, and the beginning of one answer stands for
    it; an answer that is not among the likeliest is taken as impossible. As chance has no part in it, a question is
    asked once. Where a content filter keeps back what the model says, or it says something else, all answers are as
    likely.

    Args:
        client: Asks the model.

    Attributes:
        client: The same.
    """

    FIELDS: ClassVar[Mapping[str, Any]] = {"max_tokens": 1, "logprobs": True, "top_logprobs": 20}
    """What is asked for: as many of the likeliest tokens as OpenAI gives."""
    REMEMBERED = 10_000
    """How many questions are remembered at least, so that they are asked once: a log may have more than memory has."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client
        self._has_answered = False
        self._choices: dict[str, dict[str, Any]] = {}

    def __call__(self, questions: Sequence[str], answers: Sequence[str], opening: str = "") -> NDArray[np.float64]:
        """Returns log-probabilities as `AnswerScorer` does.

        Raises:
            UserError: If the endpoint has not given the log-probability of an answer to any question yet; and as
                `ChatClient.complete`.
        """
        questions = [f"{opening}{question}" for question in questions]
        new = [question for question in dict.fromkeys(questions) if question not in self._choices]
        choices = self.client.complete(
            [{"messages": [{"role": "user", "content": question}], **self.FIELDS} for question in new]
        )
        self._choices.update(zip(new, choices, strict=True))
        if filtered := sum(map(is_withheld, choices)):
            warnings.warn(
                f"{self._asked}: a content filter keeps back {filtered} answers of "
                f"{len(new)}, which are taken as unclear",
                stacklevel=2,
            )
        found, errors = np.zeros((len(questions), len(answers))), list[NoAnswer]()
        for row, question in enumerate(questions):
            try:
                found[row] = self._log_probs(self._choices[question], answers)
            except NoAnswer as error:
                errors.append(error)
        self._has_answered |= bool(found.any())
        if errors:
            if not self._has_answered:
                raise errors[0]
            told = f"{errors[0]}; so it is with {len(errors)} answers of {len(questions)}, which are taken as unclear"
            warnings.warn(told, stacklevel=2)
        if len(self._choices) > 2 * self.REMEMBERED:
            self._choices = dict(list(self._choices.items())[-self.REMEMBERED :])
        return found

    def reads(self, question: str, answers: Sequence[str]) -> bool:
        """Says yes: nobody knows how much a model behind an endpoint reads."""
        return True

    def one_token_each(self, answers: Sequence[str]) -> bool:
        """Says yes: nobody knows its tokens, and the beginning of an answer stands for it."""
        return True

    @property
    def _asked(self) -> str:
        return f"{self.client.model} at {self.client.endpoint}"

    def _log_probs(self, choice: Mapping[str, Any], answers: Sequence[str]) -> list[float]:
        if is_withheld(choice):
            return [0.0] * len(answers)
        asked = self._asked
        try:
            likeliest = choice["logprobs"]["content"][0]["top_logprobs"]
            tokens = [(str(token["token"]).strip().lower(), float(token["logprob"])) for token in likeliest]
        except (LookupError, TypeError, ValueError, OverflowError):
            tokens = []
        tokens = [(token, log_prob) for token, log_prob in tokens if log_prob < np.inf]  # which leaves out NaN as well
        if not tokens:
            raise NoLogProbabilities(f"{asked} gives no log-probabilities (top_logprobs), by which answers are scored")
        log_probs = dict.fromkeys(answers, -np.inf)
        for token, log_prob in sorted(tokens, key=lambda found: -found[1]):
            begun = [answer for answer in answers if token and answer.lower().startswith(token)]
            if len(begun) == 1:
                log_probs[begun[0]] = np.logaddexp(log_probs[begun[0]], log_prob)
            elif begun and max(log_probs.values()) == -np.inf:
                raise UserError(f"{asked} begins with {token!r}, which may become {' or '.join(begun)}")
        if max(log_probs.values()) == -np.inf:
            raise NoAnswer(f"{asked} begins with {tokens[0][0]!r}, and nothing likely begins {' or '.join(answers)}")
        return list(log_probs.values())


class WritingModel(EndpointModel):
    """Scores answers by what a model behind an endpoint writes, where the endpoint gives no log-probabilities.

    The answer that is the first word has the log-probability 0, and all others are taken as impossible. Where the first
    word is none of the answers, all are as likely.
    """

    FIELDS: ClassVar[Mapping[str, Any]] = {"max_tokens": 16, "temperature": 0}

    def _log_probs(self, choice: Mapping[str, Any], answers: Sequence[str]) -> list[float]:
        if is_withheld(choice):
            return [0.0] * len(answers)
        text, _ = said(choice)
        word = re.search(r"\w+", without_thoughts(text) or "")
        written = [word is not None and word[0].lower() == answer.lower() for answer in answers]
        if not any(written):
            raise NoAnswer(f"{self._asked} writes {text!r:.60}, which begins with neither {' nor '.join(answers)}")
        return [0.0 if is_written else -np.inf for is_written in written]
