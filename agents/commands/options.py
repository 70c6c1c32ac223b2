"""Options that several commands share, and what they ask for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from multiref_gym.agents.listeners.named import new_listener
from multiref_gym.episode import Episode
from multiref_gym.listener import Listener
from multiref_gym.registry import DECODERS, LISTENERS, SPEAKERS
from multiref_gym.simulators.named import speaker_of
from multiref_gym.speaker import Speaker
from multiref_gym.tangrams import TangramSet


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


def add_decoder(parser: argparse.ArgumentParser) -> None:
    """Adds `--decoder` and `--ternary`."""
    parser.add_argument(
        "--decoder", default="lexical", metavar="NAME", help=f"{', '.join(DECODERS)} or module:attribute (lexical)"
    )
    parser.add_argument("--ternary", action="store_true", help="the decoder also answers neutral")


def add_speaker(parser: argparse.ArgumentParser) -> None:
    """Adds `--speaker` and `--personas`."""
    parser.add_argument(
        "--speaker", default="scripted", metavar="NAME", help=f"{', '.join(SPEAKERS)} (default) or module:attribute"
    )
    parser.add_argument(
        "--personas", type=Path, metavar="FILE.toml", help="who the scripted speakers are (48 of the package's own)"
    )


def chosen_speaker(args: argparse.Namespace, tangrams: TangramSet) -> Callable[[], Speaker]:
    """Returns what makes a speaker as `add_speaker` asked for; see `speaker_of` for the errors."""
    return speaker_of(args.speaker, tangrams, args.personas)


def chosen_listener(args: argparse.Namespace, tangrams: TangramSet, games: Sequence[Episode] | None) -> Listener:
    """Makes the listener that `add_listener`, `add_model` and, where it is offered, `add_prices` asked for.

    See `new_listener` for the arguments and the errors.
    """
    given = {name: getattr(args, name, None) for name in ("model", "endpoint", "prices")}
    return new_listener(args.listener, tangrams, games, **given)


def told_usage(usage: Mapping[str, Any] | None) -> dict[str, str]:
    """Returns what a listener says of its usage in words, a dash for what is not known; nothing if it says nothing."""
    return {
        name.replace("_", " "): "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
        for name, value in (usage or {}).items()
    }
