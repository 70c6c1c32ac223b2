"""Learns from implicit feedback, round after round, and reports how well; continues an interrupted run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from multiref_gym.agents.commands.options import LearnersOptions
from multiref_gym.agents.evaluation.report import COLUMNS, draw_curves, table_row, write_report
from multiref_gym.agents.evaluation.tables import Sheet
from multiref_gym.agents.learning.parallel import is_main
from multiref_gym.agents.learning.respect import (
    OPTIMISATION,
    Config,
    CreditName,
    Respect,
    RoundOptimisation,
    learner_of,
)
from multiref_gym.agents.learning.run_folder import finished_results
from multiref_gym.agents.learning.tracking import Log, TrackerName, tracked
from multiref_gym.agents.workers import Workers
from multiref_gym.commands.options import Flat, named
from multiref_gym.commands.screen import Screen
from multiref_gym.provenance import write_results
from multiref_gym.registry import OBJECTIVES
from multiref_gym.tangrams import load_tangrams

DEFAULT = Config()


@dataclass(frozen=True, kw_only=True)
class RespectCommand(LearnersOptions):
    """Learns from implicit feedback, round after round, and reports how well.

    A vision-language model, with the epochs, batch size and learning rate of arXiv 2410.13852, on one GPU of 80 GB or
    more:

        multiref respect --listener vlm --model HuggingFaceM4/idefics2-8b --epochs 20 --batch 64 --learning-rate 1e-4
            --other-distractors 0

    These are estimates from counted operations, not measurements: 17 GB for the weights in bfloat16; at the peak speed
    of an NVIDIA H200, 36 s to play a round of 330 games (6 s if the model keeps what it has read from turn to turn) and
    57 s for an epoch over one round (about 10 s if the turns of a game are read at once, which they are without other
    distractors). A real run reaches a part of the peak speed. --listener llm takes any causal language model, which
    reads the tangrams in words. With several GPUs on a Ray cluster, even of one machine, add `--ray auto --learners
    GPUS`. Without Ray, several processes of one machine learn the same after

        torchrun --nproc-per-node GPUS --module multiref_gym.cli

    Attributes:
        config: The settings of the run.
        objective: The objective to minimise.
        credit: The judge of an action: the reply to it, or everything in the game's turns (with sup).
        optimisation: How the objective is minimised.
        out: The folder of the run.
        track: Also log the measures of each round to this tracker: tensorboard, trackio, wandb or another of
            Accelerate's.
    """

    config: Flat[Config] = DEFAULT
    objective: Annotated[str, named(OBJECTIVES)] = "sup"
    credit: CreditName = "reply"
    optimisation: Flat[RoundOptimisation] = OPTIMISATION
    out: Path = Path("runs/respect")
    track: TrackerName | None = None

    def run(self, screen: Screen) -> None:
        """Runs the missing steps of the run, shows its table, and writes results, curves and report.

        Raises:
            UserError: If the run is not possible with these options; see `Respect`.
        """
        screen.console.quiet = not is_main()
        with self.chosen_workers(self.config.listener, self.config.decoder) as workers:
            self._run(screen, workers)

    def _run(self, screen: Screen, workers: Workers) -> None:
        learner = learner_of(self.objective, self.credit, self.optimisation)
        respect = Respect(self.config, learner, self.out, screen.report, workers=workers)
        path = self.out / "results.json"
        with respect.store as store, tracked(self.track, self.out, respect.record) as log:
            # A finished run keeps its results, with the versions and the machine that made them.
            finished = finished_results(path, respect.record)
            for measured in finished["rounds"] if finished else ():
                log(measured["round"], measured)
            measures = None if finished else _watched(respect, screen, log)
            if not is_main():
                return
            finished = finished or write_results(path, {**respect.record, "rounds": measures})
            if os.access(self.out, os.W_OK):  # otherwise it is a finished run that is only read
                curves = draw_curves(finished, self.out / "curves.png")
                write_report(finished, curves, store, load_tangrams(self.config.tangrams), self.out / "report.html")
        screen.show(_table(finished["rounds"]))
        screen.say(f"results.json, curves.png and report.html are in {self.out}")


def _watched(respect: Respect, screen: Screen, log: Log) -> list[dict[str, Any]]:
    """Returns the measures of all rounds.

    Logs and shows each round when it is done: in a growing table or, if the screen is not a terminal, as a line.
    """
    measures: list[dict[str, Any]] = []
    for measured in respect.rounds():
        measures.append(measured)
        log(measured["round"], measured)
        if screen.console.is_terminal:
            screen.show_above(_table(measures))
        else:
            pairs = zip(COLUMNS, table_row(measured), strict=True)
            screen.say(", ".join(f"{column} {text}" for column, text in pairs))
    return measures


def _table(measures: Sequence[dict[str, Any]]) -> Sheet:
    rows = [table_row(measured) for measured in measures]
    return Sheet("Simulated speakers; in brackets 95 % intervals", COLUMNS, rows)
