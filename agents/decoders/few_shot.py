"""A question to a language model after a few examples, all in plain text: a form that small models can answer.

The instruction and the examples come first and the exchange last, so that a model on this machine reads the former once
for all exchanges. Small models lean to the answer that was shown last or most often, and much depends on the examples
(Zhao et al. 2021, arXiv 2102.09690). So each exchange is asked about twice, after each half of the examples.

A model that says how likely any text is tells more: how much likelier the reply is after a right action than after a
wrong one (noisy channel, Min et al. 2022, arXiv 2108.04106).
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
"""What stands before a reply whose likelihood is asked for."""
ANSWERS = (("No", "Yes"), ("no", "yes"), ("N", "Y"), ("0", "1"))
"""Words for a bad action and for a good one. A model takes the first pair of which each word is one token."""

CONTENT_FREE = Exchange(None, "N/A", Action(select=frozenset({0})), "N/A")
"""An exchange that says nothing: what a model makes of it is its lean (arXiv 2102.09690)."""

MOST = 10.0
"""The largest log-odds, either way, that one answer counts with: an endpoint may call an answer impossible."""


@dataclass(frozen=True, slots=True)
class Example:
    """An exchange whose action was right or not.

    Attributes:
        utterance: What the speaker said before the action.
        action: The action, in its canonical text.
        reply: What the speaker said after it.
        right: Whether all of it was right.
    """

    utterance: str
    action: str
    reply: str
    right: bool


@dataclass(frozen=True, slots=True)
class FewShot:
    """What is asked of exchanges.

    Attributes:
        answers: The words for a bad action and for a good one.
        examples: What is shown first.
    """

    answers: tuple[str, str]
    examples: tuple[Example, ...]

    def evidence(self, scorer: AnswerScorer, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """Returns what speaks for a right action, in nats: log-odds of the answers, and of the replies if they are had.

        Each is the mean over both halves of the examples.

        Args:
            scorer: The model.
            exchanges: One or more, each with a click.

        Returns:
            Of shape `(len(exchanges), 1 or 2)`.
        """
        columns = [self.log_odds(scorer, exchanges)]
        if isinstance(scorer, ReplyScorer):
            columns.append(self.reply_log_odds(scorer, exchanges))
        return np.column_stack(columns)

    def log_odds(self, scorer: AnswerScorer, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """Returns the log-odds of a right action by the answers, of shape `(len(exchanges),)`.

        Each is from `-MOST` to `MOST`; where the model says nothing, it is `-MOST`.

        Args:
            scorer: The model.
            exchanges: One or more, each with a click.
        """
        questions = [_question(exchange.utterance, str(exchange.action), exchange.reply) for exchange in exchanges]
        found = []
        for half in self._halves:
            shown = [
                f"{_question(example.utterance, example.action, example.reply)} {self.answers[example.right]}"
                for example in half
            ]
            bad, good = scorer(questions, self.answers, _opening(shown)).T
            silent = bad == good  # both are 0 where nothing was said
            with np.errstate(invalid="ignore"):
                found.append(np.where(silent, -MOST, np.clip(good - bad, -MOST, MOST)))
        mean: NDArray[np.float64] = np.mean(found, axis=0)
        return mean

    def reply_log_odds(self, scorer: ReplyScorer, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """Returns how much likelier each reply begins so after a right action, in nats, `(len(exchanges),)`.

        Args:
            scorer: The model.
            exchanges: One or more, each with a click.
        """
        replies = [_line(exchange.reply) for exchange in exchanges]
        found = []
        for half in self._halves:
            shown = [
                f"{self._verdict(example.utterance, example.action, example.right)} {_line(example.reply)}"
                for example in half
            ]
            bad, good = (
                scorer.begins(
                    [self._verdict(exchange.utterance, str(exchange.action), right) for exchange in exchanges],
                    replies,
                    _opening(shown),
                )
                for right in (False, True)
            )
            found.append(good - bad)
        mean: NDArray[np.float64] = np.mean(found, axis=0)
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
    # In one line and without marks, so that nobody else seems to speak.
    return " ".join(without_marks(words).split())
