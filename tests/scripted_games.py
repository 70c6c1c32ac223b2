"""Games with a scripted speaker, and all that is said in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from multiref_gym.contexts import shared_contexts
from multiref_gym.game import Action, Game
from multiref_gym.simulators.persona import Persona
from multiref_gym.simulators.population import population
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import load_tangrams

FIGURES = load_tangrams("figures")
PLAIN = tuple(replace(persona, typos=0.0, capitals=0.0, forgets=0.0) for persona in population())
"""Everybody, but without the typing that hides what is said."""


def opened(
    seed: int, personas: Sequence[Persona] | None = PLAIN, max_turns: int = 10
) -> tuple[ScriptedSpeaker, Game, str]:
    """Returns a speaker in a new game, and its first utterance."""
    rng = np.random.default_rng(seed)
    game = Game(shared_contexts(FIGURES).draw(rng), max_turns)
    speaker = ScriptedSpeaker(FIGURES, personas=personas)
    return speaker, game, speaker.start(game, rng)


def dialogue(seed: int, clicks: list[set[int] | None], personas: Sequence[Persona] | None = None) -> list[str]:
    """Returns all that is said in a game in which a listener clicks this, turn by turn."""
    speaker, game, utterance = opened(seed, personas)
    said = [utterance]
    for positions in clicks:
        if game.over:
            break
        action = None if positions is None else Action.clicking(positions, game.selected)
        if action is not None:
            game.apply(action)
        said.append(speaker.reply(action))
    return said
