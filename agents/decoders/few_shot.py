"""A question to a language model after a few examples, all in plain text: a form that small models can answer.

The instruction and the examples come first and the exchange last. So a model on this machine reads the instruction and
the examples only once for all exchanges. Small models lean to the answer that was shown last or most often, and much
depends on the examples (Zhao et al. 2021, arXiv 2102.09690). So each question is asked twice, once after each half of
the examples.

A model that can score any text gives further evidence: how much likelier the reply is after a right action than after
a wrong one (noisy channel, Min et al. 2022, arXiv 2108.04106).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multiref_gym.agents.decoders.answers import AnswerScorer, ReplyScorer
from multiref_gym.chat import without_marks
from multiref_gym.feedback import Exchange
from multiref_gym.game import Action

INSTRUCTION = """\
A speaker describes tangrams to a listener, who selects and deselects them. The speaker's reply shows if the \
listener's action was right.

"""
QUESTION = "Asked: {}\nDone: {}\nReply: {}\nWas it right?"
VERDICT = "Asked: {}\nDone: {}\nRight: {}\nReply:"
"""The text before a reply that is scored."""
ANSWERS = (("No", "Yes"), ("no", "yes"), ("N", "Y"), ("0", "1"))
"""Words for a wrong action and for a right one. A model uses the first pair whose words are one token each."""

CONTENT_FREE = Exchange(None, "N/A", Action(select=frozenset({0})), "N/A")
"""An exchange without content. A model's answer to it shows the model's lean (arXiv 2102.09690)."""

MOST = 10.0
"""The limit of the log-odds from one answer, in both directions, because an endpoint may give an answer no chance."""


@dataclass(frozen=True, slots=True)
class Example:
    """An exchange, and whether its action was right.

    Attributes:
        utterance: The speaker's words before the action.
        action: The action, in its canonical text.
        reply: The speaker's words after it.
        right: Whether the action was entirely right.
    """

    utterance: str
    action: str
    reply: str
    right: bool


@dataclass(frozen=True, slots=True)
class FewShot:
    """A prompt with examples.

    Attributes:
        answers: The words for a wrong action and for a right one.
        examples: The examples.
    """

    answers: tuple[str, str]
    examples: tuple[Example, ...]

    def evidence(self, scorer: AnswerScorer, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """Returns the evidence for a right action, in nats: from answers and, if the model scores texts, from replies.

        Each is the mean over both halves of the examples.

        Args:
            scorer: The model.
            exchanges: One or more exchanges, each with a click.

        Returns:
            float64 `(len(exchanges), 1 or 2)`.
        """
        columns = [self.log_odds(scorer, exchanges)]
        if isinstance(scorer, ReplyScorer):
            columns.append(self.reply_log_odds(scorer, exchanges))
        return np.column_stack(columns)

    def log_odds(self, scorer: AnswerScorer, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """Returns the log-odds of a right action by the answers, of shape `(len(exchanges),)`.

        They are from `-MOST` to `MOST`. If the model gives no answer, they are `-MOST`.

        Args:
            scorer: The model.
            exchanges: One or more exchanges, each with a click.
        """
        questions = [_question(exchange.utterance, str(exchange.action), exchange.reply) for exchange in exchanges]
        by_half = []
        for half in self._halves:
            shown = [
                f"{_question(example.utterance, example.action, example.reply)} {self.answers[example.right]}"
                for example in half
            ]
            wrong, right = scorer(questions, self.answers, _opening(shown)).T
            no_answer = wrong == right  # both are 0 then
            with np.errstate(invalid="ignore"):
                by_half.append(np.where(no_answer, -MOST, np.clip(right - wrong, -MOST, MOST)))
        mean: NDArray[np.float64] = np.mean(by_half, axis=0)
        return mean

    def reply_log_odds(self, scorer: ReplyScorer, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """Returns how much likelier each reply's beginning is after a right action, in nats, `(len(exchanges),)`.

        Args:
            scorer: The model.
            exchanges: One or more exchanges, each with a click.
        """
        replies = [_line(exchange.reply) for exchange in exchanges]
        by_half = []
        for half in self._halves:
            shown = [
                f"{self._verdict(example.utterance, example.action, example.right)} {_line(example.reply)}"
                for example in half
            ]
            after_wrong, after_right = (
                scorer.begins(
                    [self._verdict(exchange.utterance, str(exchange.action), right) for exchange in exchanges],
                    replies,
                    _opening(shown),
                )
                for right in (False, True)
            )
            by_half.append(after_right - after_wrong)
        mean: NDArray[np.float64] = np.mean(by_half, axis=0)
        return mean

    @property
    def _halves(self) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
        half = len(self.examples) // 2
        return self.examples[:half], self.examples[half:]

    def _verdict(self, utterance: str, action: str, right: bool) -> str:
        return VERDICT.format(_line(utterance), action, self.answers[right])


def _opening(shown: Sequence[str]) -> str:
    return INSTRUCTION + "".join(f"{example}\n\n" for example in shown)


def _question(utterance: str, action: str, reply: str) -> str:
    return QUESTION.format(_line(utterance), action, _line(reply))


def _line(words: str) -> str:
    # On one line and without marks of turns, so that the words cannot look like another turn.
    return " ".join(without_marks(words).split())
