"""Groups of options that several commands inherit, and what they ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import Parameter as Argument
from inspect import signature
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from multiref_gym.agents.listeners.baselines import OracleListener
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError
from multiref_gym.listener import Listener
from multiref_gym.registry import DECODERS, LISTENERS, SPEAKERS, resolve
from multiref_gym.simulators.persona import Persona, read_personas
from multiref_gym.speaker import Speaker
from multiref_gym.tangrams import TangramSet


def named(names: Mapping[str, str], note: str = "") -> Parameter:
    """Returns what tells of an option that is one of some registered names."""
    return Parameter(help=f"{note}{', '.join(names)} or module:attribute.")


ListenerName = Annotated[str, named(LISTENERS)]
SpeakerName = Annotated[str, named(SPEAKERS)]
DecoderName = Annotated[str, named(DECODERS)]


@dataclass(frozen=True, kw_only=True)
class ListenerOptions:
    """Who listens.

    Attributes:
        listener: Its name.
        model: Which policy listens: a checkpoint's folder, of vlm a model's folder or hub id, of api a model's name, of
            retrieval a sentence encoder.
        endpoint: The URL of api, which speaks the chat-completions protocol (OPENAI_BASE_URL, or OpenAI).
    """

    listener: ListenerName = "small"
    model: str | None = None
    endpoint: str | None = None

    def chosen_listener(self, tangrams: TangramSet, games: Sequence[Episode]) -> Listener:
        """Makes the listener.

        A listener that has a checkpoint is loaded for these tangrams, an oracle is told of these games, and any other
        is made without arguments.

        Raises:
            UnknownName: If there is no such listener.
            UserError: If it needs a model, or cannot do with what it was given.
        """
        make = resolve("listener", LISTENERS, self.listener)
        is_oracle = isinstance(make, type) and issubclass(make, OracleListener)
        loads = hasattr(make, "load") and not is_oracle
        takes = signature(make.load).parameters if loads else {}
        options = ("model", "endpoint", "prices")
        given = {name: value for name in options if (value := getattr(self, name, None)) is not None}
        for name in given:
            if name not in takes and not (name == "model" and "path" in takes):
                raise UserError(f"--{name} is not for --listener {self.listener}")
        if is_oracle or not loads:
            listener: Listener = make(games) if is_oracle else make()
            return listener
        if "model" in takes and takes["model"].default is Argument.empty and "model" not in given:
            raise UserError(f"--listener {self.listener} needs a --model")
        if "path" in takes and "model" in given:
            given["path"] = Path(given.pop("model"))
        listener = make.load(tangrams, **given)
        return listener


@dataclass(frozen=True, kw_only=True)
class PricedListenerOptions(ListenerOptions):
    """Who listens, of a command that tells what the listener cost.

    Attributes:
        prices: Of api, what a million tokens cost, those that go in and those that come out: to be told the cost.
    """

    prices: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class SpeakerOptions:
    """Who speaks.

    Attributes:
        speaker: Its name.
        personas: A TOML file that says who the scripted speakers are, in place of the 48 of the package's own.
    """

    speaker: SpeakerName = "scripted"
    personas: Path | None = None

    def chosen_personas(self) -> tuple[Persona, ...] | None:
        """Reads the personas, if any were asked for.

        Raises:
            PersonaError: If the file makes no personas.
            UserError: If they are for a speaker that has none.
        """
        if self.personas is None:
            return None
        if self.speaker != "scripted":
            raise UserError(f"--personas are for the scripted speaker, not for {self.speaker}")
        return read_personas(self.personas)

    def chosen_speaker(self, tangrams: TangramSet) -> Callable[[], Speaker]:
        """Returns what makes a speaker.

        Raises:
            UnknownName: If there is no such speaker.
            UserError: As `chosen_personas`.
        """
        make, personas = resolve("speaker", SPEAKERS, self.speaker), self.chosen_personas()
        return partial(make, tangrams) if personas is None else partial(make, tangrams, personas=personas)


def told_usage(usage: Mapping[str, Any] | None) -> dict[str, str]:
    """Returns what a listener says of its usage in words, a dash for what is not known; nothing if it says nothing."""
    return {
        name.replace("_", " "): "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
        for name, value in (usage or {}).items()
    }
