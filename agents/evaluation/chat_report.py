"""What is told of feedback that was decoded from a chat log: counts, and a few exchanges of each kind, to be judged."""

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
"""How many exchanges of each kind are kept to be shown, the first of a conversation each."""
LATER = 5
"""From this answer of a conversation on, answers are counted together."""
LONG = 600
"""The most characters of a message that a page shows."""

HEADING = "Feedback that users gave in passing"
"""What a page begins with."""


class Example(NamedTuple):
    """An exchange to be shown: where its conversation is, what was said, and what was decoded."""

    place: str
    exchange: ChatExchange
    verdict: Verdict

    def said(self, longest: int) -> list[tuple[str, str]]:
        """Returns who said what, with so many characters of a message at most."""
        exchange = self.exchange
        lines = [("user", exchange.request), ("assistant", exchange.answer), ("user", exchange.reply)]
        return [(who, shortened(printable(" ".join(words.split())), longest)) for who, words in lines if words]

    @property
    def told(self) -> str:
        """What was decoded, in words."""
        likely = self.verdict.probability
        sure = "" if likely is None else f", probability of a positive {likely:.2f}"
        return f"{self.verdict.feedback.name.lower()}{sure}"


class ChatCounts:
    """How often each feedback was decoded, where in a conversation, and the first examples.

    Args:
        decoder: Its name.
        warning: What is to be known of it, "" if nothing.

    Attributes:
        conversations: How many were counted.
        values: How often each feedback was decoded.
        unclear: Of how many answers nobody can tell, as the decoder could not.
        cut: Of how many exchanges the decoder read only the head and the tail of some words.
        probabilities: Whether it says how likely the feedback is positive.
        examples: Some exchanges of each feedback.
    """

    def __init__(self, decoder: str, warning: str = "") -> None:
        self._decoder, self._warning = decoder, warning
        self.conversations = self.unclear = self.cut = 0
        self.probabilities = False
        self.values = Counter[Feedback]()
        self.examples: dict[Feedback, list[Example]] = {value: [] for value in sorted(Feedback, reverse=True)}
        self._by_answer: defaultdict[int, Counter[Feedback]] = defaultdict(Counter)

    def add(self, place: str, exchanges: Mapping[int, ChatExchange], verdict_of: Mapping[int, Verdict]) -> None:
        """Counts what was decoded in a conversation, whose exchanges and verdicts have the number of the message."""
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
        """Returns the counts, of all answers and by the number of the answer in its conversation."""
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
        """Returns what is to be known besides, a sentence each."""
        cut = f"{self.cut} exchanges were too long: of some messages the decoder read only the head and the tail."
        unclear = f"{self.unclear} answers have no feedback, as the decoder could not tell."
        warning = f"Warning: {self._warning}." if self._warning else ""
        return [note for note in (warning, cut if self.cut else "", unclear if self.unclear else "") if note]

    def page(self, setup: Mapping[str, str]) -> str:
        """Returns a page with the counts and the examples.

        Args:
            setup: What was decoded, and how.
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
