"""Files and folders that are there whole or not at all, and survive a power cut once they are there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from multiref_gym.errors import UserError


@contextmanager
def whole(path: Path, replace: bool = True) -> Iterator[Path]:
    """Yields where to write a file or a folder, which is moved to its path when all of it is written.

    Until then, or if that fails, what was there stays as it was.

    Args:
        path: The file or the folder.
        replace: Whether a file that is there gives way. A folder that holds anything never does.

    Raises:
        UserError: If there is something that does not give way in the end. What was written is kept beside it.
        OSError: If it cannot be written, with the path.
    """
    # Two processes may write the same file at once.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    remove(unfinished)  # of a process that was killed and had the same number
    try:
        yield unfinished
        for part in (unfinished, *unfinished.rglob("*")):
            _sync(part)
    except BaseException as error:
        remove(unfinished)
        if isinstance(error, OSError) and str(error.filename or unfinished).startswith(str(unfinished)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    try:
        if unfinished.is_dir():
            with suppress(FileNotFoundError):
                path.rmdir()
        elif not replace:
            path.open("xb").close()  # of two processes one alone can do this
        unfinished.replace(path)
    except OSError as error:
        raise UserError(
            f"cannot write to {path}: {error.strerror}; what was to be there is in {unfinished.name} beside it"
        ) from error
    _sync(path.parent)


def write_atomically(path: Path, content: str | bytes, replace: bool = True) -> None:
    """Writes a file as `whole` does; a text as UTF-8."""
    with whole(path, replace) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


def write_json(path: Path, content: Any, indent: int | None = 2, replace: bool = True) -> None:
    """Writes a file of JSON as `whole` does; without an indent in one line.

    Raises:
        ValueError: If there is a NaN or an infinity in it, for which JSON has no word.
    """
    write_atomically(path, json.dumps(content, indent=indent, allow_nan=False) + "\n", replace)


def write_lines_atomically(path: Path, lines: Iterable[str]) -> None:
    """Writes lines of text as UTF-8, one after the other, so that not all are in memory at once."""
    with whole(path) as unfinished, unfinished.open("wb") as file:
        file.writelines(f"{line}\n".encode() for line in lines)


def remove(path: Path) -> None:
    """Removes a file, or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Waits until a file, or what a folder says of its files, is on the disk."""
    with suppress(PermissionError):  # Windows opens no folders
        descriptor = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
