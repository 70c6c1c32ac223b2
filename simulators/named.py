"""Speakers by their names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from multiref_gym.errors import UserError
from multiref_gym.registry import SPEAKERS, made, resolve
from multiref_gym.simulators.population import personas_of
from multiref_gym.speaker import Speaker
from multiref_gym.tangrams import TangramSet


def speaker_of(name: str, tangrams: TangramSet, personas: Path | None = None) -> Callable[[], Speaker]:
    """Returns what makes a speaker, one for each game; see `made` for its errors.

    Args:
        name: A registered name ("scripted"), or an entry-point string.
        tangrams: Where the games' tangrams come from.
        personas: A file of personas, which only the scripted speaker can be given.

    Raises:
        UnknownName: If there is no such speaker.
        PersonaError: If the file makes no personas.
        UserError: If personas are given to another speaker.
    """
    make = partial(made, "speaker", name, resolve("speaker", SPEAKERS, name), tangrams)
    if personas is None:
        return make
    if name != "scripted":
        raise UserError(f"--personas are for the scripted speaker, not for {name}")
    return partial(make, personas=personas_of(personas))
