"""A question to a language model after a few examples, all in plain text: a form that small models can answer.

The instruction and the examples come first and the exchange last, so that a model on this machine reads the former once
for all exchanges. Small models lean to the answer that was shown last or most often, and much depends on the examples
(Zhao et al. 2021, arXiv 2102.09690). So each exchange is asked about twice, after each half of the examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from multiref_gym.agents.decoders.answers import AnswerScorer
from multiref_gym.chat import without_marks
from multiref_gym.feedback import Exchange
from multiref_gym.game import Action

INSTRUCTION = """\
A speaker describes tangrams to a listener, who selects and deselects them. The speaker's reply shows if the \
listener's action was right.

"""
QUESTION = "Asked: {}\nDone: {}\nReply: {}\nWas it right?"
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

    @property
    def openings(self) -> tuple[str, str]:
        """What stands before every question: the instruction and one half of the examples."""
        shown = [
            f"{_question(example.utterance, example.action, example.reply)} {self.answers[example.right]}\n\n"
            for example in self.examples
        ]
        half = len(shown) // 2
        return INSTRUCTION + "".join(shown[:half]), INSTRUCTION + "".join(shown[half:])

    def log_odds(self, scorer: AnswerScorer, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """Returns the log-odds of a right action, the mean of both answers, of shape `(len(exchanges),)`.

        Each is from `-MOST` to `MOST`; where the model says nothing, it is `-MOST`.

        Args:
            scorer: The model.
            exchanges: One or more, each with a click.
        """
        questions = [_question(exchange.utterance, str(exchange.action), exchange.reply) for exchange in exchanges]
        found = []
        for opening in self.openings:
            bad, good = scorer(questions, self.answers, opening).T
            silent = bad == good  # both are 0 where nothing was said
            with np.errstate(invalid="ignore"):
                found.append(np.where(silent, -MOST, np.clip(good - bad, -MOST, MOST)))
        mean: NDArray[np.float64] = np.mean(found, axis=0)
        return mean


def _question(utterance: str, action: str, reply: str) -> str:
    # Each in one line and without marks, so that nobody else seems to speak.
    said, replied = (" ".join(without_marks(words).split()) for words in (utterance, reply))
    return QUESTION.format(said, action, replied)
