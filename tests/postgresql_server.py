"""A PostgreSQL server for a test, where its programs are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

USER = "people"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        programs: The folder of PostgreSQL's programs.
        sockets: The folder of the socket on which it listens.
    """

    programs: Path
    sockets: Path

    @property
    def url(self) -> str:
        """The URL of an empty database."""
        return f"postgresql+psycopg://{USER}@/postgres?host={self.sockets}"


@contextmanager
def running_postgresql(folder: Path) -> Iterator[Server]:
    """Runs a server in an empty folder of the test; without its programs the test is skipped."""
    pytest.importorskip("psycopg")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(found[-1]) if found else None)
    if initdb is None:
        pytest.skip("no PostgreSQL server is installed")
    programs, data, sockets = Path(initdb).parent, folder / "data", folder / "sockets"
    # The server refuses to run as root, so another user must reach the folder.
    folder.chmod(0o777)
    for parent in folder.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o055)
    user = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
    sockets.mkdir()
    sockets.chmod(0o777)

    def run(program: str, *arguments: str) -> None:
        subprocess.run([*user, str(programs / program), *arguments], check=True, capture_output=True, cwd="/")

    run("initdb", "-D", str(data), "-U", USER, "-A", "trust")
    run("pg_ctl", "-D", str(data), "-w", "-o", f"-k {sockets} -c listen_addresses=''", "-l", f"{data}/log", "start")
    try:
        yield Server(programs, sockets)
    finally:
        run("pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop")
