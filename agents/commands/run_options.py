"""Options of the commands that run RESPECT: what is deployed, and how a round is learned."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import get_args

from multiref_gym.agents.commands.options import add_listener
from multiref_gym.agents.learning.learn import Optimisation
from multiref_gym.agents.learning.respect import Config
from multiref_gym.commands.options import positive, positive_number
from multiref_gym.tangrams.tangram_set import SplitName


def add_deployment(parser: argparse.ArgumentParser, default: Config) -> None:
    """Adds what a run of RESPECT deploys, and on what: listener, base, tangrams."""
    add_listener(parser, default=default.listener)
    parser.add_argument(
        "--base",
        "--model",
        metavar="MODEL",
        help="what every round starts from: a checkpoint's folder, of vlm a model's folder or hub id (small: ships)",
    )
    parser.add_argument(
        "--tangrams",
        default=default.tangrams,
        metavar="SET",
        help="figures (default), kilogram:PATH, or a part of what people said: kilogram-known:PATH, kilogram-new:PATH",
    )
    parser.add_argument(
        "--seed-tangrams", metavar="SET", help="what the seed's speakers describe them by, if not the same: a part"
    )
    parser.add_argument(
        "--split",
        choices=get_args(SplitName),
        default=default.split,
        help=f"the part of the tangrams that is deployed ({default.split})",
    )


def add_optimisation(parser: argparse.ArgumentParser, default: Optimisation) -> None:
    """Adds `--epochs`, `--batch` and `--learning-rate`."""
    parser.add_argument("--epochs", type=positive, default=default.epochs, help=f"over the examples ({default.epochs})")
    parser.add_argument("--batch", type=positive, default=default.batch, help=f"examples a step ({default.batch})")
    parser.add_argument(
        "--learning-rate",
        type=positive_number,
        default=default.learning_rate,
        metavar="RATE",
        help=f"at its peak ({default.learning_rate:g}, for the small listener)",
    )


def chosen_optimisation(args: argparse.Namespace, default: Optimisation) -> Optimisation:
    """Returns how the loss is minimised, as `add_optimisation` asked for it; the rest is as it was."""
    return replace(default, epochs=args.epochs, batch=args.batch, learning_rate=args.learning_rate)
