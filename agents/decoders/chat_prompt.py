"""The prompt that asks a language model about an exchange of a chat, after the prompt of arXiv 2410.13852."""

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
"""The most characters of a message that are shown, and the smallest length that messages are cut to."""


@dataclass(frozen=True, slots=True)
class ChatForm:
    """A form of the prompt.

    Attributes:
        kinds: The kinds of feedback, in words.
        lean: What to do in unclear cases, in words.
        named: The answers, in words.
        answers: Each answer and its meaning, from bad to good: of equally likely answers, the first counts.
    """

    kinds: str
    lean: str
    named: str
    answers: Mapping[str, Feedback]

    def ask(self, exchange: ChatExchange, longest: int) -> str:
        """Returns the prompt, with at most `longest` characters of each message."""
        messages = zip(("Assistant", "User", "Assistant", "User"), astuple(exchange), strict=True)
        lines = [f"{author}: {shortened(_plain(words), longest)}" for author, words in messages if words.strip()]
        return PROMPT.format(kinds=self.kinds, lean=self.lean, exchange="\n".join(lines), answers=self.named)

    def ask_briefly(self, exchange: ChatExchange, reads: Callable[[str, Sequence[str]], bool]) -> tuple[str, bool]:
        """Returns the prompt, with messages cut until the model can read it, and whether any was cut.

        Args:
            exchange: The exchange.
            reads: Whether the model can read a question with its answers.
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
    # On one line and without marks of turns, so that the words cannot look like another turn.
    return " ".join(without_marks(words).split())
