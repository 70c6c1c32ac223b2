"""The folder of a run: it is of one configuration, and each file in it is there whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from multiref_gym.checking import read_json
from multiref_gym.digests import check_digest
from multiref_gym.errors import UserError
from multiref_gym.files import write_json


def claim(out: Path, record: dict[str, Any]) -> None:
    """Makes a folder one of what is recorded, or checks that it is.

    Args:
        out: The folder.
        record: What decides the outcome, fit for JSON; `config.json` in the folder holds it.

    Raises:
        UserError: If the folder cannot be written to, was written by another version of this package, or is of
            something else, with the field that differs.
    """
    path = out / "config.json"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            if (out / "results.json").exists():
                raise UserError(f"{out} holds results of something else: choose another --out")
            write_json(path, record)
    except OSError as error:
        raise UserError(f"cannot write to the run folder {out}: {error.strerror}") from error
    try:
        there, asked = fields(json.loads(path.read_text(encoding="utf-8"))), fields(json.loads(json.dumps(record)))
    except ValueError as error:
        raise UserError(f"{path} is broken: {error}; choose another --out") from error
    if any(there.get(field) != asked.get(field) for field in ("format", "version")):
        raise UserError(
            f"{path} was written by another version of multiref-gym, {there.get('version')}: choose another --out"
        )
    for field in {**there, **asked}:
        if there.get(field) != asked.get(field):
            raise UserError(
                f"{path} is of another configuration or base: field '{field}' is {there.get(field)!r} and not "
                f"{asked.get(field)!r}: choose another --out, or what it names"
            )


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
