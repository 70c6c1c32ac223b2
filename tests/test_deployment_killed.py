"""Nothing that was acknowledged is lost: servers that are killed, several of them, and other databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from postgresql_server import running_postgresql
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select

from multiref_gym.agents.deployment.crowd import CrowdResult, CrowdSettings, run_crowd
from multiref_gym.benchmarks.deployment import ServerProcess, kept, killed
from multiref_gym.database import Database
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import load_tangrams

FIGURES = load_tangrams("figures").split("dev")
CARELESS = CrowdSettings(browsers=12, games=60, double_clicks=0.15, second_tabs=0.1, patience=120.0, thinking=0.1)
RANDOM = ("--arms", "A=random", "--arms", "B=random", "--arms", "C=random")


def crowded(url: str, turns: list[Any] | None = None, settings: CrowdSettings = CARELESS) -> CrowdResult:
    taken = turns if turns is not None else []
    return run_crowd(url, settings, FIGURES, lambda: ScriptedSpeaker(FIGURES), on_turn=taken.append)


def check(server: ServerProcess, result: CrowdResult, turns: list[Any]) -> None:
    """Checks that what the server has is what it acknowledged, and that systems differ by one game at most."""
    assert (result.mistakes, result.server_errors, result.conflicts) == ([], 0, 0)
    assert result.games == CARELESS.games
    found = kept(server.exported_turns(), turns)
    assert (found.lost, found.doubled, found.holes) == (0, 0, 0)
    assert found.difference <= 1


def test_two_processes_on_a_sqlite_file_that_are_killed_again_and_again_lose_nothing(tmp_path: Path) -> None:
    turns: list[Any] = []
    with ServerProcess(*RANDOM, "--out", str(tmp_path / "run"), "--processes", "2") as server:
        with killed(server, 2, seed=0):
            result = crowded(server.url, turns)
        check(server, result, turns)


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[str]:
    """The URL of a new database of a PostgreSQL server that runs for one test."""
    with running_postgresql(tmp_path) as server:
        yield server.url


def test_two_processes_share_a_postgresql_database(tmp_path: Path, postgresql: str) -> None:
    turns: list[Any] = []
    options = (*RANDOM, "--out", str(tmp_path / "run"), "--processes", "2", "--database", postgresql)
    with ServerProcess(*options) as server:
        check(server, crowded(server.url, turns), turns)


def test_a_reader_of_postgresql_sees_the_rows_as_they_were_when_it_began(postgresql: str) -> None:
    numbers = Table("numbers", MetaData(), Column("number", Integer))
    database = Database(postgresql, numbers.metadata, 1, "table of numbers")
    with database.transaction() as reader:
        before = reader.scalar(select(func.count()).select_from(numbers))
        with database.transaction(write=True) as writer:
            writer.execute(insert(numbers).values(number=1))
        assert reader.scalar(select(func.count()).select_from(numbers)) == before == 0
    with database.transaction() as reader:
        assert reader.scalar(select(func.count()).select_from(numbers)) == 1
    database.close()
