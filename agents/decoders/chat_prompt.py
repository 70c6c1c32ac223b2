"""What a language model is asked of an exchange of a chat, after the prompt of arXiv 2410.13852."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass

from multiref_gym.chat import without_marks
from multiref_gym.conversation import ChatExchange, shortened
from multiref_gym.feedback import Feedback

PROMPT = """\
Please carefully read a part of a conversation between a user and an assistant, and answer: is the user's last message \
{kinds} feedback on what the assistant said before it? Negative feedback often corrects the assistant, asks the same \
again in other words, or has words like no, not, wrong, don't. Positive feedback often has words like good, yes, \
correct, thanks, or the user simply moves on to the next thing.{lean}

(start of the conversation)
{exchange}
(end of the conversation)

Answer a single word, {answers}."""

LONGEST, SHORTEST = 4000, 125
"""The most characters of a message that are shown, and the fewest that a message is cut to."""


@dataclass(frozen=True, slots=True)
class ChatForm:
    """What is asked of an exchange.

    Attributes:
        kinds: The kinds of feedback, in words.
        lean: What to do where it is not clear.
        named: The answers, in words.
        answers: Each answer and what it means, from bad to good: of answers that are as likely the first is taken.
    """

    kinds: str
    lean: str
    named: str
    answers: Mapping[str, Feedback]

    def ask(self, exchange: ChatExchange, longest: int) -> str:
        """Returns all that the model is to read, with so many characters of a message at most."""
        says = zip(("Assistant", "User", "Assistant", "User"), astuple(exchange), strict=True)
        lines = [f"{who}: {shortened(_plain(words), longest)}" for who, words in says if words.strip()]
        return PROMPT.format(kinds=self.kinds, lean=self.lean, exchange="\n".join(lines), answers=self.named)

    def ask_briefly(self, exchange: ChatExchange, reads: Callable[[str, Sequence[str]], bool]) -> tuple[str, bool]:
        """Returns what the model is to read, cut so far that it can be read, and whether it was cut.

        Args:
            exchange: The exchange.
            reads: Whether a model can read a question with its answers.
        """
        longest = LONGEST
        question = self.ask(exchange, longest)
        while longest // 2 >= SHORTEST and not reads(question, list(self.answers)):
            longest //= 2
            question = self.ask(exchange, longest)
        return question, any(len(_plain(words)) > longest for words in astuple(exchange))


BINARY = ChatForm(
    "positive or negative",
    " Lean towards negative if it sounds neutral.",
    "Positive or Negative",
    {"Negative": Feedback.NEGATIVE, "Positive": Feedback.POSITIVE},
)
TERNARY = ChatForm(
    "positive, neutral, or negative",
    "",
    "Positive, Neutral or Negative",
    {"Negative": Feedback.NEGATIVE, "Neutral": Feedback.NEUTRAL, "Positive": Feedback.POSITIVE},
)


def _plain(words: str) -> str:
    # In one line and without marks, so that nobody else seems to speak.
    return " ".join(without_marks(words).split())
