"""Chats as users log them, and a decoder of one's own that notes what it is asked."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from multiref_gym.conversation import ChatExchange, Verdict
from multiref_gym.feedback import Feedback

Record = dict[str, Any]


def chat(*said: str, **fields: Any) -> Record:
    """A record in which a user and an assistant speak by turns, the user first."""
    messages = [{"role": ("user", "assistant")[number % 2], "content": words} for number, words in enumerate(said)]
    return {**fields, "messages": messages}


def write_chats(path: Path, records: Sequence[Any]) -> Path:
    """Writes records, a line each."""
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


def read_lines(path: Path) -> list[Any]:
    """Returns what each line of a file holds."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def many_chats(count: int) -> list[Record]:
    """Returns conversations of up to four answers, no two alike, which praise and reject by turns."""
    return [
        chat(
            f"request {number}",
            *(
                words
                for turn in range(number % 4 + 1)
                for words in (f"answer {number} {turn}", f"{'yes' if (number + turn) % 3 else 'no'}, {number} {turn}")
            ),
            id=number,
        )
        for number in range(count)
    ]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
contents = texts | st.lists(
    st.builds(lambda words: {"type": "text", "text": words}, texts)
    | st.just({"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}),
    max_size=2,
)
messages = st.builds(
    lambda role, content: {"role": role, "content": content},
    st.sampled_from(["user", "assistant", "user", "assistant", "system", "developer", "tool"]),
    contents,
) | st.just({"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]})
records = st.builds(
    lambda fields, said: {**fields, "messages": said},
    st.dictionaries(st.sampled_from(["id", "model", "meta"]), st.none() | st.integers() | texts | st.lists(texts)),
    st.lists(messages, min_size=1, max_size=7),
)


class NotingDecoder:
    """Takes a "yes" at the beginning of a reply as positive and all else as negative, and says how sure it is.

    The file that `ASKED` of the environment names gets a line for each answer that it is asked about; `SECONDS` is how
    long each call takes.
    """

    def decode_chats(self, exchanges: Sequence[ChatExchange]) -> list[Verdict]:
        """Returns what each reply says of the answer before it, in order."""
        if "ASKED" in os.environ:
            with Path(os.environ["ASKED"]).open("a") as file:
                file.writelines(f"{exchange.answer}\n" for exchange in exchanges)
        time.sleep(float(os.environ.get("SECONDS", "0")))
        return [
            Verdict(Feedback.POSITIVE, 0.9) if exchange.reply.startswith("yes") else Verdict(Feedback.NEGATIVE, 0.1)
            for exchange in exchanges
        ]


class MuteDecoder:
    """A decoder of games alone."""

    def decode(self, exchanges: Sequence[object]) -> list[Feedback]:
        """Returns nothing."""
        return []
