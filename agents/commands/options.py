"""Groups of options that several commands inherit, and what they ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multiref_gym.agents.listeners.named import new_listener
from multiref_gym.commands.options import ListenerName, SpeakerName
from multiref_gym.episode import Episode
from multiref_gym.listener import Listener
from multiref_gym.simulators.named import speaker_of
from multiref_gym.speaker import Speaker
from multiref_gym.tangrams import TangramSet


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

    def chosen_listener(self, tangrams: TangramSet, games: Sequence[Episode] | None = None) -> Listener:
        """Makes the listener; see `new_listener` for the arguments and the errors."""
        given = {name: getattr(self, name, None) for name in ("model", "endpoint", "prices")}
        return new_listener(self.listener, tangrams, games, **given)


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
        personas: Who the scripted speakers are: population, the 48 of the package's own, as if nothing is given;
            adversarial, who make it hard; or a TOML file of personas.
    """

    speaker: SpeakerName = "scripted"
    personas: Path | None = None

    def chosen_speaker(self, tangrams: TangramSet) -> Callable[[], Speaker]:
        """Returns what makes a speaker; see `speaker_of` for the errors."""
        return speaker_of(self.speaker, tangrams, self.personas)


def told_usage(usage: Mapping[str, Any] | None) -> dict[str, str]:
    """Returns what a listener says of its usage in words, a dash for what is not known; nothing if it says nothing."""
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
