"""Whatever a command is given, it does what was asked or complains in one line; it never shows a traceback."""

from __future__ import annotations

import io
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

import pytest
from fuzzing import examples
from human_like import write_games, write_kilogram
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.cli import COMMANDS, main
from multiref_gym.registry import resolve

RUN = {
    "simulate": "--games 1 --listener random --out out.jsonl",
    "play": "",
    "benchmark": "--games games.jsonl --tangrams kilogram:kilogram --listener random",
    "decode": "--games games.jsonl --out out.csv",
    "leaderboard": "results --out board",
    "tangrams": "--out out.png --sample 2",
    "export": "--store games.db --out out.jsonl",
    "import": "--store other.db --system PEOPLE --games games.jsonl",
    "bench decoders": "--games games.jsonl",
}
"""The commands that are really run, as they take a moment, and what they need. Of the others the options are read."""

NUMBERS = ("", "0", "1", "2", "-1", "1.5", "nan", "1e999", "9" * 30)
WORDS = (
    "true",
    "None",
    "x",
    "é",
    "🙂",
    "a\nb",
    "\udcff",
    "--",
    "-",
    "dev",
    "jsonl",
    "turn",
    "minari",
    "logged",
    "figures",
)
PARTS = (
    "lexical",
    "random",
    "oracle",
    "erring",
    "small",
    "retrieval",
    "scripted",
    "a:b",
    ":",
    "json:absent",
    "absent.b:c",
)
FILES = (
    "games.jsonl",
    "games.db",
    "results",
    "junk",
    "empty",
    "kilogram",
    "absent",
    "absent/file",
    ".",
    "..",
    "out",
    "o.png",
)
TANGRAMS = ("kilogram:kilogram", "kilogram:.", "kilogram:absent", "kilogram-new:kilogram", "kilogram:junk")
VALUES = (*NUMBERS, *WORDS, *PARTS, *FILES, *TANGRAMS)


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """Has the other commands do nothing."""
    with pytest.MonkeyPatch.context() as patched:
        for name, command in COMMANDS.items():
            if name not in RUN:
                patched.setattr(resolve("command", {}, command.entry_point), "run", lambda self, screen: None)
        patched.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
        yield


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files") / "files"
    (folder / "results").mkdir(parents=True)
    (folder / "results" / "results.json").write_text("{}")
    (folder / "junk").write_bytes(bytes(range(256)) * 9)
    (folder / "empty").touch()
    write_games(folder / "games.jsonl")
    write_kilogram(folder / "kilogram")
    assert main(["import", *f"--store {folder}/games.db --system PEOPLE --games {folder}/games.jsonl".split()]) == 0
    return folder


def told(*words: str) -> tuple[int, str, str]:
    """Returns the exit code of a command, what it said and what it complained of."""
    with redirect_stdout(io.StringIO()) as said, redirect_stderr(io.StringIO()) as complaint:
        code = main(words)
    return code, said.getvalue(), complaint.getvalue()


@cache
def options(command: str) -> list[str]:
    return sorted(set(re.findall(r"--[a-z][a-z-]*", told(*command.split(), "--help")[1])))


@st.composite
def commands(draw: st.DrawFn) -> list[str]:
    command = draw(st.sampled_from([*RUN, *RUN, *COMMANDS]))
    words = [*command.split(), *(RUN.get(command, "").split() if draw(st.integers(0, 3)) else ())]
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            words.append(draw(st.sampled_from(options(command)) | st.just("--absent")))
        words.append(draw(st.sampled_from(VALUES)))
    return [*words, "--games", "1"] if command == "simulate" else words


@given(words=commands())
@examples(120)
def test_commands(words: list[str], files: Path) -> None:
    with TemporaryDirectory() as folder, chdir(shutil.copytree(files, Path(folder) / "here")):
        before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
        with patch("sys.stdin", io.StringIO("select A\nzzz\n\nthe bird\nquit\n")):
            code, _, complaint = told(*words)
        assert code in (0, 2)
        if code == 2:
            assert complaint.count("\n") == 1 or not complaint  # none where help was asked for
        if "--force" not in words:
            assert all(path.read_bytes() == content for path, content in before.items() if path.suffix != ".db")
    assert os.environ["OMP_NUM_THREADS"] == "1"
