"""Compares the six systems of arXiv 2410.13852, CONTROL and HH; an interrupted comparison goes on where it was."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from transformers.utils import logging as transformers_logging

from multiref_gym.agents.commands.run_options import add_deployment, add_optimisation, chosen_optimisation
from multiref_gym.agents.learning.jobs import Curve, run_all
from multiref_gym.agents.learning.respect import Config
from multiref_gym.benchmarks.systems import PAIRED, decoders, jobs_of, run_system, summaries, ternary_of
from multiref_gym.benchmarks.systems_report import (
    csv_text,
    decoder_sheet,
    measures_sheet,
    page,
    pictures,
    success_sheet,
)
from multiref_gym.commands.options import positive
from multiref_gym.files import write_atomically
from multiref_gym.provenance import provenance

DEFAULT = Config(rounds=3)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("--seeds", type=positive, default=1, help="runs of each system, with seeds from 0 (1)")
    parser.add_argument("--rounds", type=positive, default=DEFAULT.rounds, help=f"of learning ({DEFAULT.rounds})")
    parser.add_argument("--games", type=positive, default=DEFAULT.games, help=f"of each round ({DEFAULT.games})")
    parser.add_argument(
        "--decoder",
        default=DEFAULT.decoder,
        metavar="NAME",
        help=f"that has a ternary form: {', '.join(PAIRED)}, of a model as in prompted:MODEL ({DEFAULT.decoder})",
    )
    add_deployment(parser, DEFAULT)
    add_optimisation(parser, DEFAULT.learner.optimisation)
    parser.add_argument("--jobs", type=positive, default=2, help="runs at a time, each on one core (2)")
    parser.add_argument("--out", type=Path, default=Path("runs/systems"), metavar="FOLDER", help="(runs/systems)")


def run(args: argparse.Namespace) -> None:
    """Runs what is not there yet, shows the tables, and writes results, pictures and the page.

    Raises:
        UserError: If a run cannot be had as it was asked for, or a folder is of another one.
    """
    transformers_logging.disable_progress_bar()  # the runs have their own
    asked = {
        name: getattr(args, name)
        for name in ("rounds", "games", "decoder", "listener", "tangrams", "seed_tangrams", "split", "base")
    }
    optimisation = chosen_optimisation(args, DEFAULT.learner.optimisation)
    jobs = jobs_of(Config(**asked), ternary_of(args.decoder), optimisation, args.seeds, args.out)
    console = Console(highlight=False)
    curves = run_all(run_system, jobs, args.jobs, console, _told)
    results = {
        "config": asked,
        "learners": {job.config.learner.name: asdict(job.config.learner) for job in jobs},
        "seeds": list(range(args.seeds)),
        "jobs": args.jobs,
        "systems": summaries(curves),
        "decoders": decoders(curves),
        **provenance(),
    }
    sheets = [success_sheet(results), measures_sheet(results), decoder_sheet(results)]
    drawn = pictures(results)
    for each in sheets:
        console.print(each.printed())
    for name, png in drawn.items():
        write_atomically(args.out / name, png)
    write_atomically(args.out / "table.md", "\n".join(each.markdown() for each in sheets))
    write_atomically(args.out / "systems.csv", csv_text(results))
    write_atomically(args.out / "report.html", page(results, drawn, sheets))
    write_atomically(args.out / "results.json", json.dumps(results, indent=2) + "\n")
    written = ["results.json", "table.md", "systems.csv", "report.html", *drawn]
    console.print(f"{', '.join(written)} are in {args.out}", soft_wrap=True)


def _told(curve: Curve) -> str:
    counts = curve["rounds"][-1]["counts"][curve["system"]]
    return f"{sum(counts['won']) / len(counts['won']):.1%} of the games of the last round won"
