"""Trains a listener by PPO on a speaker in plain words, from true or decoded reward, and saves it as a policy."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn
from transformers.utils import logging as transformers_logging

from multiref_gym.agents.listeners.ppo.games import REWARDS, rewarded_game
from multiref_gym.agents.listeners.ppo.listener import VOCABULARY, WEIGHTS
from multiref_gym.agents.listeners.ppo.training import ROLLOUT, Evaluation, literal_success, train
from multiref_gym.commands.options import natural, positive
from multiref_gym.errors import UserError
from multiref_gym.files import write_atomically
from multiref_gym.provenance import provenance
from multiref_gym.registry import DECODERS, feedback_name
from multiref_gym.tangrams import load_tangrams

STEPS = 300_000
EVERY = 10 * ROLLOUT
GAMES = 200
"""Of an evaluation on the way."""
FINAL_GAMES = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the command's options."""
    parser.add_argument(
        "--reward",
        choices=REWARDS,
        default="true",
        help="success (true, default), decoded feedback on each action (implicit), or progress towards the targets",
    )
    parser.add_argument(
        "--decoder", metavar="NAME", help=f"of --reward implicit: {', '.join(DECODERS)} or module:attribute (lexical)"
    )
    parser.add_argument("--ternary", action="store_true", help="the decoder also answers neutral")
    parser.add_argument("--steps", type=positive, default=STEPS, help=f"of the environment ({STEPS})")
    parser.add_argument("--seed", type=natural, default=0, help="seeds all chance (0)")
    parser.add_argument("--out", type=Path, default=Path("runs/ppo"), metavar="FOLDER", help="of the policy (runs/ppo)")


def run(args: argparse.Namespace) -> None:
    """Trains, shows the success on the way, and writes policy, logs and results.

    Raises:
        UserError: If a decoder is named for a reward that is not decoded, there is no such decoder, the folder holds a
            policy already, or there is no writing there.
    """
    for name in ("decoder", "ternary"):
        if getattr(args, name) and args.reward != "implicit":
            raise UserError(f"--{name} is for --reward implicit, not for {args.reward}")
    if any((args.out / name).exists() for name in (WEIGHTS, VOCABULARY)):
        raise UserError(f"{args.out} holds a policy already: choose another --out")
    decoder = args.decoder or "lexical"
    make_game = partial(rewarded_game, args.reward, decoder, args.ternary)
    make_game()  # better refused now than after the words have been heard
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {args.out}: {error.strerror}") from error
    transformers_logging.disable_progress_bar()  # the command has its own
    torch.set_num_threads(1)  # so that a seed gives the same policy on any number of cores
    console = Console(highlight=False)
    formats = ["csv", "tensorboard"] if find_spec("tensorboard") else ["csv"]
    if "tensorboard" not in formats:
        note = "logs in progress.csv only: for TensorBoard run `pip install multiref-gym[tensorboard]`"
        console.print(note, markup=False, soft_wrap=True)

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("steps", total=args.steps)

        def show(evaluation: Evaluation) -> None:
            progress.update(task, completed=evaluation.steps)
            console.print(f"{evaluation.steps:9,} steps: {evaluation.success.mean:.1%} of {GAMES} games won")

        listener, evaluations = train(
            make_game,
            args.steps,
            args.seed,
            games=GAMES,
            every=EVERY,
            out=args.out,
            formats=formats,
            on_evaluation=show,
        )
    config = {
        "reward": args.reward,
        "decoder": feedback_name(decoder, args.ternary) if args.reward == "implicit" else None,
        "steps": args.steps,
        "seed": args.seed,
    }
    listener.save(args.out, config)  # now: the games that follow take a while
    tangrams = load_tangrams("figures")
    fixed = np.random.SeedSequence(args.seed, spawn_key=(len("final"),))
    final = {
        split: asdict(literal_success(listener, tangrams, split, FINAL_GAMES, fixed)) for split in ("train", "test")
    }
    results = {"config": config, "success": final, "evaluations": list(map(asdict, evaluations)), **provenance()}
    write_atomically(args.out / "results.json", json.dumps(results, indent=2) + "\n")
    seen, unseen = (f"{final[split]['mean']:.1%}" for split in ("train", "test"))
    console.print(
        f"{seen} of {FINAL_GAMES} games won, on unseen figures {unseen}; policy, logs and results are in {args.out}",
        markup=False,
        soft_wrap=True,
    )
