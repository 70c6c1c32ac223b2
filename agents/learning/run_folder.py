"""A run's folder: it has one configuration, one process works in it at a time, and its files are always complete."""

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
"""The format of `config.json`; 1 was that of version 0.1."""

LOCK = ".lock"
"""A file that the working process holds locked. The system releases the lock when the process ends in any way."""

WRITTEN = {".csv", ".db", ".html", ".json", ".md", ".png"}
"""Kinds of files that runs write: a folder that has any of them already belongs to something else."""

GROWS = "config.rounds"
"""The only field that may grow: a run can be given more rounds."""


def made_by(**record: Any) -> dict[str, Any]:
    """Returns a record with the format and the version of this package."""
    return {"format": FORMAT, "version": metadata.version("multiref-gym"), **record}


def claim(out: Path, record: dict[str, Any], own: Collection[str] = ()) -> None:
    """Makes a folder the folder of a run, or checks that it is; rounds may have been added.

    Args:
        out: The folder.
        record: Everything that decides the outcome, as JSON can hold it; written to `config.json`.
        own: Names of files that may exist before, because they record themselves what they belong to.

    Raises:
        UserError: If the folder cannot be written to, was written by another version of this package, or belongs to
            something else; the message names the field that differs.
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
            differs = _difference(there, asked, field)
            raise UserError(f"{path} is of another configuration: {differs}; choose another --out, or its options")
    if differing:
        write_json(path, record)


def _difference(there: dict[str, Any], asked: dict[str, Any], field: str) -> str:
    """Returns in words how a field of a folder's configuration differs from what was asked for."""
    if field not in there:
        return f"it lacks field {field!r}"
    if field not in asked:
        return f"field {field!r} is there and is not asked for"
    return f"field {field!r} is {there[field]!r} and not {asked[field]!r}"


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Keeps other processes out of a folder, and removes unfinished files of a killed process.

    Raises:
        UserError: If another process works there, or this one may not write there.
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
    """Makes a folder the folder of a command, and keeps other processes out; see `claim` and `locked`.

    If the command fails early, as with bad options, a new folder that is still empty is removed.
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
    """Returns the values of nested fields by their dotted names; for anything else, the value by the prefix alone."""
    if not isinstance(record, dict):
        return {prefix: record}
    inner = (fields(value, f"{prefix}.{name}" if prefix else name) for name, value in record.items())
    return {field: value for fields in inner for field, value in fields.items()}


def finished_results(path: Path, what: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the results in a file if they match, None if they belong to something else or the file is missing.

    Args:
        path: A JSON file.
        what: Fields that the results must have.

    Raises:
        UserError: If the file is broken, or the results match but have changed since they were written.
    """
    what = json.loads(json.dumps(what))  # in the form that is read back, with lists for tuples
    results = read_json(dict[str, Any], path) if path.exists() else {}
    if not results or {name: results.get(name) for name in what} != what:
        return None
    check_digest(path, results)
    return results
