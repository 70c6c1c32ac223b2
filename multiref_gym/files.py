"""Files that are there whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


def write_atomically(path: Path, content: str | bytes) -> None:
    """Writes a file; a text as UTF-8."""
    with _whole(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def write_json(path: Path, content: Any, indent: int | None = 2) -> None:
    """Writes a file of JSON; without an indent in one line.

    Raises:
        ValueError: If there is a NaN or an infinity in it, for which JSON has no word.
    """
    write_atomically(path, json.dumps(content, indent=indent, allow_nan=False) + "\n")


def write_lines_atomically(path: Path, lines: Iterable[str]) -> None:
    """Writes lines of text as UTF-8, one after the other, so that not all are in memory at once."""
    with _whole(path) as file:
        file.writelines(f"{line}\n".encode() for line in lines)


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """Opens a file that appears when all is written; until then, or if that fails, an older one stays."""
    # Two processes may write the same file at once.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    try:
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
