"""Replays logged games turn by turn, and measures what a listener would have done in them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table

from multiref_gym.agents.commands.options import add_listener, add_model, add_prices, chosen_listener, told_usage
from multiref_gym.agents.evaluation.offline import FIGURES, ask, logged_turns, measure, told
from multiref_gym.agents.listeners.baselines import OracleListener
from multiref_gym.commands.options import natural, positive
from multiref_gym.errors import UserError
from multiref_gym.files import write_atomically
from multiref_gym.formats.logged_games import drawn_tangrams, fingerprint, read_games
from multiref_gym.listener import Listener
from multiref_gym.provenance import provenance
from multiref_gym.registry import DECODERS, LISTENERS, resolve
from multiref_gym.tangrams import TangramSet

LOGGED = "logged"
"""In place of a decoder: the labels that the games have."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument(
        "--games",
        required=True,
        metavar="FILE",
        help="games or `turn` rows: JSON Lines, JSON, Parquet, or the id of a data set of the Hugging Face hub",
    )
    add_listener(parser, default="small")
    add_model(parser)
    add_prices(parser)
    parser.add_argument(
        "--tangrams", default="figures", metavar="SET", help="figures (default) or kilogram:PATH, all that are drawn"
    )
    parser.add_argument(
        "--decoder",
        default="lexical",
        metavar="NAME",
        help=f"what rewards: {', '.join(DECODERS)} or module:attribute (lexical), or {LOGGED}, the games' own labels",
    )
    parser.add_argument("--batch", type=positive, default=32, metavar="N", help="turns at once (32)")
    parser.add_argument("--seed", type=natural, default=0, help="seeds all chance (0)")
    parser.add_argument("--skip-bad", action="store_true", help="leave out bad games, and say how many")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where results.json is written (not kept)")


def run(args: argparse.Namespace) -> None:
    """Measures the listener, prints the figures and, if they are to be kept, writes them.

    Raises:
        UserError: If a game is bad, the listener or the decoder cannot be had or cannot listen to logged games, or
            the folder has results of another configuration.
    """
    torch.set_num_threads(1)  # so that a seed gives the same figures on any number of cores
    console = Console(highlight=False)
    tangrams = drawn_tangrams(args.tangrams)
    decoder = None if args.decoder == LOGGED else resolve("decoder", DECODERS, args.decoder)()
    games, bad = read_games(args.games, tangrams, args.skip_bad)
    config = {
        "games": fingerprint(games),
        "listener": args.listener,
        "model": args.model,
        "endpoint": args.endpoint,
        "tangrams": args.tangrams,
        "decoder": args.decoder,
        "batch": args.batch,
        "seed": args.seed,
    }
    if args.out:
        _check_folder(args.out / "results.json", config)
    turns = logged_turns(games, decoder)
    listener = _chosen_listener(args, tangrams)
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console, transient=True) as progress:
        task = progress.add_task("turns", total=len(turns))
        answers = ask(listener, turns, args.seed, args.batch, lambda done: progress.update(task, completed=done))
    results = {"config": config, "file": args.games, **measure(turns, answers), "skipped": len(bad), **provenance()}
    results["usage"] = getattr(listener, "usage", None)
    _show(results, console)
    if bad:
        console.print(f"{len(bad)} bad games skipped; the first: {bad[0]}", markup=False, soft_wrap=True)
    if args.out:
        write_atomically(args.out / "results.json", json.dumps(results, indent=2, allow_nan=False) + "\n")
        console.print(f"results.json is in {args.out}", markup=False, soft_wrap=True)


def _chosen_listener(args: argparse.Namespace, tangrams: TangramSet) -> Listener:
    make = resolve("listener", LISTENERS, args.listener)
    if isinstance(make, type) and issubclass(make, OracleListener):
        raise UserError(
            f"--listener {args.listener} asks the speaker what was meant, and there is none to ask in logged games"
        )
    return chosen_listener(args, tangrams, [])


def _check_folder(path: Path, config: dict[str, Any]) -> None:
    """Makes the folder of the results, or checks that those there are of this configuration: they are replaced.

    Raises:
        UserError: If they are not, with the first field that differs; if they are no results; or if there is no
            writing there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            return
        earlier = json.loads(path.read_text(encoding="utf-8"))["config"]
        changed = [field for field in config if earlier.get(field) != config[field]]
    except OSError as error:
        raise UserError(f"cannot write to {path.parent}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} holds no results of `multiref benchmark`: choose another --out") from error
    if changed:
        field = changed[0]
        raise UserError(
            f"{path}, field 'config.{field}': results of another configuration, {earlier.get(field)!r} and not "
            f"{config[field]!r}: choose another --out"
        )


def _show(results: dict[str, Any], console: Console) -> None:
    config, counts = results["config"], results["counts"]
    name = config["listener"] if config["model"] is None else f"{config['listener']}, {config['model']}"
    notes = [
        f"decoder {config['decoder']}: {counts['rewarded']} actions rewarded, {counts['corrected']} corrected",
        f"{counts['turns'] - counts['replies']} turns without feedback",
    ]
    if counts["without_clicks"]:
        notes.append(f"{counts['without_clicks']} actions without clicks, not scored")
    if counts["impossible"]:
        notes.append(f"{counts['impossible']} actions impossible for this listener, so no mean log-probability")
    table = Table(
        "",
        "",
        "95 % interval",
        "logged actions",
        title=escape(f"{name} on {counts['turns']} turns of {counts['games']} games"),
        caption=escape("; ".join(notes)),
        box=box.SIMPLE,
    )
    for key, heading in FIGURES.items():
        table.add_row(heading, *told(key, results["figures"][key]), told(key, results["logged"].get(key))[0].strip("–"))
    table.add_row(f"ms a turn, in batches of {config['batch']}", f"{results['milliseconds']:.2f}")
    for name, value in told_usage(results["usage"]).items():
        table.add_row(name, escape(value))
    console.print(table)
