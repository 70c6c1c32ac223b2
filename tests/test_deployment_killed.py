"""Nothing that was acknowledged is lost: servers that are killed, several of them, and other databases."""

from __future__ import annotations

import csv
import os
import random
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from deployed import ServerProcess

from multiref_gym.agents.deployment.crowd import CrowdResult, CrowdSettings, run_crowd
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import load_tangrams

FIGURES = load_tangrams("figures").split("dev")
CARELESS = CrowdSettings(browsers=12, games=60, double_clicks=0.15, second_tabs=0.1, patience=120.0, thinking=0.1)
RANDOM = ("--arms", "A=random", "--arms", "B=random", "--arms", "C=random")


def crowded(url: str, turns: list[Any] | None = None, settings: CrowdSettings = CARELESS) -> CrowdResult:
    taken = turns if turns is not None else []
    return run_crowd(url, settings, FIGURES, lambda: ScriptedSpeaker(FIGURES), on_turn=taken.append)


def check(url: str, operator: dict[str, str], result: CrowdResult, turns: list[Any], games: int) -> None:
    """Checks that what the server has is what it acknowledged, and that systems differ by one game at most."""
    assert not result.mistakes
    assert not result.server_errors
    assert not result.conflicts
    assert result.games == games
    exported = httpx.get(f"{url}/operator/export/turns.csv", headers=operator).text.splitlines()
    rows = [row for row in csv.DictReader(exported) if row["state"] in ("won", "lost")]
    kept = Counter((row["game"], int(row["turn"]), row["utterance"].removeprefix("'")) for row in rows)
    acknowledged = {(turn["game"], turn["turn"], turn["utterance"]) for turn in turns}
    assert set(kept.values()) <= {1}
    assert acknowledged <= kept.keys(), "a turn that was acknowledged is there"
    for game, count in Counter(row["game"] for row in rows).items():
        assert {int(row["turn"]) for row in rows if row["game"] == game} == set(range(count)), "there is no hole"
    systems = Counter({row["game"]: row["system"] for row in rows}.values())
    assert max(systems.values()) - min(systems.values()) <= 1


def test_a_server_that_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    turns: list[Any] = []
    with ServerProcess(*RANDOM, "--out", str(tmp_path / "run")) as server:
        done = threading.Event()

        def kill_now_and_then() -> None:
            for moment in random.Random(0).sample(range(5, 25), 2):
                if done.wait(moment / 10):
                    return
                server.kill()
                server.start()

        killer = threading.Thread(target=kill_now_and_then)
        killer.start()
        result = crowded(server.url, turns)
        done.set()
        killer.join()
        check(server.url, server.operator, result, turns, CARELESS.games)


def test_two_processes_share_a_sqlite_file(tmp_path: Path) -> None:
    turns: list[Any] = []
    with ServerProcess(*RANDOM, "--out", str(tmp_path / "run"), "--processes", "2") as server:
        check(server.url, server.operator, crowded(server.url, turns), turns, CARELESS.games)


@pytest.fixture
def postgresql(tmp_path: Path) -> Iterator[str]:
    """The URL of a new database of a PostgreSQL server that runs for one test."""
    pytest.importorskip("psycopg")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(found[-1]) if found else None)
    if initdb is None:
        pytest.skip("no PostgreSQL server is installed")
    programs, data = Path(initdb).parent, tmp_path / "data"
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o055)
    user = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
    sockets = tmp_path / "sockets"
    sockets.mkdir()
    sockets.chmod(0o777)

    def run(program: str, *arguments: str) -> None:
        subprocess.run([*user, str(programs / program), *arguments], check=True, capture_output=True, cwd="/")

    run("initdb", "-D", str(data), "-U", "people", "-A", "trust")
    run("pg_ctl", "-D", str(data), "-w", "-o", f"-k {sockets} -c listen_addresses=''", "-l", f"{data}/log", "start")
    try:
        yield f"postgresql+psycopg://people@/postgres?host={sockets}"
    finally:
        run("pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop")


def test_two_processes_share_a_postgresql_database(tmp_path: Path, postgresql: str) -> None:
    turns: list[Any] = []
    options = (*RANDOM, "--out", str(tmp_path / "run"), "--processes", "2", "--database", postgresql)
    with ServerProcess(*options) as server:
        check(server.url, server.operator, crowded(server.url, turns), turns, CARELESS.games)
