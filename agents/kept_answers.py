"""Paid answers of an endpoint, kept in a JSON Lines file so that nobody pays for the same request twice.

Each answer is on disk before it is used. The same command repeats the same games and seeds, so after any interruption
it continues from the answers in the file.
"""

from __future__ import annotations

import json
import os
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from multiref_gym.commands.process import ANSWERS
from multiref_gym.errors import UserError


@dataclass(frozen=True, slots=True)
class Answer:
    """An endpoint's answer.

    Attributes:
        choice: The first choice of the completion.
        usage: The token counts, as the server gives them.
        left_out: The fields of the request that the server does not support.
    """

    choice: dict[str, Any]
    usage: Any
    left_out: list[str]


class KeptAnswers:
    """The answers in a file.

    Args:
        path: The file, created if missing.

    Raises:
        UserError: If it cannot be written, or holds something else. A damaged line, such as the last one after a crash,
            is skipped with a warning.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab+") as file:
                file.seek(0)
                lines = file.read().splitlines(keepends=True)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}; {ANSWERS} names another file for paid answers") from error
        answers = list(map(_read, lines))
        self._answers = {found[0]: found[1] for found in reversed(answers) if found}  # the first of two counts
        if damaged := answers.count(None):
            if not self._answers and lines[0].endswith(b"\n"):
                raise UserError(f"{path} holds no paid answers; {ANSWERS} names another file for them")
            warnings.warn(f"{path}: {damaged} damaged lines are left out", stacklevel=2)

    def get(self, request: str) -> Answer | None:
        """Returns the answer to a request, None if there is none."""
        return self._answers.get(request)

    def add(self, request: str, answer: Answer) -> None:
        """Keeps the answer to a request: it is on disk when this returns.

        Raises:
            UserError: If it cannot be written.
        """
        fields = {"choice": answer.choice, "usage": answer.usage, "left_out": answer.left_out}
        line = _line({"request": request, **fields})
        try:
            with self._lock, self.path.open("ab+") as file:
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    # End a torn line, left by a full disk or a killed process.
                    line = line if file.read() == b"\n" else b"\n" + line
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise UserError(f"{self.path}: an answer cannot be kept: {error.strerror}") from error


def _line(fields: dict[str, Any]) -> bytes:
    return json.dumps({**fields, "crc": crc32(json.dumps(fields).encode())}).encode() + b"\n"


def _read(line: bytes) -> tuple[str, Answer] | None:
    """Returns the request and the answer of a line, None if it is damaged."""
    try:
        fields = json.loads(line)
        del fields["crc"]
        if _line(fields) != line:
            return None
        return fields.pop("request"), Answer(**fields)
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
