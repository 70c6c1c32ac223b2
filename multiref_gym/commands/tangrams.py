"""Draws a contact sheet of a set of tangrams."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from multiref_gym.commands.options import add_tangrams, check_writable, chosen_tangrams
from multiref_gym.tangrams import contact_sheet


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    add_tangrams(parser, split="all")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.png", help="where to draw them")


def run(args: argparse.Namespace) -> None:
    """Draws the tangrams."""
    check_writable(args.out)
    tangrams = chosen_tangrams(args)
    contact_sheet(tangrams).save(args.out, format="PNG")
    Console().print(f"{len(tangrams)} tangrams of {tangrams.name} in {args.out}", highlight=False)
