"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from multiref_gym.errors import UserError
from multiref_gym.files import whole, write_atomically, write_json, write_lines_atomically


def test_texts_bytes_and_lines_are_written(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.txt", "é\n")
    write_atomically(tmp_path / "b.bin", b"\xff")
    write_lines_atomically(tmp_path / "c.txt", iter(["one", "two"]))
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa9\n"
    assert (tmp_path / "b.bin").read_bytes() == b"\xff"
    assert (tmp_path / "c.txt").read_bytes() == b"one\ntwo\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.bin", "c.txt"]


def test_a_file_that_cannot_be_written_whole_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "games.jsonl"
    path.write_text("before\n")

    def lines() -> Iterator[str]:
        yield "after"
        assert path.read_text() == "before\n"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_lines_atomically(path, lines())
    assert path.read_text() == "before\n"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_there_gives_way_only_if_it_may_and_nothing_new_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_json(path, 1, replace=False)
    with pytest.raises(UserError, match=f"cannot write to {path}: File exists; the new content is in") as error:
        write_json(path, 2, replace=False)
    assert path.read_text() == "1\n"
    [kept] = tmp_path.glob("*.unfinished")
    assert kept.read_text() == "2\n"
    assert kept.name in str(error.value)
    write_json(path, 3)
    assert path.read_text() == "3\n"


def write_folder(folder: Path, text: str, error: BaseException | None = None) -> None:
    with whole(folder) as unfinished:
        unfinished.mkdir()
        (unfinished / "weights").write_text(text)
        if error:
            raise error


def test_a_folder_is_there_with_all_that_is_in_it_and_is_never_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "policy"
    folder.mkdir()  # an empty one is as good as none
    with pytest.raises(KeyboardInterrupt):
        write_folder(folder, "half", KeyboardInterrupt())
    assert list(tmp_path.rglob("*")) == [folder]
    write_folder(folder, "first")
    with pytest.raises(UserError, match=r"the new content is in policy\..*\.unfinished beside it"):
        write_folder(folder, "second")
    assert (folder / "weights").read_text() == "first"


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_does_not_take_a_file_is_told_with_the_file(
    error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "games.jsonl"
    path.write_text("before\n")

    def full(descriptor: int) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=re.escape(os.strerror(error))) as told:
        write_atomically(path, "after\n")
    assert told.value.filename == str(path)
    assert path.read_text() == "before\n"
    assert list(tmp_path.iterdir()) == [path]
