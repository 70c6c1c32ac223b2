"""A folder that travels to other processes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from multiref_gym.digests import DIGESTS


@dataclass(frozen=True)
class Folder(os.PathLike[str]):
    """The path of a folder. Another process that receives it gets a copy of the folder, until `forget_arrived`.

    Only policies that this package has saved are copied. The models that they start from may be too large: these must
    be at the same path wherever they are needed.

    Attributes:
        path: The path.
    """

    path: Path

    def __fspath__(self) -> str:
        return str(self.path)

    def __reduce__(self) -> tuple[Any, ...]:
        if not (self.path / DIGESTS).is_file():
            return Folder, (self.path,)
        return _arrived, (self.path.name, files_in(self.path))


def carried(model: str | None) -> Folder | str | None:
    """Returns a model's path as a `Folder` if it is a folder, and anything else unchanged."""
    return Folder(Path(model)) if model is not None and Path(model).is_dir() else model


def files_in(folder: Path) -> dict[str, bytes]:
    """Returns all files in a folder, by their relative paths."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Writes files to a folder, which is created if missing."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


_places: list[Path] = []


def _arrived(name: str, files: dict[str, bytes]) -> Folder:
    """Returns a folder with these files, which exists until `forget_arrived`."""
    _places.append(Path(mkdtemp(prefix="multiref-")))
    write_files(_places[-1] / name, files)
    return Folder(_places[-1] / name)


def forget_arrived() -> None:
    """Removes the copies that this process received; it may be killed before it could do so at its end."""
    while _places:
        rmtree(_places.pop(), ignore_errors=True)
