"""`multiref import`: interactions from lines of JSON or a data set of Minari, into a store."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rich.console import Console

from multiref_gym.commands.export import check_applies
from multiref_gym.feedback import Feedback
from multiref_gym.formats import FORMATS, read_games
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.store import InteractionStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("--store", required=True, help="the store, made if there is none: a file, or a database URL")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--games", help="the file to read: JSON Lines, JSON, Parquet; or what the format reads else")
    where.add_argument("--minari", metavar="NAME", help="the Minari data set to read, which export made")
    parser.add_argument("--system", required=True, help="the system that played these games")
    parser.add_argument("--round", type=int, help="the round to put them into (default: the one that each names)")
    parser.add_argument(
        "--format",
        metavar="NAME",
        help=f"what is in --games, as in export: {', '.join(FORMATS)} or module:attribute (as it looks)",
    )


def run(args: argparse.Namespace) -> None:
    """Adds all interactions of the file or data set, and its feedback on whole rounds, or nothing.

    Raises:
        BadGame: If a line is no game; the message has its number.
        StoreError: If the system has played one of the rounds already, or a game is there already.
        UserError: If an option does not apply, Minari is missing, or it has no such data set.
        OSError: If the file cannot be read.
    """
    if args.games and args.format == "minari":
        args.minari, args.games, args.format = args.games, None, None
    check_applies(args, "games" if args.minari is None else "minari", {"games": ("format",)})
    decoder = ""
    if args.minari is not None:
        from multiref_gym.formats.minari import decoder_of  # Minari is an extra

        decoder = decoder_of(args.minari)
    games, _ = read_games(args.minari or args.games, "minari" if args.minari else args.format)
    if args.round is not None:
        games = [replace(game, interaction=replace(game.interaction, round=args.round)) for game in games]
    decoded = _decoded_rounds(games) if decoder else {}
    # Only now is the store opened: a bad file leaves no empty one behind.
    with InteractionStore(args.store) as store:
        store.add([game.interaction for game in games], args.system, decoded, decoder)
    rounds = _listed({game.interaction.round for game in games})
    told = f"{len(games)} interactions of {args.system!r} added, rounds {rounds}"
    if decoder:
        told += f"; feedback of {decoder!r} on rounds {_listed(decoded)}"
    Console().print(told, highlight=False)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers))) or "none"


def _decoded_rounds(games: Sequence[LoggedGame]) -> dict[int, list[list[Feedback]]]:
    """Returns the feedback of the rounds of which every game was decoded, since a store has none on part of a round."""
    rounds: dict[int, list[list[Feedback]]] = defaultdict(list)
    undecoded = set()
    for game in games:
        values = [label for label in game.labels[:-1] if label is not None]
        rounds[game.interaction.round].append(values)
        if len(values) < len(game.labels) - 1:
            undecoded.add(game.interaction.round)
    return {number: values for number, values in rounds.items() if number not in undecoded}
