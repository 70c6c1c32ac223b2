"""The folder of a run: of one configuration, worked in by one process at a time, each file whole or not there."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from multiref_gym.checking import read_json
from multiref_gym.digests import check_digest
from multiref_gym.errors import UserError, is_int
from multiref_gym.files import remove, write_json

FORMAT = 2
"""Of `config.json`: 1 was that of version 0.1."""

LOCK = ".lock"
"""A file that the process at work holds locked. The system lets go of it when the process ends, however it ends."""

WRITTEN = {".csv", ".db", ".html", ".json", ".md", ".png"}
"""Kinds of files that runs write: where there are any before, the folder is of something else."""

GROWS = "config.rounds"
"""The field that may be greater than it was: a run can be given more rounds."""


def made_by(**record: Any) -> dict[str, Any]:
    """Returns a record with the format and the version of this package."""
    return {"format": FORMAT, "version": metadata.version("multiref-gym"), **record}


def claim(out: Path, record: dict[str, Any], own: Collection[str] = ()) -> None:
    """Makes a folder one of what is recorded, or checks that it is; rounds may have been added.

    Args:
        out: The folder.
        record: What decides the outcome, fit for JSON; `config.json` in the folder holds it.
        own: Names of files that may be there before, as they say themselves what they are of.

    Raises:
        UserError: If the folder cannot be written to, was written by another version of this package, or is of
            something else, with the field that differs.
    """
    try:
        _claim(out, record, own)
    except OSError as error:
        raise UserError(f"cannot write to the run folder {out}: {error.strerror}") from error


def _claim(out: Path, record: dict[str, Any], own: Collection[str]) -> None:
    path = out / "config.json"
    out.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        if others := [file for file in out.iterdir() if file.suffix in WRITTEN and file.name not in own]:
            raise UserError(f"{out} holds {others[0].name} of something else: choose another --out")
        write_json(path, record, replace=False)
    try:
        there, asked = fields(json.loads(path.read_text(encoding="utf-8"))), fields(json.loads(json.dumps(record)))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is broken: {error}; choose another --out") from error
    if any(there.get(field) != asked.get(field) for field in ("format", "version")):
        raise UserError(
            f"{path} was written by another version of multiref-gym, {there.get('version')}: choose another --out"
        )
    differing = [field for field in {**there, **asked} if there.get(field, "missing") != asked.get(field, "missing")]
    for field in differing:
        if field != GROWS or not is_int(there.get(field), 0, asked[field]):
            raise UserError(
                f"{path} is of another configuration or base: field {field!r} is {there.get(field, 'missing')!r} and "
                f"not {asked.get(field, 'missing')!r}: choose another --out, or what it names"
            )
    if differing:
        write_json(path, record)


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Keeps other processes from working in a folder, and takes away what one that was killed left unfinished.

    Raises:
        UserError: If another one is at work there, or this one may not write there.
    """
    if not os.access(out, os.W_OK):
        raise UserError(f"cannot write to the run folder {out}: permission denied")
    lock = FileLock(out / LOCK, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        raise UserError(f"another process is at work in {out}: wait for it, or choose another --out") from error
    try:
        for unfinished in out.glob("*.unfinished"):
            if unfinished.is_dir():  # results may be written without the lock
                remove(unfinished)
        yield
    finally:
        lock.release()


@contextmanager
def claimed(out: Path, command: str, own: Collection[str] = ()) -> Iterator[None]:
    """Makes a folder that of a command and keeps other processes from working there; see `claim` and `locked`.

    If it fails before there is anything in a new folder, as at bad options, there is no folder either.
    """
    new = not out.exists()
    claim(out, made_by(command=command), own)
    try:
        with locked(out):
            yield
    except BaseException:
        if new and {file.name for file in out.iterdir()} <= {"config.json", LOCK}:
            remove(out)
        raise


def fields(record: Any, prefix: str = "") -> dict[str, Any]:
    """Returns the values of nested fields by their names, joined by dots; anything else by the prefix alone."""
    if not isinstance(record, dict):
        return {prefix: record}
    inner = (fields(value, f"{prefix}.{name}" if prefix else name) for name, value in record.items())
    return {field: value for fields in inner for field, value in fields.items()}


def known(path: Path, what: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the results in a file if they are of what is asked, None if they are of something else or not there.

    Args:
        path: A file of JSON.
        what: Fields that the results have to have.

    Raises:
        UserError: If the file is broken, or of what is asked but not as it was written.
    """
    what = json.loads(json.dumps(what))  # as it is read back, with lists for tuples
    results = read_json(dict[str, Any], path) if path.exists() else {}
    if not results or {name: results.get(name) for name in what} != what:
        return None
    check_digest(path, results)
    return results
