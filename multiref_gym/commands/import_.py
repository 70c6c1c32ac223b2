"""`multiref import`: interactions from lines of JSON, into a store."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from multiref_gym.commands.export import FORMATS
from multiref_gym.interaction import Interaction, MalformedInteraction, read_records
from multiref_gym.public_data import from_interaction_row, from_turn_rows
from multiref_gym.store import InteractionStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("--store", required=True, help="the store, made if there is none: a file, or a database URL")
    parser.add_argument("--games", required=True, type=Path, help="the file to read, one JSON object a line")
    parser.add_argument("--system", required=True, help="the system that played these games")
    parser.add_argument("--round", type=int, help="the round to put them into (default: the one that each names)")
    parser.add_argument("--format", choices=FORMATS, help="what the lines are, as in export (default: as they look)")


def run(args: argparse.Namespace) -> None:
    """Adds all interactions of the file, or none.

    Raises:
        MalformedInteraction: If a line is no interaction; the message has its number.
        StoreError: If the system has played one of the rounds already, or a game is there already.
        OSError: If the file cannot be read.
    """
    games = read_games(args.games, args.format)
    if args.round is not None:
        games = [replace(game, round=args.round) for game in games]
    # Only now is the store opened: a bad file leaves no empty one behind.
    with InteractionStore(args.store) as store:
        store.add(games, args.system)
    rounds = ", ".join(map(str, sorted({game.round for game in games})))
    Console().print(f"{len(games)} interactions of {args.system!r} added, rounds {rounds}", highlight=False)


def read_games(path: Path, format: str | None = None) -> list[Interaction]:
    """Returns the interactions of a file that `export` can write, of a format or of that which its first line shows.

    Raises:
        MalformedInteraction: If the file is empty or a line is no interaction.
    """
    records = list(read_records(path))
    if not records:
        raise MalformedInteraction(f"{path}: empty, so no interactions")
    format = format or _format(records[0])
    if format == "turn":
        try:
            return from_turn_rows(records)
        except MalformedInteraction as error:
            raise MalformedInteraction(f"{path}, {error}") from error
    read = from_interaction_row if format == "interaction" else Interaction.from_json
    games = []
    for number, record in enumerate(records, start=1):
        try:
            games.append(read(record))
        except MalformedInteraction as error:
            raise MalformedInteraction(f"{path}, line {number}: {error}") from error
    return games


def _format(record: Any) -> str:
    """Returns the format whose own column a record has."""
    if isinstance(record, dict) and "dataset_alias" in record:
        return "turn" if "chats" in record else "interaction"
    return "jsonl"
