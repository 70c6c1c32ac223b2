"""`multiref serve`: what cannot be had is one line before the first page is served."""

from __future__ import annotations

import json
import socket
import sqlite3
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from multiref_gym.agents.learning.run_folder import FORMAT, locked
from multiref_gym.cli import main


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def complaint(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """Returns the one line that the command ends with."""
    assert main(["serve", *options]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    return told


def test_a_port_in_use(capsys: pytest.CaptureFixture[str], tmp_path: Path, taken_port: int) -> None:
    told = complaint(capsys, "--open", "--port", str(taken_port), "--out", str(tmp_path / "run"))
    assert f"port {taken_port}" in told
    assert "choose another --port" in told
    assert not (tmp_path / "run").exists()


def test_a_run_folder_in_use(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with locked(tmp_path):
        assert "another process is at work" in complaint(capsys, "--open", "--port", "0", "--out", str(tmp_path))


def test_a_run_folder_of_another_configuration(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    record = {"format": FORMAT, "version": metadata.version("multiref-gym"), "command": "serve", "config": {"seed": 7}}
    (tmp_path / "config.json").write_text(json.dumps(record))
    assert "of another configuration" in complaint(capsys, "--open", "--port", "0", "--out", str(tmp_path))


@pytest.mark.parametrize("arm", ["A=small:nowhere", "A=nothing", "A=", "=random", "A"])
def test_a_policy_that_cannot_be_loaded(capsys: pytest.CaptureFixture[str], tmp_path: Path, arm: str) -> None:
    told = complaint(capsys, "--open", "--port", "0", "--out", str(tmp_path / "run"), "--arms", arm)
    assert "nowhere" in told or "unknown listener" in told or "NAME=LISTENER" in told


def test_a_consent_that_is_missing_or_empty(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    study, out = tmp_path / "study", str(tmp_path / "run")
    study.mkdir()
    assert "consent.txt" in complaint(capsys, "--study", str(study), "--port", "0", "--out", out)
    (study / "consent.txt").write_text(" \n")
    assert "empty" in complaint(capsys, "--study", str(study), "--port", "0", "--out", out)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("study.toml", "title = 1\ngames = 2", "field 'title'"),
        ("study.toml", "title = 'a'\ngames = 0", "1 or more"),
        ("study.toml", "[", "study.toml"),
        ("texts.toml", "nonsense = 'a'", "no text 'nonsense'"),
        ("game.html", "{% if %}", "game.html"),
    ],
)
def test_a_study_that_cannot_be_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, name: str, content: str, told: str
) -> None:
    study = tmp_path / "study"
    study.mkdir()
    (study / "consent.txt").write_text("You agree.")
    (study / name).write_text(content)
    assert told in complaint(capsys, "--study", str(study), "--port", "0", "--out", str(tmp_path / "run"))


def test_a_database_that_is_newer(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    database = tmp_path / "people.db"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE meta (schema_version INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO meta VALUES (99)")
    options = "--open", "--port", "0", "--out", str(tmp_path / "run"), "--database", str(database)
    assert "schema 99" in complaint(capsys, *options)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--open", "--study", "x"),
        ("--open", "--respect", "x", "--arms", "A=random"),
        ("--open", "--pairs", "--arms", "A=random"),
        ("--open", "--pairs", "--role", "listener"),
        ("--open", "--every-game"),
    ],
)
def test_options_that_contradict_each_other(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, options: tuple[str, ...]
) -> None:
    assert "multiref: error: " in complaint(capsys, *options, "--port", "0", "--out", str(tmp_path / "run"))
