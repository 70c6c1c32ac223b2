"""Scores answers to a question by how likely a language model finds them: the protocol, and models behind an endpoint.

The score of an answer is the log-probability of its tokens. If an endpoint gives no log-probabilities, the text that
the model writes is read instead. For a model on this machine, see
`multiref_gym.agents.language_model.LanguageModel`.
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
"""The number of scored tokens at the beginning of a text: replies judge there, and describe afterwards."""


class AnswerScorer(Protocol):
    """A model that scores answers by their log-probability."""

    def __call__(self, questions: Sequence[str], answers: Sequence[str], opening: str = "") -> NDArray[np.float64]:
        """Returns the log-probability of each answer to each question, up to a constant for each question.

        Args:
            questions: One or more questions.
            answers: The possible answers to each question.
            opening: A text that is put before each question.

        Returns:
            float64 (questions, answers). An impossible answer has minus infinity. If the model gives no answer to a
            question, all its scores are 0.
        """
        ...

    def reads(self, question: str, answers: Sequence[str]) -> bool:
        """Whether the model can read a question with each answer; True if its limit is unknown."""
        ...

    def one_token_each(self, answers: Sequence[str]) -> bool:
        """Whether each answer is one token after an opening and a question; True if its tokens are unknown."""
        ...


@runtime_checkable
class ReplyScorer(AnswerScorer, Protocol):
    """A model that can also score any text, not only answers."""

    def begins(self, contexts: Sequence[str], texts: Sequence[str], opening: str) -> NDArray[np.float64]:
        """Returns the log-probability of the beginning of each text after its context.

        Args:
            contexts: One or more contexts.
            texts: The text after each context, of which the first `BEGINNING` tokens count.
            opening: A text that is put before each context.

        Returns:
            float64 (texts,).
        """
        ...


class NoAnswer(UserError):
    """A model wrote none of the possible answers."""


class NoLogProbabilities(NoAnswer):
    """An endpoint gives no log-probabilities."""


class EndpointModel:
    """Scores answers by a model behind an endpoint that gives the likeliest first tokens.

    Only one token is requested. Case and blanks do not matter. A token that begins exactly one answer counts for that
    answer. An answer that no likely token begins counts as impossible. Nothing is random, so each question is asked
    once. If a content filter withholds the model's text, or the text begins no answer, all answers are equally likely.

    Args:
        client: Asks the model.

    Attributes:
        client: The client.
    """

    FIELDS: ClassVar[Mapping[str, Any]] = {"max_tokens": 1, "logprobs": True, "top_logprobs": 20}
    """The fields of each request. OpenAI gives at most 20 likely tokens."""
    REMEMBERED = 10_000
    """At least this many of the latest questions are remembered. Memory might not hold all questions of a log."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client
        self._has_answered = False
        self._choices: dict[str, dict[str, Any]] = {}

    def __call__(self, questions: Sequence[str], answers: Sequence[str], opening: str = "") -> NDArray[np.float64]:
        """Returns log-probabilities as `AnswerScorer` does.

        Raises:
            UserError: If the model has answered no question yet, neither now nor earlier; and as in
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
                f"{self._name}: a content filter withheld {filtered} of {len(new)} answers, which count as unclear",
                stacklevel=2,
            )
        scores, errors = np.zeros((len(questions), len(answers))), list[NoAnswer]()
        for row, question in enumerate(questions):
            try:
                scores[row] = self._log_probs(self._choices[question], answers)
            except NoAnswer as error:
                errors.append(error)
        self._has_answered |= bool(scores.any())
        if errors:
            if not self._has_answered:
                raise errors[0]
            warning = f"{errors[0]}; {len(errors)} of {len(questions)} answers are like this, and count as unclear"
            warnings.warn(warning, stacklevel=2)
        if len(self._choices) > 2 * self.REMEMBERED:
            self._choices = dict(list(self._choices.items())[-self.REMEMBERED :])
        return scores

    def reads(self, question: str, answers: Sequence[str]) -> bool:
        """True: the limit of a model behind an endpoint is unknown."""
        return True

    def one_token_each(self, answers: Sequence[str]) -> bool:
        """True: the tokens are unknown, and the beginning of an answer counts for it."""
        return True

    @property
    def _name(self) -> str:
        return f"{self.client.model} at {self.client.endpoint}"

    def _log_probs(self, choice: Mapping[str, Any], answers: Sequence[str]) -> list[float]:
        if is_withheld(choice):
            return [0.0] * len(answers)
        name = self._name
        try:
            likeliest = choice["logprobs"]["content"][0]["top_logprobs"]
            tokens = [(str(token["token"]).strip().lower(), float(token["logprob"])) for token in likeliest]
        except (LookupError, TypeError, ValueError, OverflowError):
            tokens = []
        tokens = [(token, log_prob) for token, log_prob in tokens if log_prob < np.inf]  # NaN fails this, too
        if not tokens:
            raise NoLogProbabilities(
                f"{name} gives no log-probabilities (top_logprobs), which are needed to score answers"
            )
        log_probs = dict.fromkeys(answers, -np.inf)
        for token, log_prob in sorted(tokens, key=lambda pair: -pair[1]):
            begun = [answer for answer in answers if token and answer.lower().startswith(token)]
            if len(begun) == 1:
                log_probs[begun[0]] = np.logaddexp(log_probs[begun[0]], log_prob)
            elif begun and max(log_probs.values()) == -np.inf:
                raise UserError(f"{name} begins with {token!r}, which may become {' or '.join(begun)}")
        if max(log_probs.values()) == -np.inf:
            raise NoAnswer(f"{name} begins with {tokens[0][0]!r}, and no likely token begins {' or '.join(answers)}")
        return list(log_probs.values())


class WritingModel(EndpointModel):
    """Scores answers by the text that a model writes, for endpoints that give no log-probabilities.

    If the first word is an answer, that answer has the log-probability 0, and the others count as impossible. If it is
    none of the answers, all are equally likely.
    """

    FIELDS: ClassVar[Mapping[str, Any]] = {"max_tokens": 16, "temperature": 0}

    def _log_probs(self, choice: Mapping[str, Any], answers: Sequence[str]) -> list[float]:
        if is_withheld(choice):
            return [0.0] * len(answers)
        text, _ = said(choice)
        word = re.search(r"\w+", without_thoughts(text) or "")
        written = [word is not None and word[0].lower() == answer.lower() for answer in answers]
        if not any(written):
            raise NoAnswer(f"{self._name} writes {text!r:.60}, which begins with neither {' nor '.join(answers)}")
        return [0.0 if is_written else -np.inf for is_written in written]
