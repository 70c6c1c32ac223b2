"""What tells that something on a disk is still what was written: a hash beside it.

SQLite and safetensors have none of their own, and a byte that changed would be another game or another policy.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from multiref_gym.errors import UserError
from multiref_gym.files import write_lines_atomically

DIGESTS = "SHA256SUMS"
"""In a folder: the digests of all its files, which `sha256sum --check` reads as well."""


def digest(content: Any) -> str:
    """Returns the SHA-256 of what JSON makes of some content, which is the same before it is written and after."""
    # Nothing but JSON is ever written, but bytes may be found in its place.
    return hashlib.sha256(json.dumps(content, default=repr).encode()).hexdigest()


def with_digest(content: dict[str, Any]) -> dict[str, Any]:
    """Returns an object fit for JSON with its own digest in it."""
    return {**content, "digest": digest(content)}


def check_digest(path: Path, content: dict[str, Any], error: type[UserError] = UserError) -> None:
    """Raises UserError, or `error`, if an object that was read from a file has a digest, but not its own."""
    rest = {name: value for name, value in content.items() if name != "digest"}
    if content.get("digest", digest(rest)) != digest(rest):
        raise error(f"{path} is damaged or was changed by hand: its digest is that of another content")


def write_digests(folder: Path) -> None:
    """Writes the digests of all files in a folder."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    write_lines_atomically(folder / DIGESTS, [f"{file_digest(folder / name)}  {name}" for name in names])


def check_digests(folder: Path) -> None:
    """Checks the files in a folder, if it has digests of them.

    Raises:
        UserError: If one is missing or not what was written.
    """
    path = folder / DIGESTS
    if not path.is_file():
        return
    for line in path.read_bytes().splitlines():
        expected, _, name = line.decode(errors="replace").partition("  ")
        file = folder / name.replace("\0", "")
        if not file.is_file() or file_digest(file) != expected:
            raise UserError(f"{file} is missing or damaged: it is not what {path} says was written")


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
