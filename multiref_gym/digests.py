"""Digests (SHA-256 hashes) stored beside data, to detect damage on the disk.

SQLite and safetensors have no checksums of their own: a changed byte would read as another game or another policy.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from multiref_gym.errors import UserError
from multiref_gym.files import write_lines_atomically

DIGESTS = "SHA256SUMS"
"""A file in a folder with the digests of all its other files; `sha256sum --check` reads it too."""


def digest(content: Any) -> str:
    """Returns the SHA-256 of content as JSON; it is the same before writing and after reading."""
    # Only JSON is ever written, but a damaged file may hold bytes.
    return hashlib.sha256(json.dumps(content, default=repr).encode()).hexdigest()


def with_digest(content: dict[str, Any]) -> dict[str, Any]:
    """Returns a copy of a JSON object that holds its own digest."""
    return {**content, "digest": digest(content)}


def check_digest(path: Path, content: dict[str, Any], error: type[UserError] = UserError) -> None:
    """Raises UserError, or `error`, if an object that was read from a file has a digest that is not its own."""
    rest = {name: value for name, value in content.items() if name != "digest"}
    if content.get("digest", digest(rest)) != digest(rest):
        raise error(f"{path} is damaged or was changed by hand: its digest does not match its content")


def write_digests(folder: Path) -> None:
    """Writes the digests of all files in a folder."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    write_lines_atomically(folder / DIGESTS, [f"{file_digest(folder / name)}  {name}" for name in names])


def check_digests(folder: Path) -> None:
    """Checks the files in a folder, if it has digests of them.

    Raises:
        UserError: If a file is missing or has changed.
    """
    path = folder / DIGESTS
    if not path.is_file():
        return
    for line in path.read_bytes().splitlines():
        expected, _, name = line.decode(errors="replace").partition("  ")
        file = folder / name.replace("\0", "")
        if not file.is_file() or file_digest(file) != expected:
            raise UserError(f"{file} is missing or damaged: it does not match its digest in {path}")


def file_digest(path: Path) -> str:
    """Returns the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
