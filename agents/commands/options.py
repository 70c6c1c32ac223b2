"""Groups of options that several commands inherit, and what they ask for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter
from cyclopts.validators import LimitedChoice

from multiref_gym.agents.listeners.named import new_listener
from multiref_gym.agents.workers import ThisProcess, Workers
from multiref_gym.agents.workers.folder import carried
from multiref_gym.checking import read_json
from multiref_gym.commands.export import check_applies
from multiref_gym.commands.options import Count, ListenerName, Name, NotNegative, Positive, Round, SpeakerName, named
from multiref_gym.database import StoreError
from multiref_gym.errors import UserError
from multiref_gym.formats import FORMATS
from multiref_gym.listener import Listener
from multiref_gym.messages import Shown
from multiref_gym.simulators.named import speaker_of
from multiref_gym.speaker import Speaker
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import TangramSet

RAY = Parameter(group=Group("Ray"))
LARGE = ("vlm", "prompted", "tuned", "llm")
"""Listeners, decoders and speakers whose workers take a GPU, where there are any."""
ENDPOINTS = ("api", "prompted-api")
"""Listeners and decoders that wait for an answer from elsewhere: no worker could make it faster."""


@dataclass(frozen=True, kw_only=True)
class ListenerOptions:
    """Who listens.

    Attributes:
        listener: Its name.
        model: Which policy listens: a checkpoint's folder, of vlm and llm a model's folder or hub id, of api a model's
            name, of retrieval a sentence encoder.
        endpoint: The URL of api, which speaks the chat-completions protocol (OPENAI_BASE_URL, or OpenAI).
        shown: Of api, how the tangrams are shown: on one board (the default), each in a picture (tangrams), or in
            words, as llm reads them.
    """

    listener: ListenerName = "small"
    model: str | None = None
    endpoint: str | None = None
    shown: Shown | None = None

    def listener_of(self, tangrams: TangramSet) -> Callable[..., Listener]:
        """Returns what makes the listener, given the games if it needs them, and can be sent to workers.

        See `new_listener` for the errors.
        """
        given = {name: getattr(self, name, None) for name in ("endpoint", "shown", "prices")}
        return partial(new_listener, self.listener, tangrams, model=carried(self.model), **given)

    def chosen_listener(self, tangrams: TangramSet) -> Listener:
        """Makes the listener; see `new_listener` for the errors."""
        return self.listener_of(tangrams)()


@dataclass(frozen=True, kw_only=True)
class PricedListenerOptions(ListenerOptions):
    """Who listens, of a command that tells what the listener cost.

    Attributes:
        prices: Of api, what a million tokens cost, those that go in and those that come out: to be told the cost.
    """

    prices: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class RayOptions:
    """Where the work is done.

    Attributes:
        ray: The address of a Ray cluster that this machine is part of, auto, or local for one of this machine alone:
            the work is done there, and what comes of it is the same.
        cpus: CPU cores that a worker takes there.
        gpus: GPUs that a worker takes there, or a share of one; by default one where there are any, for models that
            need it.
        memory: Memory that a worker takes there, in GB.
    """

    ray: Annotated[Name | None, RAY] = None
    cpus: Annotated[Positive | None, RAY] = None
    gpus: Annotated[NotNegative | None, RAY] = None
    memory: Annotated[Positive | None, RAY] = None

    @contextmanager
    def chosen_workers(self, *models: str | None, speaker: str = "") -> Iterator[Workers]:
        """Yields who does the work.

        Args:
            models: The names of listeners and decoders that do it.
            speaker: That of the speaker.

        Raises:
            UserError: If the cluster cannot be had, or another of these options is given without it.
        """
        rest = {name: getattr(self, name, None) for name in ("parts", "learners", "cpus", "gpus", "memory")}
        given = {name: value for name, value in rest.items() if value is not None}
        if self.ray is None:
            if given:
                raise UserError(f"--{next(iter(given))} is for --ray")
            yield ThisProcess()
            return
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise UserError("--ray is not for torchrun, which starts several processes of this command: see --learners")
        if waiting := [name for name in models if name and _asked(name) in ENDPOINTS]:
            raise UserError(f"--ray is not for {waiting[0]}: it waits for its endpoint, which is asked many at once")
        try:
            from multiref_gym.agents.workers.on_ray import RayWorkers
        except ImportError as error:
            raise UserError(f"--ray needs the extra 'ray': pip install 'multiref-gym[ray]' ({error})") from error
        if "gpus" not in given and any(name and _asked(name) in LARGE for name in (*models, speaker)):
            given["gpus"] = None
        with RayWorkers(self.ray, **given) as workers:
            yield workers


def _asked(name: str) -> str:
    """Returns which listener, decoder or speaker is asked: of a calibrated decoder the one that was calibrated.

    Raises:
        UserError: If there is no such calibration.
    """
    kind, _, file = name.partition(":")
    if kind != "calibrated" or not file:  # who makes the decoder tells that no file is named
        return kind
    from multiref_gym.agents.decoders.calibrated import Calibration  # here, as it needs transformers

    return read_json(Calibration, Path(file)).decoder.partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class PartsOptions(RayOptions):
    """Where the work is done, and in how many parts.

    Attributes:
        parts: Into how many parts games are divided there; by default one for each worker.
    """

    parts: Annotated[Count | None, RAY] = None


@dataclass(frozen=True, kw_only=True)
class LearnersOptions(PartsOptions):
    """Where the work is done, learning too.

    Attributes:
        learners: How many workers learn together there, by Ray Train, each with its share of every batch.
    """

    learners: Annotated[Count | None, RAY] = None


LOGGED = "logged"
"""In place of a decoder: the labels that the games have."""
WHAT = Parameter(group=Group("What", validator=LimitedChoice(1, 1)))


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """Which games were logged.

    Attributes:
        games: Games or `turn` rows: JSON Lines, JSON, Parquet, or the id of a data set of the Hugging Face hub.
        store: A store in place of a file: a SQLite file, or a database URL.
        system: Of a store, only the games of this system.
        round: Of a store, only the games of this round.
        skip_bad: Leave out what is malformed, and say where it is.
    """

    games: Annotated[str | None, WHAT] = None
    store: Annotated[str | None, WHAT] = None
    format: Annotated[str | None, named(FORMATS, "What --games are, if not as they look: ")] = None
    system: str | None = None
    round: Round | None = None
    skip_bad: bool = False

    def __post_init__(self) -> None:
        check_applies(self, "store" if self.store else "games", {"games": ("format",), "store": ("system", "round")})

    def rounds(self, store: InteractionStore) -> list[tuple[str, int]]:
        """Returns the systems and rounds of the store that are meant.

        Raises:
            StoreError: If there are none.
        """
        systems = store.systems() if self.system is None else [self.system]
        rounds = [
            (system, round) for system in systems for round in store.rounds(system) if self.round in (None, round)
        ]
        if not rounds:
            raise StoreError(f"{self.store}: no such interactions; there are: {store.contents()}")
        return rounds


@dataclass(frozen=True, kw_only=True)
class SpeakerOptions:
    """Who speaks.

    Attributes:
        speaker: Its name.
        personas: Who the speakers are: population, the 48 of the package's own, as if nothing is given; adversarial,
            who make it hard; or a TOML file of personas.
    """

    speaker: SpeakerName = "scripted"
    personas: Path | None = None

    def chosen_speaker(self, tangrams: TangramSet) -> Callable[[], Speaker]:
        """Returns what makes a speaker; see `speaker_of` for the errors."""
        return speaker_of(self.speaker, tangrams, self.personas)


def told_usage(usage: Mapping[str, Any] | None) -> dict[str, str]:
    """Returns the usage of a listener or a speaker in words, a dash for what is not known; nothing if there is none."""
    return {name.replace("_", " "): _told(value) for name, value in (usage or {}).items()}


def _told(value: Any) -> str:
    match value:
        case None | []:
            return "–"
        case float():
            return f"{value:.4g}"
        case list():
            return " ".join(map(str, value))
    return str(value)
