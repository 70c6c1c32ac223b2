"""Groups of options that several commands inherit, and the objects that they choose."""

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
"""Listeners, decoders and speakers whose workers use a GPU if there is one."""
ENDPOINTS = ("api", "prompted-api")
"""Listeners and decoders that wait for answers from elsewhere: workers could not make them faster."""


@dataclass(frozen=True, kw_only=True)
class ListenerOptions:
    """The listener.

    Attributes:
        listener: Its name.
        model: The policy: a checkpoint's folder; for vlm and llm, a model's folder or hub id; for api, a model's name;
            for retrieval, a sentence encoder.
        endpoint: For api, the URL of an endpoint with the chat-completions protocol (OPENAI_BASE_URL, or OpenAI).
        shown: For api, how the tangrams are shown: on one board (the default), each in a picture (tangrams), or in
            words, as llm reads them.
    """

    listener: ListenerName = "small"
    model: str | None = None
    endpoint: str | None = None
    shown: Shown | None = None

    def listener_of(self, tangrams: TangramSet) -> Callable[..., Listener]:
        """Returns a callable that makes the listener (given the games if it needs them), and can be sent to workers.

        See `new_listener` for the errors.
        """
        given = {name: getattr(self, name, None) for name in ("endpoint", "shown", "prices")}
        return partial(new_listener, self.listener, tangrams, model=carried(self.model), **given)

    def chosen_listener(self, tangrams: TangramSet) -> Listener:
        """Makes the listener; see `new_listener` for the errors."""
        return self.listener_of(tangrams)()


@dataclass(frozen=True, kw_only=True)
class PricedListenerOptions(ListenerOptions):
    """The listener, for a command that reports its cost.

    Attributes:
        prices: For api, the prices of a million input tokens and a million output tokens, to report the cost.
    """

    prices: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class RayOptions:
    """The place where the work is done.

    Attributes:
        ray: The address of a Ray cluster that this machine belongs to, or auto, or local for a cluster of this machine
            only. The work is done there, with the same outcome.
        cpus: CPU cores for each worker there.
        gpus: GPUs for each worker there, or a share of one; by default one, if there are any and a model needs it.
        memory: Memory for each worker there, in GB.
    """

    ray: Annotated[Name | None, RAY] = None
    cpus: Annotated[Positive | None, RAY] = None
    gpus: Annotated[NotNegative | None, RAY] = None
    memory: Annotated[Positive | None, RAY] = None

    @contextmanager
    def chosen_workers(self, *models: str | None, speaker: str = "") -> Iterator[Workers]:
        """Yields the workers.

        Args:
            models: The names of the listeners and decoders that they run.
            speaker: The name of the speaker.

        Raises:
            UserError: If the cluster cannot be reached, or another of these options is given without it.
        """
        rest = {name: getattr(self, name, None) for name in ("parts", "learners", "cpus", "gpus", "memory")}
        given = {name: value for name, value in rest.items() if value is not None}
        if self.ray is None:
            if given:
                raise UserError(f"--{next(iter(given))} needs --ray")
            yield ThisProcess()
            return
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            raise UserError(
                "--ray does not work with torchrun, which starts several processes of this command: see --learners"
            )
        if waiting := [name for name in models if name and _asked(name) in ENDPOINTS]:
            raise UserError(f"--ray does not help {waiting[0]}: it waits for its endpoint, with many calls at once")
        try:
            from multiref_gym.agents.workers.on_ray import RayWorkers
        except ImportError as error:
            raise UserError(f"--ray needs the extra 'ray': pip install 'multiref-gym[ray]' ({error})") from error
        if "gpus" not in given and any(name and _asked(name) in LARGE for name in (*models, speaker)):
            given["gpus"] = None
        with RayWorkers(self.ray, **given) as workers:
            yield workers


def _asked(name: str) -> str:
    """Returns the name behind a name: for a calibrated decoder, the decoder that was calibrated.

    Raises:
        UserError: If there is no such calibration.
    """
    kind, _, file = name.partition(":")
    if kind != "calibrated" or not file:  # making the decoder reports the missing file
        return kind
    from multiref_gym.agents.decoders.calibrated import Calibration  # imported here, because it needs transformers

    return read_json(Calibration, Path(file)).decoder.partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class PartsOptions(RayOptions):
    """The place where the work is done, and its division.

    Attributes:
        parts: The number of parts that games are divided into there; by default one for each worker.
    """

    parts: Annotated[Count | None, RAY] = None


@dataclass(frozen=True, kw_only=True)
class LearnersOptions(PartsOptions):
    """The place where the work is done, including learning.

    Attributes:
        learners: The number of workers that learn together there, by Ray Train, each with its share of every batch.
    """

    learners: Annotated[Count | None, RAY] = None


LOGGED = "logged"
"""In place of a decoder: the labels that the games have already."""
WHAT = Parameter(group=Group("What", validator=LimitedChoice(1, 1)))


@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """The logged games.

    Attributes:
        games: Games or `turn` rows: JSON Lines, JSON, Parquet, or the id of a data set on the Hugging Face hub.
        store: A store instead of a file: a SQLite file, or a database URL.
        system: Only the games of this system in the store.
        round: Only the games of this round in the store.
        skip_bad: Leave out malformed games, and list them.
    """

    games: Annotated[str | None, WHAT] = None
    store: Annotated[str | None, WHAT] = None
    format: Annotated[str | None, named(FORMATS, "The format of --games, if it is not to be guessed: ")] = None
    system: str | None = None
    round: Round | None = None
    skip_bad: bool = False

    def __post_init__(self) -> None:
        check_applies(self, "store" if self.store else "games", {"games": ("format",), "store": ("system", "round")})

    def rounds(self, store: InteractionStore) -> list[tuple[str, int]]:
        """Returns the chosen systems and rounds of the store.

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
    """The speaker.

    Attributes:
        speaker: Its name.
        personas: The personas of the speakers: population, the package's own 48 (the default); adversarial, who are
            difficult; or a TOML file.
    """

    speaker: SpeakerName = "scripted"
    personas: Path | None = None

    def chosen_speaker(self, tangrams: TangramSet) -> Callable[[], Speaker]:
        """Returns a callable that makes a speaker; see `speaker_of` for the errors."""
        return speaker_of(self.speaker, tangrams, self.personas)


def usage_texts(usage: Mapping[str, Any] | None) -> dict[str, str]:
    """Returns a listener's or a speaker's usage as texts, a dash for unknown numbers; empty if there is no usage."""
    return {name.replace("_", " "): _usage_text(value) for name, value in (usage or {}).items()}


def _usage_text(value: Any) -> str:
    match value:
        case None | []:
            return "–"
        case float():
            return f"{value:.4g}"
        case list():
            return " ".join(map(str, value))
    return str(value)
