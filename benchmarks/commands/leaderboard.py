"""Collects results of `multiref benchmark` into one table of listeners."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from multiref_gym.benchmarks.leaderboard import collect, draw, sheet, write
from multiref_gym.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("results", nargs="+", type=Path, metavar="FOLDER", help="an --out of multiref benchmark")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="of leaderboard.md, leaderboard.json, leaderboard.png"
    )
    parser.add_argument("--skip-bad", action="store_true", help="leave out results that do not fit, and say how many")


def run(args: argparse.Namespace) -> None:
    """Prints the table and writes it.

    Raises:
        UserError: If a folder has no results, or those of other games or another decoder than the first.
    """
    board, bad = collect(args.results, args.skip_bad)
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {args.out}: {error.strerror}") from error
    write(board, args.out)
    draw(board, args.out / "leaderboard.png")
    console = Console(highlight=False)
    console.print(sheet(board).printed())
    if bad:
        console.print(f"{len(bad)} bad results skipped; the first: {bad[0]}", markup=False, soft_wrap=True)
    console.print(
        f"leaderboard.md, leaderboard.json and leaderboard.png are in {args.out}", markup=False, soft_wrap=True
    )
