"""`multiref export`: interactions of a store, as lines of JSON."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from multiref_gym.interaction import Interaction, write_records
from multiref_gym.public_data import to_interaction_row, to_turn_rows
from multiref_gym.store import InteractionStore, StoreError

FORMATS = ("jsonl", "interaction", "turn")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("--store", required=True, help="the store: a SQLite file, or a database URL")
    parser.add_argument("--out", required=True, type=Path, help="the file to write, one JSON object a line")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="jsonl",
        help="a game a line as in the human games (jsonl, nothing is lost), or rows of the public data set",
    )
    parser.add_argument("--system", help="only the games of this system")
    parser.add_argument("--round", type=int, help="only the games of this round")


def run(args: argparse.Namespace) -> None:
    """Writes the interactions.

    Raises:
        StoreError: If there is no such store, or none of its interactions is meant.
        OSError: If the file cannot be written. One that was there before stays as it was.
    """
    with InteractionStore(args.store, create=False) as store:
        systems = store.systems() if args.system is None else [args.system]
        games = [(system, game) for system in systems for game in store.interactions(system, args.round)]
        if not games:
            there = ", ".join(f"{system!r} rounds {store.rounds(system)}" for system in store.systems()) or "none"
            raise StoreError(f"{args.store}: no interactions to export; there are: {there}")
    write_records(args.out, (record for system, game in games for record in _records(game, args.format, system)))
    Console().print(f"{len(games)} interactions written to {args.out}", highlight=False)


def _records(game: Interaction, format: str, system: str) -> Iterator[dict[str, Any]]:
    if format == "turn":
        yield from to_turn_rows(game, dataset_alias=system)
    elif format == "interaction":
        yield to_interaction_row(game, dataset_alias=system)
    else:
        yield game.to_json()
