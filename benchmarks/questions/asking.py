"""The common part of all open questions: runs RESPECT in several ways, with several seeds, and compares the results."""

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
from multiref_gym.agents.evaluation.tables import Sheet, percent, seeds_note
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
    """The settings of a run, with fewer games a round by default, because there are many runs."""

    games: Count = 150


FEWER = FewerGames()


@dataclass(frozen=True, slots=True)
class Way:
    """A way to run RESPECT.

    Attributes:
        meaning: A description in one line; "" if the name is enough.
        learner: How the policy learns.
        loop: The class that runs it.
        changes: The settings of the configuration that differ from the other ways.
    """

    meaning: str
    learner: Learner
    loop: type[Respect] = Respect
    changes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WayJob(Job):
    """One way with one seed.

    Attributes:
        config: The settings of the run.
        way: The way.
        evaluation: The fixed games that the last policy plays, with speakers of the population.
        more: Returns further data of a run to keep.
    """

    way: Way
    evaluation: Evaluation
    more: Callable[[Respect], Any]


def run_job(job: WayJob) -> Curve:
    """Runs the missing steps of a job, and writes and returns its curve; see `run_curve` for the errors.

    Returns:
        See `run_curve`. Each round has the outcomes of its games (`won`) and their speakers; the last one also has the
        outcomes of the fixed games (`fixed`, by split and way), and the further data (`more`).
    """

    def kept(respect: Respect, rounds: list[Measures]) -> list[Measures]:
        found: list[Measures] = []
        for measured in rounds:
            games = respect.store.interactions(respect.learner.name, measured["round"])
            found.append(
                {
                    "round": measured["round"],
                    "examples": measured["examples"],
                    "decoder": measured["decoder"],
                    "won": "".join(str(int(game.success)) for game in games),
                    "speakers": [game.speaker for game in games],
                }
            )
        of_people = replace(job.config, speaker=FEWER.speaker)
        found[-1]["fixed"] = played(job.folder / f"round-{found[-1]['round']}", of_people, job.evaluation)
        found[-1]["more"] = job.more(respect)
        return found

    loop = job.way.loop
    return run_curve(
        job,
        lambda: loop(job.config, job.way.learner, job.folder),
        kept,
        loop=f"{loop.__module__}:{loop.__qualname__}",
        evaluation={**asdict(job.evaluation), "seed": FIXED_GAMES},
    )


def won(curve: Curve, counts: Callable[[str], bool] = lambda speaker: True) -> list[list[float]]:
    """Returns the outcomes of the games in each round of a run, 1 (won) or 0 (lost).

    Args:
        curve: The curve of the run.
        counts: Whether the games of a speaker count, given its name.
    """
    return [
        [float(game) for game, speaker in zip(round["won"], round["speakers"], strict=True) if counts(speaker)]
        for round in curve["rounds"]
    ]


def deployed(curves: Sequence[Curve], counts: Callable[[str], bool] = lambda speaker: True) -> str:
    """Returns the fraction of deployed games won, the mean over some runs, with its interval over games; see `won`."""
    return percent(asdict(over_samples([list(chain.from_iterable(won(curve, counts))) for curve in curves])))


def fixed(curves: Sequence[Curve], column: str) -> str:
    """Returns the fraction of the fixed games that the last policies won, with its interval over games.

    Args:
        curves: The curves of some runs, which all play the same fixed games.
        column: The split and the way of playing, such as "seen, sampled".
    """
    return percent(asdict(estimate(np.mean([curve["rounds"][-1]["fixed"][column] for curve in curves], axis=0))))


def nothing(respect: Respect) -> None:
    """Returns None: there are no further data of a run."""


@dataclass(frozen=True, kw_only=True)
class Question(RayOptions):
    """An open question.

    Attributes:
        config: The settings of all ways.
        seeds: Runs of each way, with seeds from --seed.
        evaluation: Fixed games on each of the two splits, for the last policies.
        jobs: Runs at a time; a cluster runs as many as it has room for.
        out: The folder of the runs.
    """

    name: ClassVar[str]
    more: ClassVar[Callable[[Respect], Any]] = nothing

    config: Flat[FewerGames] = FEWER
    seeds: Count = 3
    evaluation: Count = 600
    jobs: Count = 2
    out: Path

    @abstractmethod
    def ways(self) -> Mapping[str, Way]:
        """Returns the ways to compare, by name."""

    @abstractmethod
    def sheets(self, curves: Mapping[str, Sequence[Curve]]) -> list[Sheet]:
        """Returns the tables that answer the question.

        Args:
            curves: The curves of each way with all seeds, by the name of the way.
        """

    @property
    def title(self) -> str:
        """The common part of the tables' titles."""
        seeds = {"seeds": range(self.seeds)}
        return f"simulated speakers, {self.config.games} games a round, {seeds_note(seeds)}, in percent"

    def run(self, screen: Screen) -> None:
        """Runs the missing steps, and prints and writes the results.

        Raises:
            UserError: If a run is not possible with these options, or a folder belongs to another one.
        """
        ways, seeds = self.ways(), range(self.config.seed, self.config.seed + self.seeds)
        evaluation, more = Evaluation(games=self.evaluation), type(self).more
        jobs = [
            WayJob(
                replace(self.config, seed=seed, control=False, **way.changes),
                self.out / f"{re.sub('[^A-Za-z0-9.]+', '-', name)}-{seed}",
                way,
                evaluation,
                more,
            )
            for seed in seeds
            for name, way in ways.items()
        ]
        with self.chosen_workers() as workers, claimed(self.out, command=f"bench {self.name}"):
            found = run_all(run_job, jobs, self.jobs, screen, _message, workers)
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


def _message(curve: Curve) -> str:
    return f"{deployed([curve])} % of all games won"


def _summary(curve: Curve) -> dict[str, Any]:
    """Returns the data of a run to write, without the outcomes of single games, which would take most of the space."""
    last = curve["rounds"][-1]
    return {
        "record": curve["record"],
        "cost": curve["cost"],
        "won": [float(np.mean(of_round)) for of_round in won(curve)],
        "fixed": {column: float(np.mean(games)) for column, games in last["fixed"].items()},
        "more": last["more"],
    }
