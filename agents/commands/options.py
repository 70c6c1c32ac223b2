"""Options that several commands share, and what they ask for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from multiref_gym.agents.listeners.baselines import OracleListener
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError
from multiref_gym.listener import Listener
from multiref_gym.registry import LISTENERS, SPEAKERS, resolve
from multiref_gym.simulators.persona import Persona, read_personas
from multiref_gym.speaker import Speaker
from multiref_gym.tangrams import TangramSet

MODEL_OPTIONS = ("model", "endpoint", "prices")


def add_listener(parser: argparse.ArgumentParser, default: str) -> None:
    """Adds `--listener`."""
    parser.add_argument(
        "--listener", default=default, metavar="NAME", help=f"{', '.join(LISTENERS)} or module:attribute ({default})"
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds `--model` and `--endpoint`."""
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="which policy listens: a checkpoint's folder, of vlm a model's folder or hub id, of api a model's name,"
        " of retrieval a sentence encoder",
    )
    parser.add_argument(
        "--endpoint", metavar="URL", help="of api: speaks the chat-completions protocol (OPENAI_BASE_URL, or OpenAI)"
    )


def add_prices(parser: argparse.ArgumentParser) -> None:
    """Adds `--prices`, for a command that tells what the listener cost."""
    parser.add_argument(
        "--prices", type=float, nargs=2, metavar=("IN", "OUT"), help="of api: of a million tokens, to be told the cost"
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


def chosen_listener(args: argparse.Namespace, tangrams: TangramSet, games: Sequence[Episode]) -> Listener:
    """Makes the listener that `add_listener`, `add_model` and, where it is offered, `add_prices` asked for.

    A listener that has a checkpoint is loaded for these tangrams, an oracle is told of these games, and any other is
    made without arguments.

    Raises:
        UnknownName: If there is no such listener.
        UserError: If it needs a model, or cannot do with what it was given.
    """
    make = resolve("listener", LISTENERS, args.listener)
    is_oracle = isinstance(make, type) and issubclass(make, OracleListener)
    loads = hasattr(make, "load") and not is_oracle
    takes = signature(make.load).parameters if loads else {}
    given = {name: value for name in MODEL_OPTIONS if (value := getattr(args, name, None)) is not None}
    for name in given:
        if name not in takes and not (name == "model" and "path" in takes):
            raise UserError(f"--{name} is not for --listener {args.listener}")
    if is_oracle or not loads:
        listener: Listener = make(games) if is_oracle else make()
        return listener
    if "model" in takes and takes["model"].default is Parameter.empty and "model" not in given:
        raise UserError(f"--listener {args.listener} needs a --model")
    if "path" in takes and "model" in given:
        given["path"] = Path(given.pop("model"))
    from transformers.utils import logging  # here, as no other listener needs the second that it takes

    logging.disable_progress_bar()  # the command has its own
    listener = make.load(tangrams, **given)
    return listener


def told_usage(usage: Mapping[str, Any] | None) -> dict[str, str]:
    """Returns what a listener says of its usage in words, a dash for what is not known; nothing if it says nothing."""
    return {
        name.replace("_", " "): "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
        for name, value in (usage or {}).items()
    }
