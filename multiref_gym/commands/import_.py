"""`multiref import`: interactions from lines of JSON or a data set of Minari, into a store."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from multiref_gym.commands.export import FORMATS, check_applies
from multiref_gym.feedback import Feedback
from multiref_gym.formats.public_rows import from_interaction_row, from_turn_rows
from multiref_gym.interaction import Interaction, MalformedInteraction, read_records
from multiref_gym.store import InteractionStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("--store", required=True, help="the store, made if there is none: a file, or a database URL")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--games", type=Path, help="the file to read, one JSON object a line")
    where.add_argument("--minari", metavar="NAME", help="the Minari data set to read, which export made")
    parser.add_argument("--system", required=True, help="the system that played these games")
    parser.add_argument("--round", type=int, help="the round to put them into (default: the one that each names)")
    parser.add_argument("--format", choices=FORMATS, help="what the lines of --games are, as in export (as they look)")


def run(args: argparse.Namespace) -> None:
    """Adds all interactions of the file or data set, and its feedback on whole rounds, or nothing.

    Raises:
        MalformedInteraction: If a line is no interaction; the message has its number.
        StoreError: If the system has played one of the rounds already, or a game is there already.
        UserError: If an option does not apply, Minari is missing, or it has no such data set with games of the usual
            number of tangrams.
        OSError: If the file cannot be read.
    """
    check_applies(args, "games" if args.minari is None else "minari", {"games": ("format",)})
    feedback, decoder = None, ""
    if args.minari is None:
        games = read_games(args.games, args.format)
    else:
        from multiref_gym.formats.minari import read_minari  # Minari is an extra

        found = read_minari(args.minari)
        games, feedback, decoder = found.interactions, found.feedback, found.decoder
    if args.round is not None:
        games = [replace(game, round=args.round) for game in games]
    decoded = {} if feedback is None else _decoded_rounds(games, feedback)
    # Only now is the store opened: a bad file leaves no empty one behind.
    with InteractionStore(args.store) as store:
        store.add(games, args.system, decoded, decoder)
    told = f"{len(games)} interactions of {args.system!r} added, rounds {_listed({game.round for game in games})}"
    if feedback is not None:
        told += f"; feedback of {decoder!r} on rounds {_listed(decoded)}"
    Console().print(told, highlight=False)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers))) or "none"


def _decoded_rounds(
    games: Sequence[Interaction], feedback: Sequence[list[Feedback] | None]
) -> dict[int, list[list[Feedback]]]:
    """Returns the feedback of the rounds of which every game was decoded, since a store has none on part of a round."""
    rounds: dict[int, list[list[Feedback] | None]] = defaultdict(list)
    for game, values in zip(games, feedback, strict=True):
        rounds[game.round].append(values)
    return {
        number: [values for values in decoded if values is not None]
        for number, decoded in rounds.items()
        if None not in decoded
    }


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
