"""Has simulated speakers play with a server, as people in browsers would, and checks that it copes."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.table import Table

from multiref_gym.agents.commands.options import SpeakerOptions
from multiref_gym.agents.deployment.crowd import CrowdResult, CrowdSettings, run_crowd
from multiref_gym.commands.options import Count, Natural, NewFile, Positive, Share, TangramOptions
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError

Seconds = Annotated[float, Parameter(validator=Number(gte=0, lte=3600))]


@dataclass(frozen=True, kw_only=True)
class ServeCrowd(TangramOptions, SpeakerOptions):
    """Has simulated speakers play with a server that anybody may play with (`multiref serve --open`).

    It tests, measures and rehearses a deployment without people. Never point it at a deployment that people play with:
    the simulated words would be kept and learned from like people's.

    Attributes:
        url: The address of the server.
        browsers: The number of simulated browsers.
        games: The number of games that they play together.
        out: A file for the acknowledged turns, as JSON Lines.
        seed: Seeds all randomness.
        thinking: Mean seconds before a speaker speaks.
        double_clicks: The share of turns that are sent twice at once; both must get the same answer.
        second_tabs: The share of turns for which something else is sent at the same time; one of the two must be
            refused.
        patience: Seconds for which a browser keeps trying while the server does not answer.
        idle: Seconds for which a browser waits for a game, as between rounds.
    """

    url: str = "http://127.0.0.1:8000"
    browsers: Count = 8
    games: Count = 100
    out: NewFile | None = None
    seed: Natural = 0
    thinking: Seconds = 0.0
    double_clicks: Share = 0.0
    second_tabs: Share = 0.0
    patience: Positive = 60.0
    idle: Positive = 120.0

    def run(self, screen: Screen) -> None:
        """Plays the games, and shows the measurements.

        Raises:
            UserError: If something was wrong or lost, or the server plays another game.
        """
        if self.double_clicks + self.second_tabs > 1:
            raise UserError("--double-clicks and --second-tabs are shares of all turns: together 1 at most")
        tangrams = self.chosen_tangrams()
        settings = CrowdSettings(
            browsers=self.browsers,
            games=self.games,
            seed=self.seed,
            thinking=self.thinking,
            double_clicks=self.double_clicks,
            second_tabs=self.second_tabs,
            patience=self.patience,
            idle=self.idle,
        )
        with ExitStack() as stack:
            file = None if self.out is None else stack.enter_context(self.out.open("x", encoding="utf-8", buffering=1))

            def keep(turn: dict[str, Any]) -> None:
                if file is not None:
                    file.write(json.dumps(turn, ensure_ascii=False) + "\n")

            on_game = partial(screen.report, "games", total=self.games)
            result = run_crowd(
                self.url, settings, tangrams, self.chosen_speaker(tangrams), on_game=on_game, on_turn=keep
            )
        screen.show(table(result))
        if result.mistakes:
            raise UserError(f"{len(result.mistakes)} browsers met something wrong or lost: {result.mistakes[0]}")
        if result.games + result.unfinished < self.games:
            raise UserError(f"the server had no more games than these for {self.idle:g} s")


def table(result: CrowdResult) -> Table:
    """Returns the measurements as a table."""
    shown = Table("simulated speakers", "", box=None, pad_edge=False)
    shown.columns[1].justify = "right"
    milliseconds = {f"latency, p{p}, ms": f"{result.latency(p) * 1e3:.0f}" for p in (50, 95, 99)}
    rows = {
        "games played": result.games,
        "won": result.won,
        "ended by the server": result.unfinished,
        "begun by others": result.taken,
        "turns": result.turns,
        "turns a second": f"{result.turns_per_second:.1f}",
        **milliseconds,
        "double clicks": result.double_clicks,
        "409, second tabs": result.conflicts_wanted,
        "409, others": result.conflicts,
        "429 and 503": result.busy,
        "other 5xx": result.server_errors,
        "retries": result.retries,
        "CPU of the simulation, ms a turn": f"{result.cpu_seconds / max(1, result.turns) * 1e3:.1f}",
        "wrong or lost": len(result.mistakes),
    }
    for name, value in rows.items():
        shown.add_row(name, str(value))
    return shown
