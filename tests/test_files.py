"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from multiref_gym.files import write_atomically, write_lines_atomically


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
