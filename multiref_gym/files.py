"""Writes files and folders completely or not at all; once written, they survive a power cut."""

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
    """Yields a temporary path for a file or a folder, and moves it to its place when it is complete.

    Until then, or after a failure, the old content stays as it was.

    Args:
        path: The file or the folder.
        replace: Whether an existing file may be replaced. A folder that holds anything never is.

    Raises:
        UserError: If something at `path` may not be replaced. The new content is kept beside it.
        OSError: If the file cannot be written; it has the path.
    """
    # Two processes may write the same file at once.
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.unfinished")
    remove(unfinished)  # left by a killed process with the same number
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
            path.open("xb").close()  # only one of two processes can do this
        unfinished.replace(path)
    except OSError as error:
        raise UserError(
            f"cannot write to {path}: {error.strerror}; the new content is in {unfinished.name} beside it"
        ) from error
    _sync(path.parent)


def write_atomically(path: Path, content: str | bytes, replace: bool = True) -> None:
    """Writes a file as `whole` does; text is written as UTF-8."""
    with whole(path, replace) as unfinished:
        unfinished.write_bytes(content.encode() if isinstance(content, str) else content)


def write_json(path: Path, content: Any, indent: int | None = 2, replace: bool = True) -> None:
    """Writes a JSON file as `whole` does; without `indent`, in one line.

    Raises:
        ValueError: If there is a NaN or an infinity, which JSON cannot hold.
    """
    write_atomically(path, json.dumps(content, indent=indent, allow_nan=False) + "\n", replace)


def write_lines_atomically(path: Path, lines: Iterable[str]) -> None:
    """Writes lines as UTF-8, one by one, so that not all of them need be in memory."""
    with whole(path) as unfinished, unfinished.open("wb") as file:
        file.writelines(f"{line}\n".encode() for line in lines)


def remove(path: Path) -> None:
    """Removes a file, or a folder with its content, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Waits until a file, or a folder's list of files, is on the disk."""
    with suppress(PermissionError):  # Windows cannot open folders
        descriptor = os.open(path, os.O_RDWR if path.is_file() else os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
