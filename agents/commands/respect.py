"""Learns from implicit feedback, round after round, and reports how well; an interrupted run goes on where it was."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table

from agents.commands.options import add_listener, add_speaker
from agents.respect import Config, Respect, results, write_atomically
from multiref_gym.commands.options import positive
from multiref_gym.registry import DECODERS

DEFAULT = Config()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("--rounds", type=positive, default=DEFAULT.rounds, help=f"of learning ({DEFAULT.rounds})")
    parser.add_argument("--games", type=positive, default=DEFAULT.games, help=f"of each round ({DEFAULT.games})")
    parser.add_argument("--seed", type=int, default=DEFAULT.seed, help=f"seeds all chance ({DEFAULT.seed})")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/respect"), metavar="FOLDER", help="of the run (runs/respect)"
    )
    add_listener(parser, default=DEFAULT.listener)
    parser.add_argument(
        "--decoder",
        default=DEFAULT.decoder,
        metavar="NAME",
        help=f"{', '.join(DECODERS)} or module:attribute ({DEFAULT.decoder})",
    )
    add_speaker(parser)
    parser.add_argument(
        "--tangrams", default=DEFAULT.tangrams, metavar="SET", help="figures (default) or kilogram:PATH"
    )


def run(args: argparse.Namespace) -> None:
    """Runs what of the run is not done yet, and writes its results."""
    config = Config(args.rounds, args.games, args.seed, args.listener, args.decoder, args.speaker, args.tangrams)
    console = Console(highlight=False)
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console) as progress:
        task = progress.add_task("")
        measures = Respect(
            config,
            args.out,
            lambda step, done, total: progress.update(task, description=step, completed=done, total=total),
        ).run()
    write_atomically(args.out / "results.json", json.dumps(results(config, measures), indent=2) + "\n")
    console.print(_table(measures))


def _table(measures: list[dict[str, Any]]) -> Table:
    systems = list(measures[0]["systems"])
    table = Table("round", *(f"{system} success" for system in systems), "turns a game", "decoder accuracy")
    for measured in measures:
        table.add_row(
            str(measured["round"]),
            *(_percent(measured["systems"][system]["success"]) for system in systems),
            f"{measured['systems'][systems[0]]['turns']['mean']:.1f}",
            f"{measured['decoder']['accuracy']:.1%}",
        )
    return table


def _percent(estimate: dict[str, float]) -> str:
    return f"{estimate['mean']:.1%} [dim]({estimate['low']:.1%} to {estimate['high']:.1%})[/]"
