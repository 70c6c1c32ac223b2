"""How much load can a deployment take, and does it lose anything?

    multiref bench deployment [--browsers 200] [--games 600] [--kills 10] [--seed 0] [--json FILE]

A simulated crowd plays with `multiref serve` on this machine, each in its own process, with the listener that ships: as
fast as it can, with people's pauses, with a server that is killed at random moments, and with two server processes. For
comparison, the same listener plays with simulated speakers in one process, without a server. Turns are stored as safely
as with people: an acknowledged turn is on the disk (SQLite, synchronous=FULL).
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
from rich.table import Table

from multiref_gym.agents.deployment.crowd import CrowdResult, CrowdSettings, run_crowd
from multiref_gym.agents.learning.respect import SIMILARITY
from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.agents.play import new_games, play
from multiref_gym.commands.options import Count, FiguresOptions, Natural
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import TangramSet, load_tangrams

PAUSE = 2.5
"""The mean pause of a speaker, in seconds: with 200 browsers, more than 50 turns a second."""
DOUBLE_CLICKS, SECOND_TABS = 0.15, 0.1
"""The shares of turns that are sent twice, and of turns for which something else is sent as well."""
BETWEEN_KILLS = 1.0, 6.0
"""The least and the most seconds between two kills."""
COUNTED = (
    *("turns", "server_errors", "wrong_answers", "acknowledged_and_lost", "doubled", "games_with_holes"),
    "games_by_which_systems_differ",
)
TWO_SYSTEMS = "--arms", "A=small", "--arms", "B=small"


class ServerProcess:
    """`multiref serve --open` in its own process, which can be killed and restarted on the same port.

    Args:
        options: Its options besides the port.

    Attributes:
        output: The lines of its output, up to the operator's address.
        url: Its address.
        operator: The headers of an operator's request.
    """

    def __init__(self, *options: str) -> None:
        self._options, self._port = options, 0
        self.start()

    def start(self) -> None:
        """Starts it and waits until it serves.

        Raises:
            UserError: If it does not; the message is its output.
        """
        command = [sys.executable, "-m", "multiref_gym.cli", "serve", "--open", "--port", str(self._port)]
        self._process = subprocess.Popen(
            [*command, *self._options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None, "it has a pipe"
        self.output: list[str] = []
        for line in self._process.stdout:
            self.output.append(line)
            if line.startswith("operator:"):
                break
        else:
            raise UserError(" ".join(self.output))
        self.url = self.output[-2].split()[1].rstrip("/")
        self.operator = {"Authorization": f"Bearer {self.output[-1].rpartition('=')[2].strip()}"}
        self._port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """Kills it at once."""
        self._process.kill()
        self._process.wait()

    def exported_turns(self) -> list[dict[str, str]]:
        """Returns all its turns, from the operator's export."""
        request = urllib.request.Request(f"{self.url}/operator/export/turns.csv", headers=self.operator)
        with urllib.request.urlopen(request) as answer:
            return list(csv.DictReader(answer.read().decode().splitlines()))

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Stops it in an orderly way."""
        self._process.terminate()
        self._process.wait(60)


@contextmanager
def killed(server: ServerProcess, times: int, seed: int) -> Iterator[None]:
    """Kills and restarts a server this many times during the block, at random moments."""
    ends = threading.Event()
    moments = np.random.default_rng(seed).uniform(*BETWEEN_KILLS, times)

    def kill_now_and_then() -> None:
        for moment in moments:
            if ends.wait(moment):
                return
            server.kill()
            server.start()

    killer = threading.Thread(target=kill_now_and_then)
    killer.start()
    try:
        yield
    finally:
        ends.set()
        killer.join()


@dataclass(frozen=True)
class Kept:
    """A comparison of a server's turns with those that it acknowledged.

    Attributes:
        lost: Acknowledged turns that are missing.
        doubled: Turns that are stored more than once.
        holes: Games that lack one of their turns.
        difference: The difference in games between systems.
    """

    lost: int
    doubled: int
    holes: int
    difference: int


def kept(rows: Sequence[dict[str, str]], acknowledged: Sequence[dict[str, Any]]) -> Kept:
    """Compares a server's turns with those that it acknowledged.

    Args:
        rows: The turns that the server exports.
        acknowledged: The turns that were acknowledged to the crowd.
    """
    there = Counter((row["game"], int(row["turn"]), row["utterance"].removeprefix("'")) for row in rows)
    expected = {(turn["game"], turn["turn"], turn["utterance"].removeprefix("'")) for turn in acknowledged}
    turns_of, system_of = Counter(row["game"] for row in rows), dict[str, str]()
    last_of = dict[str, int]()
    for row in rows:
        last_of[row["game"]] = max(last_of.get(row["game"], 0), int(row["turn"]))
        if row["state"] in ("won", "lost"):
            system_of[row["game"]] = row["system"]
    games = Counter(system_of.values()).values()
    return Kept(
        lost=len(expected - there.keys()),
        doubled=sum(count - 1 for count in there.values()),
        holes=sum(last_of[game] + 1 != count for game, count in turns_of.items()),
        difference=max(games, default=0) - min(games, default=0),
    )


@dataclass(frozen=True, kw_only=True)
class DeploymentBenchmark(FiguresOptions):
    """How much load can a deployment take, and does it lose anything?

    Attributes:
        browsers: The number of simulated browsers.
        games: The number of games in each part.
        kills: How often the server is killed.
        seed: Seeds the crowd and the moments of the kills.
    """

    browsers: Count = 200
    games: Count = 600
    kills: Natural = 10
    seed: Natural = 0

    def run(self, screen: Screen) -> None:
        """Plays, and shows the measurements.

        Raises:
            UserError: If a server does not start.
        """
        tangrams = load_tangrams("figures")
        plain = CrowdSettings(browsers=self.browsers, games=self.games, seed=self.seed, patience=120.0)
        careless = replace(plain, double_clicks=DOUBLE_CLICKS, second_tabs=SECOND_TABS)
        parts = {
            "as fast as it can": (plain, TWO_SYSTEMS, 0),
            f"{PAUSE:g} s of thinking": (replace(plain, thinking=PAUSE), TWO_SYSTEMS, 0),
            f"killed {self.kills} times": (replace(careless, thinking=1.0), TWO_SYSTEMS, self.kills),
            "two processes": (careless, (*TWO_SYSTEMS, "--processes", "2"), 0),
        }
        measured = {}
        for name, (settings, options, kills) in parts.items():
            on_game = partial(screen.report, name, total=self.games)
            measured[name] = self._measured(settings, options, kills, tangrams, on_game)
        screen.report("without a server", 0, None)
        alone = _turns_a_second_alone(tangrams, self.games, self.seed)
        results = self.write({"seed": self.seed, "browsers": self.browsers, "games": self.games, "parts": measured})
        screen.show(_table(measured))
        best = measured["as fast as it can"]["turns_per_second"]
        speed = f"the listener plays {alone:.0f} turns a second with simulated speakers and without a server"
        screen.say(f"{speed}: {best / alone:.2f} of that through the server")
        screen.say(f"simulated speakers; {results['machine']['processor']}, {results['machine']['cores']} cores")

    def _measured(
        self, settings: CrowdSettings, options: Sequence[str], kills: int, tangrams: TangramSet, on_game: Any
    ) -> dict[str, Any]:
        dev, acknowledged = tangrams.split("dev"), list[dict[str, Any]]()
        with tempfile.TemporaryDirectory() as folder:
            contexts = str(-(-settings.games // 2))
            with ServerProcess(*options, "--out", str(Path(folder, "run")), "--games", contexts) as server:
                with killed(server, kills, self.seed):
                    result = run_crowd(
                        server.url,
                        settings,
                        dev,
                        partial(ScriptedSpeaker, dev),
                        on_game=on_game,
                        on_turn=acknowledged.append,
                    )
                found = kept(server.exported_turns(), acknowledged)
        return _figures(result, found)


def _figures(result: CrowdResult, found: Kept) -> dict[str, Any]:
    return {
        "turns": result.turns,
        "turns_per_second": result.turns_per_second,
        "latency_ms": {f"p{percent}": 1000 * result.latency(percent) for percent in (50, 95, 99)},
        "server_errors": result.server_errors,
        "wrong_answers": len(result.mistakes),
        "acknowledged_and_lost": found.lost,
        "doubled": found.doubled,
        "games_with_holes": found.holes,
        "games_by_which_systems_differ": found.difference,
    }


def _turns_a_second_alone(tangrams: TangramSet, games: int, seed: int) -> float:
    """Returns the turns per second of the listener with simulated speakers, without a server."""
    make_speaker, listener = partial(ScriptedSpeaker, tangrams), SmallListener.load(tangrams)
    started = new_games(
        tangrams.split("dev"), range(games), make_speaker, np.random.SeedSequence(seed), similarity=SIMILARITY
    )
    begin = perf_counter()
    played = play(listener, started)
    return sum(len(game.turns) for game in played) / (perf_counter() - begin)


def _table(measured: dict[str, dict[str, Any]]) -> Table:
    table = Table("", *measured, title="A simulated crowd through HTTP")
    parts = measured.values()
    table.add_row("turns a second", *(f"{figures['turns_per_second']:.0f}" for figures in parts))
    for percent in ("p50", "p95", "p99"):
        table.add_row(f"latency, {percent}, ms", *(f"{figures['latency_ms'][percent]:.0f}" for figures in parts))
    for name in COUNTED:
        table.add_row(name.replace("_", " "), *(str(figures[name]) for figures in parts))
    return table
