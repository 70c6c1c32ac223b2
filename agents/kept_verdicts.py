"""Verdicts on a chat log, in a file beside the output, from which a killed command continues.

The first line records everything that decides the verdicts. Each further line holds the verdicts on a block of
conversations, and is on disk before the next block is decoded. If the last line is torn, its block is decoded again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from errno import ENOSPC
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from multiref_gym.checking import checked
from multiref_gym.conversation import Verdict
from multiref_gym.errors import UserError

HEAD = "decodes"
"""The field of the first line."""


class KeptVerdicts:
    """The verdicts in a file.

    Args:
        path: The file, created if missing.
        of: Everything that decides the verdicts, as JSON can hold it.

    Attributes:
        path: The file.
        count: The number of blocks in it.

    Raises:
        UserError: If the file belongs to something else.
        OSError: If it cannot be written.
    """

    def __init__(self, path: Path, of: Mapping[str, Any]) -> None:
        self.path, self.count = path, 0
        head = json.dumps({HEAD: of}).encode() + b"\n"
        with path.open("ab+") as file:
            file.seek(0)
            if (there := file.readline()) != head:
                if not head.startswith(there.rstrip(b"\0")):  # a torn first line would be its beginning
                    raise UserError(f"{path} {_other(there, of)}: remove it, or choose another --out")
                file.truncate(0)
                file.write(head)
            whole = file.seek(len(head))
            for line in file:
                if not line.endswith(b"\n"):
                    break
                whole += len(line)
                self.count += 1
            file.truncate(whole)

    def blocks(self) -> Iterator[list[Verdict | None]]:
        """Yields the verdicts of the blocks in the file, in their order.

        Raises:
            UserError: If a line is damaged.
        """
        with self.path.open("rb") as file:
            for number, line in enumerate(islice(file, 1, self.count + 1), start=2):
                yield checked(list[Verdict | None], line, f"{self.path}, line {number}")

    def add(self, verdicts: Sequence[Verdict | None]) -> None:
        """Adds the verdicts of the next block: they are on disk when this returns.

        Raises:
            UserError: If they cannot be written.
        """
        line = json.dumps([verdict and asdict(verdict) for verdict in verdicts]).encode() + b"\n"
        try:
            with self.path.open("ab", buffering=0) as file:
                if file.write(line) != len(line):
                    raise OSError(ENOSPC, os.strerror(ENOSPC))
                os.fsync(file.fileno())
        except OSError as error:
            raise UserError(f"{self.path}: what was decoded cannot be kept: {error.strerror}") from error
        self.count += 1


def _other(head: bytes, of: Mapping[str, Any]) -> str:
    """Returns a description of a file with another first line."""
    try:
        there = dict(json.loads(head)[HEAD])
    except (ValueError, LookupError, TypeError, RecursionError):
        return "holds something else"
    differing = [name for name in {**there, **of} if there.get(name) != of.get(name)] or [HEAD]
    name = differing[0]
    return f"holds what another command has decoded: its {name} is {there.get(name)!r:.90} and not {of.get(name)!r:.90}"


@contextmanager
def kept_verdicts(path: Path, of: Mapping[str, Any]) -> Iterator[KeptVerdicts]:
    """Yields the verdicts in a file, which is removed when the command ends well.

    Args:
        path: The file.
        of: See `KeptVerdicts`, also for the errors.

    Raises:
        UserError: If another process is using the file.
    """
    lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise UserError(f"another process is at work with {path}: wait for it, or choose another --out") from error
    try:
        kept = KeptVerdicts(path, of)
        try:
            yield kept
        except BaseException:
            if not kept.count:
                path.unlink()
            raise
        path.unlink()
    finally:
        with suppress(OSError):  # Windows removes it itself, and cannot remove open files
            Path(lock.lock_file).unlink()
        lock.release()
