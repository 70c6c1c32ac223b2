"""Conversations of users with assistants in files: JSON Lines, a JSON list, or Parquet.

A record holds its messages under `messages` (OpenAI's form: `role` and `content`), `conversations` (ShareGPT's form:
`from` and `value`) or `conversation`, or it is itself a list of messages. `content` is a text, a list of parts with a
`type`, or null in a message with a tool call. Everything else in a record is kept.

Decoding adds to the record: `feedback`, a list with an item for each message (-1, 0 or 1 for an answer that the user
followed up, null for all others), and, if the decoder gives it, `feedback_probability`, the probability that the
feedback is positive. Or it makes rows for TRL's trainers: `prompt`, the messages before an answer; `completion`, the
answer; `label` for KTO; and `probability`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multiref_gym.checking import checked
from multiref_gym.conversation import ChatExchange, ChatMessage, Role, Verdict, exchanges_of
from multiref_gym.errors import is_int
from multiref_gym.feedback import Feedback
from multiref_gym.formats.rows import BadRow, placed, rows_of
from multiref_gym.formats.trainer import LEARNED_FROM, Trainer

FIELDS = ("messages", "conversations", "conversation")
"""The fields where a record may hold its messages."""
FEEDBACK, PROBABILITY = "feedback", "feedback_probability"
"""The fields that decoding adds to a record."""
ROW_PROBABILITY = "probability"
"""The fields that decoding adds to a training row."""

ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "tool": "tool",
    "function": "tool",
    "function_response": "tool",
    "observation": "tool",
}
"""The roles of messages, by their names in the different forms."""

TOOLS = ("name", "tool_calls", "tool_call_id")
"""The fields of a message, besides its words, that a chat template may read."""
WORDLESS = ("tool_calls", "function_call", "refusal", "audio")
"""An assistant's message with one of these fields may have no words."""
TEXT_PARTS = ("text", "input_text", "output_text")


class BadConversation(BadRow):
    """A record does not hold a valid conversation."""


@dataclass(frozen=True, slots=True)
class LoggedChat:
    """A conversation in a record.

    Attributes:
        record: The record; a plain list of messages is wrapped in an object.
        messages: The messages.
        place: The place of the record, such as "FILE, line 3".
    """

    record: dict[str, Any]
    messages: tuple[ChatMessage, ...]
    place: str

    def exchanges(self) -> dict[int, ChatExchange]:
        """Returns the exchanges; see `exchanges_of`."""
        return exchanges_of(self.messages)

    def with_feedback(self, verdict_of: Mapping[int, Verdict], probabilities: bool) -> dict[str, Any]:
        """Returns the record with its decoded feedback.

        Args:
            verdict_of: The verdicts, by the number of the message.
            probabilities: Whether to add the probability that the feedback is positive.
        """
        found = [verdict_of.get(number) for number in range(len(self.messages))]
        added: dict[str, Any] = {FEEDBACK: [verdict and int(verdict.feedback) for verdict in found]}
        if probabilities:
            added[PROBABILITY] = [verdict and verdict.probability for verdict in found]
        return {**self.record, **added}


def stream_chats(
    path: Path, on_bad: Callable[[BadConversation], None] | None = None, has_feedback: bool = False
) -> Iterator[LoggedChat]:
    """Yields the conversations of a file one by one.

    Args:
        path: The file.
        on_bad: Called with the error of each bad conversation, which is left out; if None, the first error is raised.
        has_feedback: Whether the conversations have feedback already; if False, such conversations are bad.

    Raises:
        BadConversation: At the first bad conversation if bad ones are not left out, or if none is left.
        UserError: If the file as a whole cannot be read, or an extra to read it is not installed.
        OSError: If there is no such file.
    """
    first_bad: BadConversation | None = None
    found = 0
    for place, row in placed(rows_of(path, BadConversation), path):
        try:
            logged = _read(place, row, has_feedback)
        except BadConversation as error:
            if on_bad is None:
                raise
            first_bad = first_bad or error
            on_bad(error)
            continue
        found += 1
        yield logged
    if not found:
        raise BadConversation(f"{path}: no conversations" + (f": all are bad; {first_bad}" if first_bad else ""))


def read_feedback(path: Path) -> list[tuple[ChatExchange, Feedback]]:
    """Returns the exchanges of the chats in a file that have feedback, with that feedback.

    `multiref decode --chats` writes such files; people may correct them.

    Raises:
        BadConversation: At the first bad conversation, or the first feedback that is invalid or not on an answer that
            was followed up.
        UserError: If the file as a whole cannot be read, or has no feedback.
        OSError: If there is no such file.
    """
    found = []
    for logged in stream_chats(path, has_feedback=True):
        exchanges, given = logged.exchanges(), logged.record.get(FEEDBACK)
        if not isinstance(given, list) or len(given) != len(logged.messages):
            problem = f"expected a list with an item for each of {len(logged.messages)} messages, got {given!r:.60}"
            raise BadConversation(problem, logged.place, FEEDBACK)
        for number, value in enumerate(given):
            if value is None:
                continue
            if not is_int(value, -1, 1) or number not in exchanges:
                problem = f"{value!r:.40}: allowed is -1, 0 or 1 on an answer that was followed up, and null elsewhere"
                raise BadConversation(problem, logged.place, f"{FEEDBACK}[{number}]")
            found.append((exchanges[number], Feedback(value)))
    if not found:
        raise BadConversation(f"{path}: no feedback on any answer")
    return found


def _read(place: str, row: Any, has_feedback: bool) -> LoggedChat:
    value = row
    if isinstance(row, bytes):
        value = checked(object, row, place, BadConversation)
        if b"NaN" in row or b"Infinity" in row:  # only such lines need the slow check
            _refuse_no_number(value, place)
    if isinstance(value, list):
        return LoggedChat({"messages": value}, _messages(value, place, ""), place)
    if not isinstance(value, dict):
        raise BadConversation(f"expected an object or a list of messages, got {value!r:.60}", place)
    held = [name for name in FIELDS if value.get(name) is not None]
    if not held:
        raise BadConversation(f"no messages: expected one of the fields {', '.join(FIELDS)}", place)
    if len(held) > 1:
        raise BadConversation(f"messages in {' and '.join(map(repr, held))}: allowed is one of them", place)
    for name in (FEEDBACK, PROBABILITY):
        if name in value and not has_feedback:
            raise BadConversation("exists already and is not replaced: rename or remove it", place, name)
    return LoggedChat(value, _messages(value[held[0]], place, held[0]), place)


def _refuse_no_number(value: Any, place: str) -> None:
    """Raises BadConversation for NaN or infinity, which Python's JSON reader accepts but JSON does not allow."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise BadConversation("not JSON: NaN and Infinity are not allowed", place) from error


def _messages(items: Any, place: str, field: str) -> tuple[ChatMessage, ...]:
    if not isinstance(items, list) or not items:
        raise BadConversation(f"expected a list of one message or more, got {items!r:.60}", place, field)
    return tuple(_message(item, place, f"{field}[{number}]") for number, item in enumerate(items))


def _message(item: Any, place: str, field: str) -> ChatMessage:
    if not isinstance(item, dict):
        raise BadConversation(f"expected a message, an object, got {item!r:.60}", place, field)
    whose, words = ("from", "value") if "from" in item else ("role", "content")
    named = item.get(whose)
    role = ROLES.get(named) if isinstance(named, str) else None
    if role is None:
        problem = "missing" if whose not in item else f"{named!r:.40}"
        raise BadConversation(f"{problem}: allowed is one of {', '.join(ROLES)}", place, f"{field}.{whose}")
    tools = {name: item[name] for name in TOOLS if item.get(name) is not None}
    content = item.get(words)
    if content is None:
        if role == "assistant" and any(item.get(name) for name in WORDLESS):
            return ChatMessage(role, "", is_text=bool(item.get("tool_calls")), tools=tools)
        problem = "null, which only tool calls may be" if words in item else "missing"
        raise BadConversation(f"{problem}: allowed is a text or a list of parts", place, f"{field}.{words}")
    text, is_text = _text(content, place, f"{field}.{words}")
    if named == "function_call":  # these words are meant for a tool
        return ChatMessage(role, "", is_text=False)
    return ChatMessage(role, text, is_text, tools)


def _text(content: Any, place: str, field: str) -> tuple[str, bool]:
    """Returns the words of a message, and whether it holds nothing else."""
    if isinstance(content, str):
        return content, True
    if not isinstance(content, list):
        raise BadConversation(f"expected a text or a list of parts, got {content!r:.60}", place, field)
    words = []
    for number, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(kind, str):
            raise BadConversation(f"expected a part with a 'type', got {part!r:.60}", place, f"{field}[{number}]")
        if kind not in TEXT_PARTS:
            continue
        if not isinstance(part.get("text"), str):
            problem = f"expected a text, got {part.get('text')!r:.60}"
            raise BadConversation(problem, place, f"{field}[{number}].text")
        words.append(part["text"])
    return "\n".join(words), len(words) == len(content)


class TrainingRows:
    """Rows for a TRL trainer: one answer each, in conversational form.

    Args:
        trainer: "kto" for answers with a label, positive or not; "sft" for the positive answers only.
        probabilities: Whether to add the probability that the feedback is positive.

    Attributes:
        counts: The number of rows by feedback.
        left_out: The number of answers that make no row, by reason.
    """

    def __init__(self, trainer: Trainer, probabilities: bool) -> None:
        self._trainer, self._probabilities = trainer, probabilities
        self.counts, self.left_out = Counter[Feedback](), Counter[str]()

    def of(self, logged: LoggedChat, verdict_of: Mapping[int, Verdict]) -> Iterator[dict[str, Any]]:
        """Yields the rows of a conversation, given its verdicts by the number of the message."""
        for number, verdict in verdict_of.items():
            prompt, answer = logged.messages[:number], logged.messages[number]
            if reason := self._unfit(prompt, answer, verdict.feedback):
                self.left_out[reason] += 1
                continue
            self.counts[verdict.feedback] += 1
            row: dict[str, Any] = {"prompt": list(map(_spoken, prompt)), "completion": [_spoken(answer)]}
            if self._trainer == "kto":
                row["label"] = verdict.feedback is Feedback.POSITIVE
            if self._probabilities:
                row[ROW_PROBABILITY] = verdict.probability
            yield row

    def _unfit(self, prompt: tuple[ChatMessage, ...], answer: ChatMessage, feedback: Feedback) -> str:
        """Returns the reason why an answer makes no row, "" if it makes one."""
        if feedback not in LEARNED_FROM[self._trainer]:
            return feedback.name.lower()
        if not any(message.role == "user" for message in prompt):
            return "before any request"
        if not all(message.is_text for message in (*prompt, answer)):
            return "beside what is no text"
        return ""


def _spoken(message: ChatMessage) -> dict[str, Any]:
    return {"role": message.role, "content": message.text, **message.tools}
