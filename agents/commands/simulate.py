"""Plays games between a simulated speaker and a listener, and writes them as JSON Lines."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress

from multiref_gym.agents.commands.options import (
    add_listener,
    add_model,
    add_prices,
    add_speaker,
    chosen_listener,
    chosen_speaker,
    told_usage,
)
from multiref_gym.agents.play import new_games, play
from multiref_gym.commands.options import add_tangrams, check_writable, chosen_tangrams, natural, positive
from multiref_gym.formats import write_games
from multiref_gym.formats.logged_game import LoggedGame


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument("--games", type=positive, required=True, metavar="N", help="how many")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl", help="where to write them")
    add_listener(parser, default="small")
    add_model(parser)
    add_prices(parser)
    add_speaker(parser)
    add_tangrams(parser, split="train")
    parser.add_argument("--seed", type=natural, default=0, help="seeds all chance (0)")


def run(args: argparse.Namespace) -> None:
    """Plays the games and writes them, all or none, and tells what the listener used, if it says so."""
    check_writable(args.out)
    torch.set_num_threads(1)  # so that a seed gives the same games on any number of cores
    tangrams = chosen_tangrams(args)
    seed = np.random.SeedSequence(args.seed)
    games = new_games(tangrams, range(args.games), chosen_speaker(args, tangrams), seed, name=f"{args.listener}-0")
    listener = chosen_listener(args, tangrams, games)

    console = Console(highlight=False)
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console) as progress:
        task = progress.add_task("games", total=args.games)
        interactions = play(
            listener,
            games,
            policy=args.listener,
            on_turn=lambda over: progress.update(task, completed=over),
        )
    write_games("jsonl", args.out, map(LoggedGame, interactions))
    won = sum(interaction.success for interaction in interactions)
    turns = sum(len(interaction.turns) for interaction in interactions)
    console.print(f"{won / args.games:.1%} won, {turns / args.games:.1f} turns a game, in {args.out}")
    if usage := told_usage(getattr(listener, "usage", None)):
        told = ", ".join(f"{name}: {value}" for name, value in usage.items())
        console.print(told, markup=False, soft_wrap=True)
