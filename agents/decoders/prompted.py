"""A feedback decoder that asks a language model whether the speaker was content, as in arXiv 2410.13852.

The model reads the exchange and a question with a few possible answers. The decoder takes the answer that the model
finds most likely, and reads no other text of it; see `multiref_gym.agents.decoders.answers`. The prompt for chats is in
`multiref_gym.agents.decoders.chat_prompt`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from multiref_gym.agents.decoders import chat_prompt
from multiref_gym.agents.decoders.answers import AnswerScorer, EndpointModel
from multiref_gym.agents.language_model import shared_language_model
from multiref_gym.chat import NO_CLICK, without_marks
from multiref_gym.conversation import ChatExchange, Verdict
from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.game import Action

QUESTION = """\
A speaker describes tangrams to a listener, who selects and deselects them. Here is a part of what they said and did.

{exchange}

The speaker's last words show what the speaker thinks of the listener's last action. A speaker who is content says so \
("yes", "good", "correct", "ok") or just goes on to the next tangram. A speaker who is not says so ("no", "not that \
one"), describes the same tangram again in other words, or asks to undo or deselect what was done. {question}"""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of the prompt.

    Attributes:
        question: The question itself.
        answers: Each answer and its meaning, from bad to good: of equally likely answers, the first counts.
    """

    question: str
    answers: Mapping[str, Feedback]

    def ask(self, exchange: Exchange) -> str:
        """Returns the prompt."""
        lines = [_speaker(exchange.utterance), _listener(exchange.action), _speaker(exchange.reply)]
        if exchange.previous_action is not None:
            lines.insert(0, _listener(exchange.previous_action))
        return QUESTION.format(exchange="\n".join(lines), question=self.question)


BINARY = Form(
    "Is the speaker content with the listener's last action? If that is not clear, the speaker is not. Answer with one "
    "word, Yes or No.",
    {"No": Feedback.NEGATIVE, "Yes": Feedback.POSITIVE},
)
TERNARY = Form(
    "Is this feedback on the listener's last action positive, as all of it was right, neutral, as a part of it was "
    "right and another wrong, or negative? Answer with one word, Positive, Neutral or Negative.",
    {"Negative": Feedback.NEGATIVE, "Neutral": Feedback.NEUTRAL, "Positive": Feedback.POSITIVE},
)


class PromptedDecoder:
    """Decodes feedback by asking a model.

    An action without clicks is negative, as for the other decoders, and the model is not asked.

    Args:
        scorer: The model.
        ternary: Whether the model can answer neutral.

    Attributes:
        scorer: The model.
    """

    def __init__(self, scorer: AnswerScorer, ternary: bool = False) -> None:
        self.scorer, self._form = scorer, TERNARY if ternary else BINARY
        self._chat_form = chat_prompt.TERNARY if ternary else chat_prompt.BINARY

    @classmethod
    def load(cls, model: str, ternary: bool = False) -> Self:
        """Makes the decoder with a model of the Hugging Face hub or a folder.

        Raises:
            UserError: If the model cannot be loaded.
        """
        return cls(shared_language_model(model), ternary)

    def probabilities(self, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """Returns the model's probability of a positive among the answers, of shape `(len(exchanges),)`."""
        return self._probabilities(exchanges)[:, -1]

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        """Returns the feedback that each reply gives on the action before it, in order."""
        meanings = list(self._form.answers.values())
        return [meanings[number] for number in self._probabilities(exchanges).argmax(axis=1).tolist()]

    def decode_chats(self, exchanges: Sequence[ChatExchange]) -> list[Verdict | None]:
        """Returns a verdict on each answer of a chat, in order; None if the model gives none."""
        if not exchanges:
            return []
        form = self._chat_form
        asked = [form.ask_briefly(exchange, self.scorer.reads) for exchange in exchanges]
        log_probs = self.scorer([question for question, _ in asked], list(form.answers))
        meanings = list(form.answers.values())
        return [
            Verdict(meanings[int(scores.argmax())], float(softmax(scores)[-1]), cut) if scores.any() else None
            for scores, (_, cut) in zip(log_probs, asked, strict=True)
        ]

    def _probabilities(self, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """Returns the probability of each answer, of shape `(len(exchanges), answers)`."""
        probabilities = np.tile(np.eye(len(self._form.answers))[0], (len(exchanges), 1))
        asked = [row for row, exchange in enumerate(exchanges) if exchange.action.clicks]
        if asked:
            log_probs = self.scorer([self._form.ask(exchanges[row]) for row in asked], list(self._form.answers))
            probabilities[asked] = softmax(log_probs, axis=1)
        return probabilities


class EndpointDecoder(PromptedDecoder):
    """Decodes feedback by asking a model at the endpoint of the environment; see `multiref_gym.agents.openai_api`."""

    @classmethod
    def load(cls, model: str | None = None, ternary: bool = False) -> Self:
        """Makes the decoder with a model of the endpoint; if None, `OPENAI_MODEL` names it.

        Raises:
            UserError: If no model is named, or the endpoint or the key is invalid.
        """
        from multiref_gym.agents.openai_api import ChatClient, model_of_environment  # imported here: it needs httpx

        return cls(EndpointModel(ChatClient(model or model_of_environment("prompted-api:MODEL"))), ternary)


def _speaker(words: str) -> str:
    # On one line and without marks of turns, so that the words cannot look like another turn.
    return f"Speaker: {' '.join(without_marks(words).splitlines())}"


def _listener(action: Action) -> str:
    return f"Listener: {str(action) or NO_CLICK}"
