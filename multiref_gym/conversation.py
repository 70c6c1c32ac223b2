"""A conversation of a user with an assistant, and the feedback in the user's next words.

The counterpart of `multiref_gym.feedback` for any chat: the assistant's answers are judged instead of actions.
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
"""Marks the place where a text was cut."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message of a conversation.

    Attributes:
        role: The role of its author.
        text: Its words, "" if it has none.
        is_text: Whether it is text only; if False, a part is a picture, a sound or a file.
        tools: Its fields about tool calls, as in the chat-completions protocol.
    """

    role: Role
    text: str
    is_text: bool = True
    tools: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatExchange:
    """An answer, the words before it and the user's reply: for a chat, the same as `Exchange` for a game.

    Attributes:
        previous_answer: The assistant's answer one turn before, "" if there is none.
        request: The user's words before the answer, "" if there are none.
        answer: The answer to judge.
        reply: The user's words after it.
    """

    previous_answer: str
    request: str
    answer: str
    reply: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decoder's verdict on an exchange.

    Attributes:
        feedback: The feedback that the reply gives on the answer.
        probability: The probability that the feedback is positive, None if the decoder does not give it.
        cut: Whether the decoder read some texts only in part: their beginning and end.
    """

    feedback: Feedback
    probability: float | None = None
    cut: bool = False


class ChatDecoder(Protocol):
    """Decodes feedback from exchanges of chats, many at once."""

    def decode_chats(self, exchanges: Sequence[ChatExchange]) -> Sequence[Verdict | None]:
        """Returns a verdict on each answer, in order; None if the reply does not show it."""
        ...


def exchanges_of(messages: Sequence[ChatMessage]) -> dict[int, ChatExchange]:
    """Returns the exchanges of a conversation, by the number of the answer's message.

    Consecutive messages of one role form one turn; messages of systems and tools are left out. All words of a user's
    turn count. Of an assistant's turn, the answer is the last message with words, since the messages before it are
    mostly tool calls. Only answers whose next user turn has words are included.
    """
    spoken = [
        (number, message)
        for number, message in enumerate(messages)
        if message.role == "user" or (message.role == "assistant" and message.text.strip())
    ]
    turns: list[tuple[Role, int, str]] = []  # user and assistant by turns, with the number of the last message
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
    """Cuts the middle out of a text that is longer than `longest` characters."""
    if len(text) <= longest:
        return text
    kept = longest - len(GAP)
    return f"{text[: kept - kept // 2]}{GAP}{text[len(text) - kept // 2 :]}"


def verdicts(decoder: ChatDecoder, exchanges: Sequence[ChatExchange]) -> list[Verdict | None]:
    """Calls a decoder once and returns its verdicts, a verdict or None for each exchange.

    Raises:
        UserError: If the decoder does not return a verdict or None for each exchange, or if a decoder from outside this
            package fails. The message names the decoder.
    """
    try:
        answers = decoder.decode_chats(exchanges)
    except (Exception, SystemExit) as error:
        blame("decoder", decoder, error)
        raise
    if not isinstance(answers, list | tuple) or len(answers) != len(exchanges):
        raise UserError(
            f"decoder {part_name(decoder)} returned {answers!r:.60} for {len(exchanges)} exchanges: allowed is a list "
            "of a verdict or None for each"
        )
    return [None if answer is None else _verdict(decoder, answer) for answer in answers]


def _verdict(decoder: ChatDecoder, answer: Any) -> Verdict:
    """Returns a decoder's verdict with Python's own types in place of NumPy's."""
    if not (
        isinstance(answer, Verdict)
        and is_number(answer.feedback, -1, 1)
        and answer.feedback in tuple(Feedback)
        and (answer.probability is None or is_number(answer.probability, 0, 1))
    ):
        raise UserError(
            f"decoder {part_name(decoder)} returned {answer!r:.90}: allowed is a Verdict, with feedback -1, 0 or 1 "
            "and a probability or None"
        )
    likely = answer.probability
    return Verdict(Feedback(int(answer.feedback)), None if likely is None else float(likely), bool(answer.cut))
