"""Speakers by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import signature
from pathlib import Path

from multiref_gym.errors import UserError
from multiref_gym.registry import made, speaker_maker
from multiref_gym.simulators.population import personas_of
from multiref_gym.speaker import Speaker
from multiref_gym.tangrams import TangramSet


def speaker_of(name: str, tangrams: TangramSet, personas: Path | None = None) -> Callable[[], Speaker]:
    """Returns a callable that makes a speaker for each game; see `made` for its errors.

    Args:
        name: A registered name ("scripted", "api:MODEL"), or an entry-point string.
        tangrams: The set of the games' tangrams.
        personas: A named set or a file of personas, for a speaker with habits.

    Raises:
        UnknownName: If there is no such speaker.
        PersonaError: If the file holds no valid personas.
        UserError: If personas are given to a speaker without habits; also as in `speaker_maker`.
    """
    make = speaker_maker(name)
    if personas is not None:
        if "personas" not in signature(make).parameters:
            raise UserError(f"--personas are for speakers with habits, such as scripted, and not for {name}")
        make = partial(make, personas=personas_of(personas))
    return partial(made, "speaker", name, make, tangrams)
