"""Listeners by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter, signature
from os import PathLike, fspath
from pathlib import Path
from typing import Any, cast

from multiref_gym.agents.learning.learn import TrainableListener
from multiref_gym.agents.listeners.baselines import OracleListener
from multiref_gym.digests import check_digests
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError
from multiref_gym.listener import Listener
from multiref_gym.registry import LISTENERS, made, resolve
from multiref_gym.tangrams import TangramSet


def new_listener(name: str, tangrams: TangramSet, games: Sequence[Episode] | None = None, **given: Any) -> Listener:
    """Makes a listener.

    A listener with a function `load` is loaded for these tangrams, an oracle gets the games, and any other is made
    without arguments.

    Args:
        name: A registered name ("small"), or an entry-point string.
        tangrams: The set of the games' tangrams.
        games: The games to be played, for listeners that ask the speakers.
        given: Arguments of `load`: `model` (its `path`, if it has one), `endpoint`, `shown`, `prices`; None is left
            out.

    Raises:
        UnknownName: If there is no such listener.
        UserError: If it needs a model, cannot use an argument, an argument is invalid or damaged, or it is an oracle
            without games; also as in `made`.
    """
    make = resolve("listener", LISTENERS, name)
    is_oracle = isinstance(make, type) and issubclass(make, OracleListener)
    if is_oracle and games is None:
        raise UserError(f"--listener {name} asks the speaker for the wanted action, and there is no speaker")
    loads = hasattr(make, "load") and not is_oracle
    takes = signature(make.load).parameters if loads else {}
    given = {option: value for option, value in given.items() if value is not None}
    if "model" in given:
        given["model"] = fspath(given["model"])
    for option in given:
        if option not in takes and not (option == "model" and "path" in takes):
            raise UserError(f"--{option} does not work with --listener {name}")
    if not loads:
        return made("listener", name, make, *([games] if is_oracle else []))  # type: ignore[no-any-return]
    if "model" in takes and takes["model"].default is Parameter.empty and "model" not in given:
        raise UserError(f"--listener {name} needs a --model")
    if "path" in takes and "model" in given:
        given["path"] = Path(given.pop("model"))
        check_digests(given["path"])
    return made("listener", name, make.load, tangrams, **given)  # type: ignore[no-any-return]


Model = str | PathLike[str] | None
"""The source of a listener: a folder, an id on the hub, or None for its base."""
Load = Callable[[Model], TrainableListener]
"""Loads a listener that can learn."""


def new_trainable(name: str, tangrams: TangramSet) -> Load:
    """Returns a callable that loads a trainable listener from a checkpoint or, if None, its base; see `new_listener`.

    Raises:
        UserError: If it has no weights.
    """
    make = resolve("listener", LISTENERS, name)
    if not all(hasattr(make, method) for method in ("load", "save", "score")):
        raise UserError(f"listener {name!r} cannot learn: it has no weights to load, score and save")
    return cast(Load, lambda model: new_listener(name, tangrams, model=model))
