"""Draws a contact sheet of a set of tangrams."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from multiref_gym.commands.options import add_tangrams, check_writable, chosen_tangrams, natural, positive
from multiref_gym.tangrams import contact_sheet

WIDTH, SMALLEST = 960, 24
"""The width of a sheet that shows a sample, and the least side of a silhouette on it, in pixels."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    add_tangrams(parser, split="all")
    parser.add_argument(
        "--sample", type=positive, metavar="N", help="only so many of each family, drawn at random, in a row"
    )
    parser.add_argument("--seed", type=natural, default=0, help="of the sample (0)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="where to draw them")


def run(args: argparse.Namespace) -> None:
    """Draws the tangrams."""
    check_writable(args.out)
    tangrams = chosen_tangrams(args)
    if args.sample:
        sheet = contact_sheet(tangrams, args.sample, max(SMALLEST, WIDTH // args.sample), args.sample, args.seed)
    else:
        sheet = contact_sheet(tangrams)
    sheet.save(args.out, format="PNG", optimize=True)
    Console().print(f"{tangrams.name}, {len(tangrams)} tangrams, in {args.out}", highlight=False)
