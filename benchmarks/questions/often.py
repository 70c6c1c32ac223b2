"""Is more won if the policy learns after every few games, in place of long rounds, with as much computing?

    multiref bench often [--seeds 3] [--jobs 2] [--out runs/often]

In rounds, each policy learns anew from the base, in several passes over all games so far. After every few games, the
policy goes on from what it was: it learns from the new games and from others that are drawn from all so far, so that in
all no more examples go through it than in rounds. What counts is how many of all games were won while deployed.
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
    """What a run in rounds is, with 1,980 games by default."""

    rounds: Count = 5
    games: Count = 330


SHORTER = 3, 10
"""Into how many parts each round is divided."""
SMALLEST, GROWING = 1 / 60, 12
"""The share of all games in the first of the rounds that grow, and how many lessons there are then.

In three passes a lesson 14,400 games go through the policy then, of 1,980; in six equal rounds 14,850.
"""


class Growing(Respect):
    """RESPECT whose rounds grow: each has as many times as many games before its end as before its beginning.

    The configuration's games are those of all rounds.
    """

    def _count(self, round: int) -> int:
        games, rounds = self.config.games, self.config.rounds
        return grown(games, rounds, round) - (grown(games, rounds, round - 1) if round else 0)


def grown(games: int, rounds: int, round_: int) -> int:
    """Returns how many games were played by the end of a round that grows, of so many in all."""
    share: float = SMALLEST ** (1 - round_ / rounds)
    return max(round_ + 1, round(games * share))


class Often(Respect):
    """RESPECT that goes on from its last policy, with a share of the computing of rounds in each lesson.

    The learner's epochs are how many times as many examples as are new go through it in a lesson, in one pass: the new
    ones, and others drawn from all so far.
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
    """Returns how many times as many examples as are new a lesson may have, so that all have no more than in rounds.

    Args:
        epochs: Passes over all games so far, in rounds.
        rounds: How many rounds are learned from.
        parts: Into how many parts each round is divided.
    """
    in_rounds = epochs * rounds * (rounds + 1) / 2  # in examples of one round
    lessons = (rounds + 1) * parts - 1
    return max(1, int(in_rounds * parts / lessons))


@dataclass(frozen=True, kw_only=True)
class OftenCommand(Question):
    """Is more won if the policy learns after every few games, in place of long rounds, with as much computing?

    Attributes:
        config: The rounds that the rest is compared with.
        out: The folder of the runs.
    """

    name = "often"

    config: Flat[Rounds] = Rounds()
    out: Path = Path("runs/often")

    def ways(self) -> Mapping[str, Way]:
        """Returns rounds, and shorter and shorter ones."""
        config = self.config
        ways = {
            "rounds": Way(f"anew from the base after every {config.games} games", SUP),
            "growing": Way(
                "anew from the base whenever there are 1.4 times as many games",
                SUP,
                Growing,
                {"games": config.games * (config.rounds + 1), "rounds": GROWING},
            ),
        }
        for parts in SHORTER:
            games, times = max(1, config.games // parts), passes(OPTIMISATION.epochs, config.rounds, parts)
            ways[f"every {games}"] = Way(
                f"going on after every {games} games, {times} times as many examples as are new",
                replace(SUP, optimisation=replace(OPTIMISATION, epochs=times)),
                Often,
                {"games": games, "rounds": (config.rounds + 1) * parts - 1},
            )
        return ways

    def sheets(self, curves: Mapping[str, Sequence[Curve]]) -> list[Sheet]:
        """Returns what was won while deployed, in all and by time, and what is known at the end."""
        size, rounds = self.config.games, range(self.config.rounds + 1)
        rows = []
        for name, of_way in curves.items():
            games = [[game for of_round in won(curve) for game in of_round] for curve in of_way]
            by_time = [f"{100 * np.mean([of[size * n : size * (n + 1)] for of in games]):.0f}" for n in rounds]
            rows.append([name, deployed(of_way), *by_time, fixed(of_way, "seen, likeliest")])
        heads = [f"games {size * n + 1} to {size * (n + 1)}" for n in rounds]
        title = f"Games won while deployed; {self.title}"
        return [Sheet(title, ["learns", "all games", *heads, "fixed games at the end, likeliest"], rows)]
