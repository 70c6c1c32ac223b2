"""Games that are the same for every policy, on the split that is deployed and on one that no policy saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multiref_gym.agents.evaluation.measures import measure
from multiref_gym.agents.learning.respect import SIMILARITY, Config
from multiref_gym.agents.play import new_games, play
from multiref_gym.commands.options import Count
from multiref_gym.interaction import Interaction
from multiref_gym.listener import Listener
from multiref_gym.simulators.named import speaker_of
from multiref_gym.tangrams.tangram_set import SplitName, TangramSet

FIXED_GAMES = 20241013852
"""Seeds the fixed games, whatever the seed of a run."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The fixed games.

    Attributes:
        games: How many there are on either split.
        unseen: The split that is not deployed: what no policy sees before it is judged.
    """

    games: Count = 1000
    unseen: SplitName = "test"


def evaluate(listener: Listener, tangrams: TangramSet, config: Config, evaluation: Evaluation) -> dict[str, Any]:
    """Returns the measures of a policy on the fixed games, by "seen" and "unseen"."""
    make_speaker = speaker_of(config.speaker, tangrams, config.personas)
    measures = {}
    for name, split in {"seen": config.split, "unseen": evaluation.unseen}.items():
        seed, numbers = np.random.SeedSequence(FIXED_GAMES), range(evaluation.games)
        started = new_games(tangrams.split(split), numbers, make_speaker, seed, similarity=SIMILARITY)
        games = play(listener, started)
        measures[name] = {**measure(games), "by_game": by_game(games)}
    return measures


def by_game(games: Sequence[Interaction]) -> dict[str, str]:
    """Returns whether each game was won (1 or 0) and its number of turns, as short texts of numbers."""
    return {
        "won": " ".join(str(int(game.success)) for game in games),
        "turns": " ".join(str(len(game.turns)) for game in games),
    }
