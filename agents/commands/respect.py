"""Learns from implicit feedback, round after round, and reports how well; an interrupted run goes on where it was."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from rich import box
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from transformers.utils import logging as transformers_logging

from multiref_gym.agents.commands.options import add_speaker, chosen_personas
from multiref_gym.agents.commands.run_options import add_deployment, add_optimisation, chosen_optimisation
from multiref_gym.agents.evaluation.report import COLUMNS, draw_curves, table_row, write_report
from multiref_gym.agents.learning.parallel import is_main
from multiref_gym.agents.learning.respect import KTO, RL, SUP, TURNS, Config, Respect, results
from multiref_gym.agents.learning.run_folder import known
from multiref_gym.commands.options import natural, positive
from multiref_gym.errors import UserError
from multiref_gym.files import write_atomically
from multiref_gym.registry import DECODERS
from multiref_gym.tangrams import load_tangrams

DEFAULT = Config()
LEARNERS = {("sup", "reply"): SUP, ("sup", "turns"): TURNS, ("rl", "reply"): RL, ("kto", "reply"): KTO}
"""By objective and credit."""

EXAMPLE = """\
a vision-language model, with the passes, batch and rate of arXiv 2410.13852, on one GPU of 80 GB or more:
  multiref respect --listener vlm --model HuggingFaceM4/idefics2-8b --epochs 20 --batch 64 --learning-rate 1e-4
Estimates from counted operations, none of them measured: 17 GB for the weights in bfloat16; at the peak of an NVIDIA
H200, 36 s to play a round of 330 games (6 s where what was read is kept from turn to turn) and 57 s for an epoch over
one round. A real run reaches a part of the peak. With several GPUs, the same after
  torchrun --nproc-per-node GPUS --module multiref_gym.cli"""

Measures = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.epilog, parser.formatter_class = EXAMPLE, argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rounds", type=positive, default=DEFAULT.rounds, help=f"of learning ({DEFAULT.rounds})")
    parser.add_argument("--games", type=positive, default=DEFAULT.games, help=f"of each round ({DEFAULT.games})")
    parser.add_argument("--seed", type=natural, default=DEFAULT.seed, help=f"seeds all chance ({DEFAULT.seed})")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/respect"), metavar="FOLDER", help="of the run (runs/respect)"
    )
    add_deployment(parser, DEFAULT)
    parser.add_argument(
        "--decoder",
        default=DEFAULT.decoder,
        metavar="NAME",
        help=f"{', '.join(DECODERS)} or module:attribute ({DEFAULT.decoder})",
    )
    parser.add_argument(
        "--objective",
        choices=("sup", "rl", "kto"),
        default="sup",
        help="supervised learning on positives (default), REINFORCE or Kahneman-Tversky optimisation",
    )
    parser.add_argument(
        "--credit",
        choices=("reply", "turns"),
        default="reply",
        help="what says how good an action was: the reply to it (default), or all that the game tells (with sup)",
    )
    add_optimisation(parser, DEFAULT.learner.optimisation)
    add_speaker(parser)


def run(args: argparse.Namespace) -> None:
    """Runs what of the run is not done yet, shows its table, and writes results, curves and report.

    Raises:
        UserError: If the run cannot be had as it was asked for; see `Respect`.
    """
    if (args.objective, args.credit) not in LEARNERS:
        raise UserError(f"--credit {args.credit} is learned from by --objective sup, not {args.objective}")
    learner = LEARNERS[args.objective, args.credit]
    transformers_logging.disable_progress_bar()  # it would draw one for each policy that is loaded
    torch.set_num_threads(1)  # the batches are too small to share; and so the outcome depends on no number of cores
    config = Config(
        rounds=args.rounds,
        games=args.games,
        seed=args.seed,
        listener=args.listener,
        decoder=args.decoder,
        speaker=args.speaker,
        tangrams=args.tangrams,
        seed_tangrams=args.seed_tangrams,
        personas=chosen_personas(args),
        learner=replace(learner, optimisation=chosen_optimisation(args, learner.optimisation)),
        split=args.split,
        base=args.base,
    )
    console = Console(highlight=False, quiet=not is_main())
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    respect = Respect(config, args.out, partial(_advance, progress, progress.add_task("")))
    path = args.out / "results.json"
    with respect.store as store:
        # A finished run keeps its results, with the versions and the machine that they were got with.
        finished = known(path, respect.record)
        if finished is None:
            finished = results(respect.record, _watched(respect.rounds(), progress, console))
        if not is_main():
            return
        write_atomically(path, json.dumps(finished, indent=2) + "\n")
        draw_curves(finished, args.out / "curves.png")
        write_report(finished, store, load_tangrams(config.tangrams), args.out / "report.html")
    console.print(_table(finished["rounds"]))
    console.print(f"results.json, curves.png and report.html are in {args.out}", soft_wrap=True)


def _watched(rounds: Iterable[Measures], progress: Progress, console: Console) -> list[Measures]:
    """Returns the measures of all rounds; shows each as it comes, as a table that grows or, in a log, as a line."""
    measures: list[Measures] = []
    with Live(progress, console=console, transient=True) as live:
        for measured in rounds:
            measures.append(measured)
            if console.is_terminal:
                live.update(Group(_table(measures), progress))
            else:
                pairs = zip(COLUMNS, table_row(measured), strict=True)
                console.print(", ".join(f"{column} {text}" for column, text in pairs), soft_wrap=True)
    return measures


def _advance(progress: Progress, task: TaskID, step: str, done: int, total: int) -> None:
    if progress.tasks[0].description != step:
        progress.reset(task, description=step)
    progress.update(task, completed=done, total=total)


def _table(measures: Sequence[Measures]) -> Table:
    table = Table(title="Simulated speakers; in brackets 95 % intervals", box=box.SIMPLE, padding=0)
    rows = [table_row(measured) for measured in measures]
    for column, *texts in zip(COLUMNS, *rows, strict=True):
        # Headings wrap at words, figures never, so the table fits a terminal of 80 columns.
        table.add_column(column, justify="right", width=max(map(len, [*column.split(), *texts])))
    for row in rows:
        table.add_row(*row)
    return table
