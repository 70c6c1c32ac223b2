"""How well do policies play the same games, with and without exploring?

    multiref bench fixed-games runs/learning_curve/TURNS-*/round-6 [--json FILE]

Fixed games are the same for every policy, on the deployed split and on one that no policy saw. Deployed policies sample
their actions, because this explores. Here each policy plays the fixed games of `learning_curve.py` twice: sampling as
there, and taking the likeliest action. Policies of the same system and round are runs with several seeds: their mean is
shown, with 95 % bootstrap intervals over games.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multiref_gym.agents.evaluation.intervals import estimate
from multiref_gym.agents.evaluation.measures import measure
from multiref_gym.agents.evaluation.tables import Sheet, percent
from multiref_gym.agents.learning.respect import SIMILARITY, Config
from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.agents.play import new_games, play
from multiref_gym.commands.options import Count, FiguresOptions, TangramsName
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.interaction import Interaction
from multiref_gym.listener import Listener
from multiref_gym.simulators.named import speaker_of
from multiref_gym.tangrams import TangramSet, load_tangrams
from multiref_gym.tangrams.tangram_set import SplitName

FIXED_GAMES = 20241013852
"""Seeds the fixed games, independently of a run's seed."""
DEFAULT = Config()
COLUMNS = [f"{split}, {way}" for split in ("seen", "unseen") for way in ("sampled", "likeliest")]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The fixed games.

    Attributes:
        games: The number of games on each of the two splits.
        unseen: The split that is not deployed: policies do not see it before they are tested.
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
    """Returns whether each game was won (1 or 0) and its number of turns, as compact texts of numbers."""
    return {
        "won": " ".join(str(int(game.success)) for game in games),
        "turns": " ".join(str(len(game.turns)) for game in games),
    }


def played(folder: Path, config: Config, evaluation: Evaluation) -> dict[str, list[int]]:
    """Returns which fixed games a small listener's policy in a folder won, by "split, way"."""
    tangrams = load_tangrams(config.tangrams)
    listener = SmallListener.load(tangrams, folder)
    won = {}
    for way in ("sampled", "likeliest"):
        listener.greedy = way == "likeliest"
        for split, measures in evaluate(listener, tangrams, config, evaluation).items():
            won[f"{split}, {way}"] = [int(game) for game in measures["by_game"]["won"].split()]
    return won


def group_of(folder: Path) -> str:
    """Returns the system and the round in the name of a policy's folder, `SYSTEM-SEED/round-N`.

    Raises:
        UserError: If the folder has another name.
    """
    system, _, seed = folder.resolve().parent.name.rpartition("-")
    if not (system and seed.isdecimal() and folder.name.startswith("round-")):
        raise UserError(f"{folder}: a policy of a run is in a folder SYSTEM-SEED/round-N")
    return f"{system}, {folder.name.replace('-', ' ')}"


@dataclass(frozen=True)
class FixedGames(Evaluation, FiguresOptions):
    """How well do policies play the same games, with and without exploring?

    Attributes:
        policies: Folders of rounds, in the folders of runs.
        tangrams: figures or kilogram:PATH.
        split: The deployed split.
    """

    policies: tuple[Path, ...]
    _: KW_ONLY
    tangrams: TangramsName = DEFAULT.tangrams
    split: SplitName = DEFAULT.split

    def run(self, screen: Screen) -> None:
        """Has the policies play, and prints and writes the results.

        Raises:
            UserError: If a folder holds no policy of a run.
        """
        config = Config(tangrams=self.tangrams, split=self.split)
        names = list(map(group_of, self.policies))  # report a bad one now, not after the games
        groups: dict[str, dict[Path, dict[str, list[int]]]] = {name: {} for name in names}
        for number, (name, folder) in enumerate(zip(names, self.policies, strict=True)):
            screen.report("policies", number, len(names))
            groups[name][folder] = played(folder, config, self)
        results: dict[str, Any] = {
            group: {
                "runs": {
                    str(folder): {column: float(np.mean(won[column])) for column in won} for folder, won in of.items()
                },
                # All play the same games, so the bootstrap draws games, each with the outcomes of all runs.
                "mean": {
                    column: asdict(estimate(np.mean([won[column] for won in of.values()], axis=0).tolist()))
                    for column in COLUMNS
                },
            }
            for group, of in groups.items()
        }
        rows = [
            [f"{group}, {len(of)} seeds", *(percent(results[group]["mean"][column]) for column in COLUMNS)]
            for group, of in groups.items()
        ]
        title = f"Fixed games won, in percent; simulated speakers, {self.games} games on each split"
        screen.show(Sheet(title, ["policies", *COLUMNS], rows))
        asked = {name: getattr(self, name) for name in ("tangrams", "split", "games", "unseen")} | {"seed": FIXED_GAMES}
        self.write({"config": asked, "policies": results})
