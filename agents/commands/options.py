"""Options that several commands share, and what they ask for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from agents.baselines import OracleListener
from agents.listener import Listener
from agents.play import Table
from multiref_gym.errors import UserError
from multiref_gym.registry import LISTENERS, SPEAKERS, resolve
from multiref_gym.tangrams import TangramSet
from multiref_gym.tangrams.tangram_set import SplitName
from simulators.persona import Persona, read_personas
from simulators.speaker import Speaker

if TYPE_CHECKING:  # it brings torch, and not every command needs the second that this takes
    from agents.respect import Config


def add_listener(parser: argparse.ArgumentParser, default: str) -> None:
    """Adds `--listener`."""
    parser.add_argument(
        "--listener", default=default, metavar="NAME", help=f"{', '.join(LISTENERS)} or module:attribute ({default})"
    )


def add_deployment(parser: argparse.ArgumentParser, default: Config) -> None:
    """Adds what a run of RESPECT deploys, and on what: listener, base, tangrams."""
    add_listener(parser, default=default.listener)
    parser.add_argument("--base", metavar="FOLDER", help="checkpoint that every round starts from (the one that ships)")
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


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds `--model`, `--endpoint` and `--prices`, which go to listeners that load a model of any name."""
    parser.add_argument("--model", metavar="NAME", help="for --listener api: what the endpoint calls the model")
    parser.add_argument(
        "--endpoint", metavar="URL", help="speaks the chat-completions protocol (OPENAI_BASE_URL, or OpenAI)"
    )
    parser.add_argument(
        "--prices", type=float, nargs=2, metavar=("IN", "OUT"), help="of a million tokens, to be told the cost"
    )


def add_speaker(parser: argparse.ArgumentParser) -> None:
    """Adds `--speaker` and `--personas`."""
    parser.add_argument(
        "--speaker", default="scripted", metavar="NAME", help=f"{', '.join(SPEAKERS)} (default) or module:attribute"
    )
    parser.add_argument(
        "--personas", type=Path, metavar="FILE.toml", help="who the scripted speakers are (48 of the package's own)"
    )


def chosen_personas(args: argparse.Namespace) -> tuple[Persona, ...] | None:
    """Reads the personas that `add_speaker` asked for, if it asked for any.

    Raises:
        PersonaError: If the file makes no personas.
        UserError: If they are for a speaker that has none.
    """
    if args.personas is None:
        return None
    if args.speaker != "scripted":
        raise UserError(f"--personas are for the scripted speaker, not for {args.speaker}")
    return read_personas(args.personas)


def chosen_speaker(args: argparse.Namespace, tangrams: TangramSet) -> Callable[[], Speaker]:
    """Returns what makes a speaker as `add_speaker` asked for.

    Raises:
        UnknownName: If there is no such speaker.
        UserError: As `chosen_personas`.
    """
    make, personas = resolve("speaker", SPEAKERS, args.speaker), chosen_personas(args)
    return partial(make, tangrams) if personas is None else partial(make, tangrams, personas=personas)


def chosen_listener(args: argparse.Namespace, tangrams: TangramSet, tables: Sequence[Table]) -> Listener:
    """Makes the listener that `add_listener` asked for.

    A listener that has a checkpoint is loaded for these tangrams, an oracle sits down at the tables, and any other
    is made without arguments.

    Raises:
        UnknownName: If there is no such listener.
        UserError: If it needs a model, or cannot do with what `add_model` was given.
    """
    make = resolve("listener", LISTENERS, args.listener)
    if isinstance(make, type) and issubclass(make, OracleListener):
        return make(tables)
    if not hasattr(make, "load"):
        listener: Listener = make()
        return listener
    from transformers.utils import logging  # here, as no other listener needs the second that it takes

    logging.disable_progress_bar()  # the command has its own
    given = {name: getattr(args, name, None) for name in ("model", "endpoint", "prices")}
    takes = signature(make.load).parameters
    for name, value in given.items():
        if value is not None and name not in takes:
            raise UserError(f"--{name} is not for --listener {args.listener}")
    if "model" in takes and given["model"] is None:
        raise UserError(f"--listener {args.listener} needs a --model")
    listener = make.load(tangrams, **{name: value for name, value in given.items() if value is not None})
    return listener
