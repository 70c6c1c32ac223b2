"""Does a policy that learns after every few games win more than one that learns in long rounds, at the same cost?

    multiref bench often [--seeds 3] [--jobs 2] [--out runs/often]

In long rounds, each policy learns from the base checkpoint, in several passes over all games so far. A policy that
learns after every few games continues from the last one: it learns from the new games, and from others drawn from all
games so far, so that in all it sees no more examples than in long rounds. The measure is the fraction of all deployed
games that were won.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from multiref_gym.agents.evaluation.tables import Sheet
from multiref_gym.agents.learning.jobs import Curve
from multiref_gym.agents.learning.lesson import Lesson
from multiref_gym.agents.learning.respect import OPTIMISATION, SUP, Respect
from multiref_gym.benchmarks.questions.asking import FewerGames, Question, Way, deployed, fixed, won
from multiref_gym.commands.options import Count, Flat


@dataclass(frozen=True, slots=True)
class Rounds(FewerGames):
    """The settings of a run in long rounds, with 1,980 games by default."""

    rounds: Count = 5
    games: Count = 330


SHORTER = 3, 10
"""The numbers of parts that each round is divided into."""
SMALLEST, GROWING = 1 / 60, 12
"""The fraction of all games in the first growing round, and the number of lessons with growing rounds.

With 1,980 games and three passes a lesson, the policy then sees 14,400 games; with six equal rounds it sees 14,850.
"""


class Growing(Respect):
    """RESPECT with growing rounds: each multiplies the number of games so far by the same factor.

    The configuration's `games` are those of all rounds together.
    """

    def _count(self, round: int) -> int:
        games, rounds = self.config.games, self.config.rounds
        return grown(games, rounds, round) - (grown(games, rounds, round - 1) if round else 0)


def grown(games: int, rounds: int, round_: int) -> int:
    """Returns the number of games played by the end of a growing round, out of `games` in all `rounds`."""
    share: float = SMALLEST ** (1 - round_ / rounds)
    return max(round_ + 1, round(games * share))


class Often(Respect):
    """RESPECT that continues from its last policy, with less computing in each lesson.

    A lesson is one pass over the new examples and others drawn from all so far. The learner's epochs give its size, as
    a multiple of the number of new examples.
    """

    def _lesson(self, round: int) -> Lesson:
        lesson = super()._lesson(round)
        if round == 0:
            return lesson
        new = self._taught_by(round - 1, self._trusts(round))
        drawn = np.random.default_rng(lesson.seed).choice(
            len(lesson.examples), (lesson.optimisation.epochs - 1) * len(new)
        )
        return replace(
            lesson,
            start=self._learned(round - 1),
            examples=new + [lesson.examples[row] for row in drawn],
            optimisation=replace(lesson.optimisation, epochs=1),
        )


def passes(epochs: int, rounds: int, parts: int) -> int:
    """Returns the size of a lesson, as a multiple of its new examples; together they cost no more than long rounds.

    Args:
        epochs: Passes over all games so far, in long rounds.
        rounds: The number of rounds to learn from.
        parts: The number of parts that each round is divided into.
    """
    in_rounds = epochs * rounds * (rounds + 1) / 2  # in examples of one round
    lessons = (rounds + 1) * parts - 1
    return max(1, int(in_rounds * parts / lessons))


@dataclass(frozen=True, kw_only=True)
class OftenCommand(Question):
    """Does a policy that learns after every few games win more than one that learns in long rounds, at the same cost?

    Attributes:
        config: The settings of the long rounds.
        out: The folder of the runs.
    """

    name = "often"

    config: Flat[Rounds] = Rounds()
    out: Path = Path("runs/often")

    def ways(self) -> Mapping[str, Way]:
        """Returns long rounds, growing ones, and shorter and shorter ones."""
        config = self.config
        ways = {
            "rounds": Way(f"learns from the base after every {config.games} games", SUP),
            "growing": Way(
                "learns from the base whenever there are 1.4 times as many games as at the last lesson",
                SUP,
                Growing,
                {"games": config.games * (config.rounds + 1), "rounds": GROWING},
            ),
        }
        for parts in SHORTER:
            games, times = max(1, config.games // parts), passes(OPTIMISATION.epochs, config.rounds, parts)
            ways[f"every {games}"] = Way(
                f"continues after every {games} games, with {times} times as many examples as are new",
                replace(SUP, optimisation=replace(OPTIMISATION, epochs=times)),
                Often,
                {"games": games, "rounds": (config.rounds + 1) * parts - 1},
            )
        return ways

    def sheets(self, curves: Mapping[str, Sequence[Curve]]) -> list[Sheet]:
        """Returns a table of the deployed games won, in all and by time, and of the fixed games won at the end."""
        size, rounds = self.config.games, range(self.config.rounds + 1)
        rows = []
        for name, of_way in curves.items():
            games = [[game for of_round in won(curve) for game in of_round] for curve in of_way]
            by_time = [f"{100 * np.mean([run[size * n : size * (n + 1)] for run in games]):.0f}" for n in rounds]
            rows.append([name, deployed(of_way), *by_time, fixed(of_way, "seen, likeliest")])
        heads = [f"games {size * n + 1} to {size * (n + 1)}" for n in rounds]
        title = f"Games won while deployed; {self.title}"
        return [Sheet(title, ["learns", "all games", *heads, "fixed games at the end, likeliest"], rows)]
