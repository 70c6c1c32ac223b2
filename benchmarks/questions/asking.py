"""Runs RESPECT in several ways, with several seeds, and says how each did: what all the open questions share."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from multiref_gym.agents.commands.options import RayOptions
from multiref_gym.agents.evaluation.intervals import estimate, over_samples
from multiref_gym.agents.evaluation.tables import Sheet, percent, told_seeds
from multiref_gym.agents.learning.jobs import Curve, Job, Measures, run_all, run_curve
from multiref_gym.agents.learning.respect import Config, Learner, Respect
from multiref_gym.agents.learning.run_folder import claimed
from multiref_gym.benchmarks.fixed_games import FIXED_GAMES, Evaluation, played
from multiref_gym.commands.options import Count, Flat
from multiref_gym.commands.screen import Screen
from multiref_gym.files import write_atomically
from multiref_gym.provenance import write_results


@dataclass(frozen=True, slots=True)
class FewerGames(Config):
    """What a run is, with fewer games a round by default, as there are many runs."""

    games: Count = 150


FEWER = FewerGames()


@dataclass(frozen=True, slots=True)
class Way:
    """A way to run RESPECT.

    Attributes:
        meaning: What it is, in a line; "" if its name says so.
        learner: How the policy learns.
        loop: What runs it.
        changes: What of the configuration is other than in the rest.
    """

    meaning: str
    learner: Learner
    loop: type[Respect] = Respect
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WayJob(Job):
    """One way with one seed.

    Attributes:
        config: How it is run.
        way: What is run.
        evaluation: The fixed games that the last policy plays, with speakers of the population.
        told: Returns what else is kept of a run.
    """

    way: Way
    evaluation: Evaluation
    told: Callable[[Respect], Any]


def run_job(job: WayJob) -> Curve:
    """Runs what of a job is not done yet, and writes and returns its curve; see `run_curve` for the errors.

    Returns:
        As `run_curve` does. Of each round it is kept which games were won and who spoke in them; the last round has
        which fixed games its policy won (`fixed`, by split and way), and `more` of the run.
    """

    def told(respect: Respect, rounds: list[Measures]) -> list[Measures]:
        kept: list[Measures] = []
        for measured in rounds:
            games = respect.store.interactions(respect.learner.name, measured["round"])
            kept.append(
                {
                    "round": measured["round"],
                    "examples": measured["examples"],
                    "decoder": measured["decoder"],
                    "won": "".join(str(int(game.success)) for game in games),
                    "speakers": [game.speaker for game in games],
                }
            )
        of_people = replace(job.config, speaker=FEWER.speaker)
        kept[-1]["fixed"] = played(job.folder / f"round-{kept[-1]['round']}", of_people, job.evaluation)
        kept[-1]["more"] = job.told(respect)
        return kept

    loop = job.way.loop
    return run_curve(
        job,
        lambda: loop(job.config, job.way.learner, job.folder),
        told,
        loop=f"{loop.__module__}:{loop.__qualname__}",
        evaluation={**asdict(job.evaluation), "seed": FIXED_GAMES},
    )


def won(curve: Curve, speaks: Callable[[str], bool] = lambda speaker: True) -> list[list[float]]:
    """Returns for each round of a run which of the games were won, 1 or 0, of speakers that are asked about."""
    return [
        [float(game) for game, speaker in zip(kept["won"], kept["speakers"], strict=True) if speaks(speaker)]
        for kept in curve["rounds"]
    ]


def deployed(curves: Sequence[Curve], speaks: Callable[[str], bool] = lambda speaker: True) -> str:
    """Returns the share of all deployed games that was won, the mean over some runs, with its interval over games."""
    return percent(asdict(over_samples([list(chain.from_iterable(won(curve, speaks))) for curve in curves])))


def fixed(curves: Sequence[Curve], column: str) -> str:
    """Returns the share of the fixed games that the last policies won, with its interval over games.

    Args:
        curves: Of runs, which play the same games.
        column: Which games and how: "seen, sampled".
    """
    return percent(asdict(estimate(np.mean([curve["rounds"][-1]["fixed"][column] for curve in curves], axis=0))))


def nothing(respect: Respect) -> None:
    """Keeps nothing else of a run."""


@dataclass(frozen=True, kw_only=True)
class Question(RayOptions):
    """An open question.

    Attributes:
        config: How all ways are run.
        seeds: Runs of each way, with seeds from --seed.
        evaluation: Fixed games on either split that the last policies play.
        jobs: Runs at a time; on a cluster there are as many as it has room for.
        out: The folder of the runs.
    """

    name: ClassVar[str]
    told: ClassVar[Callable[[Respect], Any]] = nothing

    config: Flat[FewerGames] = FEWER
    seeds: Count = 3
    evaluation: Count = 600
    jobs: Count = 2
    out: Path

    @abstractmethod
    def ways(self) -> Mapping[str, Way]:
        """Returns what is compared, by name."""

    @abstractmethod
    def sheets(self, curves: Mapping[str, Sequence[Curve]]) -> list[Sheet]:
        """Returns the tables of the answer.

        Args:
            curves: Those of all seeds, by the name of the way.
        """

    @property
    def title(self) -> str:
        """What the tables have in common."""
        seeds = {"seeds": range(self.seeds)}
        return f"simulated speakers, {self.config.games} games a round, {told_seeds(seeds)}, in percent"

    def run(self, screen: Screen) -> None:
        """Runs what is not there yet, and prints and writes what came of it.

        Raises:
            UserError: If a run cannot be had as it was asked for, or a folder is of another one.
        """
        ways, seeds = self.ways(), range(self.config.seed, self.config.seed + self.seeds)
        evaluation, told = Evaluation(games=self.evaluation), type(self).told
        jobs = [
            WayJob(
                replace(self.config, seed=seed, control=False, **way.changes),
                self.out / f"{re.sub('[^A-Za-z0-9.]+', '-', name)}-{seed}",
                way,
                evaluation,
                told,
            )
            for seed in seeds
            for name, way in ways.items()
        ]
        with self.chosen_workers() as workers, claimed(self.out, command=f"bench {self.name}"):
            found = run_all(run_job, jobs, self.jobs, screen, _told, workers)
        curves = {name: found[number :: len(ways)] for number, name in enumerate(ways)}
        sheets = self.sheets(curves)
        legend = "".join(f"- {name}: {way.meaning}\n" for name, way in ways.items() if way.meaning)
        results = {
            "config": self.config.common(),
            "seeds": list(seeds),
            "evaluation": found[0]["evaluation"],
            "tables": [asdict(sheet) for sheet in sheets],
            "runs": {name: [_summary(curve) for curve in of_way] for name, of_way in curves.items()},
        }
        write_results(self.out / "results.json", results)
        write_atomically(self.out / "table.md", "\n".join([*(sheet.markdown() for sheet in sheets), legend]))
        screen.show(*sheets, legend)
        screen.say(f"table.md and results.json are in {self.out}")


def _told(curve: Curve) -> str:
    return f"{deployed([curve])} % of all games won"


def _summary(curve: Curve) -> dict[str, Any]:
    """Returns what is written of a run: without the outcome of each game, which would be most of it."""
    last = curve["rounds"][-1]
    return {
        "record": curve["record"],
        "cost": curve["cost"],
        "won": [float(np.mean(of_round)) for of_round in won(curve)],
        "fixed": {column: float(np.mean(games)) for column, games in last["fixed"].items()},
        "more": last["more"],
    }
