"""A conversation of a user with an assistant, and what the user's next words say of an answer.

The counterpart of `multiref_gym.feedback` for any chat: there an action is judged, here an answer in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal, Protocol

from multiref_gym.errors import UserError, is_number
from multiref_gym.feedback import Feedback
from multiref_gym.parts import blame, part_name

Role = Literal["system", "user", "assistant", "tool"]

GAP = " [...] "
"""What stands for what is cut out of a text."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message of a conversation.

    Attributes:
        role: Whose it is.
        text: Its words, "" if it has none.
        is_text: Whether all of it is text; else a part is a picture, a sound or a file.
        tools: What it says of calls of tools, as in the chat-completions protocol.
    """

    role: Role
    text: str
    is_text: bool = True
    tools: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatExchange:
    """An answer, what led to it and what the user said next: of a chat what `Exchange` is of a game.

    Attributes:
        previous_answer: What the assistant said one turn before, "" if nothing.
        request: What the user said before the answer, "" if nothing.
        answer: The answer in focus.
        reply: What the user said after it.
    """

    previous_answer: str
    request: str
    answer: str
    reply: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a decoder makes of an exchange.

    Attributes:
        feedback: The feedback that the reply gives on the answer.
        probability: How likely it is positive, None if the decoder does not say.
        cut: Whether the decoder read only the head and the tail of some words.
    """

    feedback: Feedback
    probability: float | None = None
    cut: bool = False


class ChatDecoder(Protocol):
    """Decodes feedback from exchanges of chats, many at once."""

    def decode_chats(self, exchanges: Sequence[ChatExchange]) -> Sequence[Verdict | None]:
        """Returns what each reply says of the answer before it, in order; None where that cannot be told."""
        ...


def exchanges_of(messages: Sequence[ChatMessage]) -> dict[int, ChatExchange]:
    """Returns the exchanges of a conversation, by the number of the message that is the answer.

    Messages of one side in a row are one turn, with those of systems and tools left out. A user's turn is all that was
    said in it; an assistant's answer is the last message with words, as what comes before is mostly a call of a tool.
    An answer is followed up if the user's next turn has words.
    """
    spoken = [
        (number, message)
        for number, message in enumerate(messages)
        if message.role == "user" or (message.role == "assistant" and message.text.strip())
    ]
    turns: list[tuple[Role, int, str]] = []  # the two sides by turns, with the number of the last message
    for role, group in groupby(spoken, key=lambda found: found[1].role):
        numbers, messages_of_turn = zip(*group, strict=True)
        words = [message.text for message in messages_of_turn if message.text.strip()]
        turns.append((role, numbers[-1], "\n".join(words if role == "user" else words[-1:])))

    def said(place: int) -> str:
        return turns[place][2] if 0 <= place < len(turns) else ""

    return {
        number: ChatExchange(said(place - 2), said(place - 1), answer, said(place + 1))
        for place, (role, number, answer) in enumerate(turns)
        if role == "assistant" and said(place + 1)
    }


def shortened(text: str, longest: int) -> str:
    """Returns the head and the tail of a text that is longer than so many characters, and any other as it is."""
    if len(text) <= longest:
        return text
    kept = longest - len(GAP)
    return f"{text[: kept - kept // 2]}{GAP}{text[len(text) - kept // 2 :]}"


def verdicts(decoder: ChatDecoder, exchanges: Sequence[ChatExchange]) -> list[Verdict | None]:
    """Returns what a decoder makes of exchanges, a verdict or None for each, from one call.

    Raises:
        UserError: If it does not answer once for each, or answers what is no verdict; or if a decoder that is not of
            this package fails. The message names it.
    """
    try:
        answers = decoder.decode_chats(exchanges)
    except (Exception, SystemExit) as error:
        blame("decoder", decoder, error)
        raise
    if not isinstance(answers, list | tuple) or len(answers) != len(exchanges):
        raise UserError(
            f"decoder {part_name(decoder)} answers {answers!r:.60} to {len(exchanges)} exchanges: allowed is a list of "
            "a verdict or None for each"
        )
    return [None if answer is None else _verdict(decoder, answer) for answer in answers]


def _verdict(decoder: ChatDecoder, answer: Any) -> Verdict:
    """Returns a decoder's answer as a verdict in Python's own types, so that NumPy's numbers may be in it."""
    if not (
        isinstance(answer, Verdict)
        and is_number(answer.feedback, -1, 1)
        and answer.feedback in tuple(Feedback)
        and (answer.probability is None or is_number(answer.probability, 0, 1))
    ):
        raise UserError(
            f"decoder {part_name(decoder)} answers {answer!r:.90}: allowed is a Verdict, with feedback -1, 0 or 1 "
            "and a probability or None"
        )
    likely = answer.probability
    return Verdict(Feedback(int(answer.feedback)), None if likely is None else float(likely), bool(answer.cut))
