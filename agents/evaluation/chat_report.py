"""The report on feedback that was decoded from a chat log: counts, and a few examples of each kind for you to judge."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from multiref_gym.agents.evaluation.pages import page
from multiref_gym.agents.evaluation.tables import Sheet, share
from multiref_gym.commands.screen import printable
from multiref_gym.conversation import ChatExchange, Verdict, shortened
from multiref_gym.feedback import Feedback

EXAMPLES = 10
"""The number of examples of each kind that are shown; at most one comes from a conversation."""
LATER = 5
"""Answers from this number on are counted together."""
LONG = 600
"""The number of characters after which the page cuts a message."""

HEADING = "Feedback that users gave in passing"
"""The heading of the page."""


class Example(NamedTuple):
    """An exchange to show: the place of its conversation, the messages, and the decoder's verdict."""

    place: str
    exchange: ChatExchange
    verdict: Verdict

    def messages(self, longest: int) -> list[tuple[str, str]]:
        """Returns the messages as pairs of a role and a text of at most `longest` characters."""
        exchange = self.exchange
        lines = [("user", exchange.request), ("assistant", exchange.answer), ("user", exchange.reply)]
        return [(who, shortened(printable(" ".join(words.split())), longest)) for who, words in lines if words]

    @property
    def decoded(self) -> str:
        """The verdict, in words."""
        probability = self.verdict.probability
        also = "" if probability is None else f", probability of a positive {probability:.2f}"
        return f"{self.verdict.feedback.name.lower()}{also}"


class ChatCounts:
    """Counts the feedback in conversations, in all and by the number of the answer, and keeps the first examples.

    Args:
        decoder: The decoder's name.
        warning: A warning about the decoder; "" if there is none.

    Attributes:
        conversations: The number of conversations.
        values: The number of answers with each feedback.
        unclear: The number of answers that the decoder could not judge.
        cut: The number of exchanges of which the decoder read some messages only in part, their head and their tail.
        probabilities: Whether the decoder gives the probability that feedback is positive.
        examples: Some exchanges with each feedback.
    """

    def __init__(self, decoder: str, warning: str = "") -> None:
        self._decoder, self._warning = decoder, warning
        self.conversations = self.unclear = self.cut = 0
        self.probabilities = False
        self.values = Counter[Feedback]()
        self.examples: dict[Feedback, list[Example]] = {value: [] for value in sorted(Feedback, reverse=True)}
        self._by_answer: defaultdict[int, Counter[Feedback]] = defaultdict(Counter)

    def add(self, place: str, exchanges: Mapping[int, ChatExchange], verdict_of: Mapping[int, Verdict]) -> None:
        """Counts the feedback in a conversation.

        Args:
            place: The place of the conversation in the log.
            exchanges: Its exchanges, by the number of the message.
            verdict_of: The decoder's verdicts, likewise; a message is missing if the decoder could not judge it.
        """
        self.conversations += 1
        shown = set[Feedback]()
        for number, (message, exchange) in enumerate(exchanges.items(), start=1):
            verdict = verdict_of.get(message)
            if verdict is None:
                self.unclear += 1
                continue
            value, examples = verdict.feedback, self.examples[verdict.feedback]
            self.values[value] += 1
            self._by_answer[min(number, LATER)][value] += 1
            self.cut += verdict.cut
            self.probabilities |= verdict.probability is not None
            if value not in shown and len(examples) < EXAMPLES:
                examples.append(Example(place, exchange, verdict))
                shown.add(value)

    def sheets(self) -> list[Sheet]:
        """Returns tables of the counts, for all answers and by the number of the answer in its conversation."""
        total, found = self.values.total(), sorted(self.values, reverse=True)
        rows = [[value.name.lower(), str(self.values[value]), share(self.values[value] / total)] for value in found]
        title = f"{self._decoder} on {total} answers of {self.conversations} conversations"
        heads = ["answer number", "answers", *(value.name.lower() for value in found)]
        by_answer = [
            [
                f"{number} and later" if number == LATER else str(number),
                str(values.total()),
                *(share(values[value] / values.total()) for value in found),
            ]
            for number, values in sorted(self._by_answer.items())
        ]
        return [
            Sheet(title, ["feedback", "answers", ""], rows),
            Sheet("", heads, by_answer),
        ]

    def notes(self) -> list[str]:
        """Returns notes on the counts, a sentence each."""
        cut = f"{self.cut} exchanges were too long: the decoder read only the head and the tail of some messages."
        unclear = f"{self.unclear} answers have no feedback, because the decoder could not judge them."
        warning = f"Warning: {self._warning}." if self._warning else ""
        return [note for note in (warning, cut if self.cut else "", unclear if self.unclear else "") if note]

    def page(self, setup: Mapping[str, str]) -> str:
        """Returns a page with the counts and the examples.

        Args:
            setup: The log, the decoder and the options.
        """
        examples = [(value, found) for value, found in self.examples.items() if found]
        return page(
            "chats.html",
            heading=HEADING,
            sheets=self.sheets(),
            examples=examples,
            long=LONG,
            notes=self.notes(),
            setup={"What was decoded": setup},
        )
