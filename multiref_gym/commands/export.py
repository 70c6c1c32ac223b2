"""`multiref export`: interactions of a store, as lines of JSON or as a data set of Minari."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.formats.public_rows import to_interaction_row, to_turn_rows
from multiref_gym.interaction import Interaction, write_records
from multiref_gym.registry import feedback_name
from multiref_gym.store import InteractionStore, StoreError

FORMATS = ("jsonl", "interaction", "turn")
IMAGES = ("tangrams", "board", "none")
OPTIONS = {"out": ("format",), "minari": ("decoder", "ternary", "image", "tangrams")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("--store", required=True, help="the store: a SQLite file, or a database URL")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, help="the file to write, one JSON object a line")
    where.add_argument("--minari", metavar="NAME", help="the Minari data set to make, such as multiref/sup-v0")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="a line of --out is a game as in the human games (jsonl, the default: nothing is lost), or a row of the "
        "public data set",
    )
    parser.add_argument(
        "--decoder",
        help="a Minari data set's feedback: that of this decoder in all rounds that it has decoded (default: none)",
    )
    # None and not False if it is not given, as of the other options: it applies to a Minari data set only.
    parser.add_argument("--ternary", action="store_true", default=None, help="that of the decoder's ternary form")
    parser.add_argument("--image", choices=IMAGES, help="a Minari data set's pictures (tangrams)")
    parser.add_argument("--tangrams", metavar="SET", help="for them: figures (default) or kilogram:PATH")
    parser.add_argument("--system", help="only the games of this system")
    parser.add_argument("--round", type=int, help="only the games of this round")


def run(args: argparse.Namespace) -> None:
    """Writes the interactions.

    Raises:
        StoreError: If there is no such store, none of its interactions is meant, or the decoder decoded none of them.
        UserError: If an option does not apply, Minari is missing, or these games make no data set of that name.
        OSError: If the file cannot be written. One that was there before stays as it was.
    """
    check_applies(args, "out" if args.minari is None else "minari", OPTIONS)
    with InteractionStore(args.store, create=False) as store:
        systems = store.systems() if args.system is None else [args.system]
        games = [(system, game) for system in systems for game in store.interactions(system, args.round)]
        if not games:
            there = ", ".join(f"{system!r} rounds {store.rounds(system)}" for system in store.systems()) or "none"
            raise StoreError(f"{args.store}: no interactions to export; there are: {there}")
        decoder = "" if args.decoder is None else feedback_name(args.decoder, bool(args.ternary))
        feedback = _feedback(store, decoder, games) if decoder else None
    if args.minari is None:
        write_records(args.out, (record for system, game in games for record in _records(game, args.format, system)))
    else:
        from multiref_gym.formats.minari import Games, write_minari  # Minari is an extra

        decoded = Games([game for _, game in games], feedback, decoder)
        image = args.image or "tangrams"
        write_minari(args.minari, decoded, args.tangrams or "figures", None if image == "none" else image)
    Console().print(f"{len(games)} interactions written to {args.out or args.minari}", highlight=False)


def check_applies(args: argparse.Namespace, form: str, options: Mapping[str, Sequence[str]]) -> None:
    """Raises UserError if an option is given that applies to another form only: of each form, its own options."""
    for other, names in options.items():
        for name in names:
            if other != form and getattr(args, name) is not None:
                raise UserError(f"--{name} applies to --{other} only, not to --{form}")


def _feedback(
    store: InteractionStore, decoder: str, games: Sequence[tuple[str, Interaction]]
) -> list[list[Feedback] | None]:
    """Returns the decoder's feedback on each game of a system, or None where it has not decoded the game's round."""
    rounds = dict.fromkeys((system, game.round) for system, game in games)
    decoded = {
        (system, round): iter(store.feedback(decoder, system, round))
        for system, round in rounds
        if store.has_feedback(system, round, decoder)
    }
    if not decoded:
        there = ", ".join(f"round {round} of {system!r}" for system, round in rounds)
        raise StoreError(f"{decoder!r} has not decoded any of what is to be exported: {there}")
    return [next(decoded[system, game.round]) if (system, game.round) in decoded else None for system, game in games]


def _records(game: Interaction, format: str | None, system: str) -> Iterator[dict[str, Any]]:
    if format == "turn":
        yield from to_turn_rows(game, dataset_alias=system)
    elif format == "interaction":
        yield to_interaction_row(game, dataset_alias=system)
    else:
        yield game.to_json()
