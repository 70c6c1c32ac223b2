"""Options that several commands share."""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path
from typing import get_args

from multiref_gym.errors import UserError
from multiref_gym.tangrams import TangramSet, load_tangrams
from multiref_gym.tangrams.tangram_set import SplitName


def positive(text: str) -> int:
    """Reads a whole number of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def positive_number(text: str) -> float:
    """Reads a number above 0."""
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no number above 0")
    return number


def natural(text: str) -> int:
    """Reads a whole number of at least 0, such as a seed."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return number


def check_writable(path: Path) -> None:
    """Raises UserError if no file can be written here: better before an hour of games than after it."""
    if path.is_dir():
        raise UserError(f"cannot write to {path}: it is a folder")
    if not path.parent.is_dir():
        raise UserError(f"cannot write to {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UserError(f"cannot write to {path}: permission denied")


def add_tangrams(parser: argparse.ArgumentParser, split: SplitName) -> None:
    """Adds `--tangrams` and `--split` with this default."""
    parser.add_argument("--tangrams", default="figures", metavar="SET", help="figures (default) or kilogram:PATH")
    parser.add_argument("--split", choices=get_args(SplitName), default=split, help=f"which of them ({split})")


def chosen_tangrams(args: argparse.Namespace) -> TangramSet:
    """Loads what `add_tangrams` asked for.

    Raises:
        TangramError: If there are no such tangrams.
    """
    return load_tangrams(args.tangrams).split(args.split)
