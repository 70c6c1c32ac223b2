"""Listeners that act on views with chance from one seed, and games to play."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from multiref_gym.contexts import Contexts
from multiref_gym.episode import Episode
from multiref_gym.game import Game
from multiref_gym.listener import Decision, Listener, View
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.speaker import Speaker
from multiref_gym.tangrams import TangramSet


def act(listener: Listener, views: Sequence[View], seed: int = 0) -> list[Decision]:
    """Has a listener act on views, each with chance of its own."""
    seeds = np.random.SeedSequence(seed).spawn(len(views))
    return listener.act(views, [np.random.default_rng(child) for child in seeds])


def games_of(
    tangrams: TangramSet,
    count: int,
    seed: int = 0,
    make_speaker: Callable[[], Speaker] | None = None,
    size: int = 10,
    name: str = "game",
) -> list[Episode]:
    """Starts games of so many tangrams, with scripted speakers or others."""
    contexts = Contexts(tangrams, size)
    games = []
    for number, child in enumerate(np.random.SeedSequence(seed).spawn(count)):
        rng, listener_rng = map(np.random.default_rng, child.spawn(2))
        context = contexts.draw(rng)
        speaker = ScriptedSpeaker(tangrams) if make_speaker is None else make_speaker()
        games.append(Episode(Game(context), speaker, rng, listener_rng, f"{name}-{number:04d}"))
    return games
