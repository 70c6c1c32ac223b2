"""Does a vision-language model learn from implicit feedback? A tiny one does all steps from random weights.

    multiref bench vlm-learning [--seeds 2] [--rounds 3] [--games 600] [--jobs 2]

A tiny Idefics2 with random weights is pretrained for some minutes on figures of "train", plain words and the games of
an erring listener, whose mistakes it learns, too (`vlm_pretrain.py`). From that base, RESPECT runs with LoRA on figures
of "dev", once with each seed. Its speakers also use plain words: the model is to learn which actions are good, not the
meaning of words. Success is that of deployed games, in other contexts each round, with 95 % bootstrap intervals over
games.

The base and each run have their own folder, and the same command continues with the missing steps. Beside them it
writes `table.md` and `results.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from multiref_gym.agents.evaluation.intervals import over_samples
from multiref_gym.agents.evaluation.tables import Sheet, percent
from multiref_gym.agents.learning.jobs import Curve, Job, run_all
from multiref_gym.agents.learning.learn import Optimisation
from multiref_gym.agents.learning.respect import SUP, Config, Learner, Report, Respect
from multiref_gym.agents.learning.run_folder import claimed
from multiref_gym.agents.listeners.lm.loading import VlmConfig
from multiref_gym.agents.listeners.weights import saved
from multiref_gym.agents.workers import ThisProcess
from multiref_gym.benchmarks.vlm_pretrain import Plan, pretrain
from multiref_gym.checking import read_json
from multiref_gym.commands.options import Count
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.files import write_atomically, write_json
from multiref_gym.provenance import write_results
from multiref_gym.tangrams import load_tangrams

LEARNER = replace(SUP, optimisation=Optimisation(epochs=2, batch=16, learning_rate=3e-4))
"""A higher rate damages the base; chosen with seeds 100 and 101."""
ADAPTER: dict[str, Any] = {
    "layers": r".*text_model.*_proj",
    "rank": 16,
    "alpha": 16,
    "dropout": 0.0,
    "trained_at_once": 32,
}
"""Settings of `vlm.json`. The rank is large for the width, because a tiny model has few weights to adapt."""

BASE_SEED = 0
SCORES = "scores.json"
PLAN = Plan()


def run_job(learner: Learner, job: Job) -> Curve:
    """Runs the missing steps of a job.

    Returns:
        Its `seed` and `record`, the measures of all `rounds`, and for each of them whether each game was `won`, by
        system.

    Raises:
        UserError: If the folder belongs to another run.
    """
    respect = Respect(job.config, learner, job.folder)
    with respect.store as store:
        rounds = list(respect.rounds())
        won = {
            system: [[game.success for game in store.interactions(system, r["round"])] for r in rounds]
            for system in respect.systems
        }
    return {"seed": job.config.seed, "record": respect.record, "rounds": rounds, "won": won}


def made_base(folder: Path, plan: Plan, report: Report) -> dict[str, Any]:
    """Pretrains the base for RESPECT, if there is none yet, and returns its scores.

    Raises:
        UserError: If the base there belongs to another plan.
    """
    if not folder.exists():
        with saved(folder) as unfinished:
            scores = pretrain(load_tangrams("figures"), plan, BASE_SEED, unfinished, report)
            VlmConfig(str(folder.resolve()), **ADAPTER).write(unfinished)
            write_json(unfinished / SCORES, scores)
    kept = read_json(dict[str, Any], folder / SCORES)
    if kept.get("plan") != asdict(plan):
        raise UserError(f"{folder} was pretrained by another plan: choose another --out")
    return kept


def sheet(title: str, curves: Sequence[Curve]) -> Sheet:
    """Returns success by round for each system and seed and, with several seeds, for all seeds together."""
    rows = []
    for system in curves[0]["won"]:
        for curve in curves:
            success = [r["systems"][system]["success"] for r in curve["rounds"]]
            rows.append([f"{system}, seed {curve['seed']}", *map(percent, success)])
        together = [asdict(over_samples(won)) for won in zip(*(curve["won"][system] for curve in curves), strict=True)]
        if len(curves) > 1:
            rows.append([f"{system}, all", *map(percent, together)])
    return Sheet(title, ["", *(f"round {number}" for number in range(len(curves[0]["rounds"])))], rows)


@dataclass(frozen=True, kw_only=True)
class VlmLearning:
    """Does a vision-language model learn from implicit feedback? A tiny one does all steps from random weights.

    Attributes:
        seeds: Runs, with seeds from 0.
        rounds: Rounds of learning.
        games: Games of each round.
        jobs: Runs at a time, each on one core.
        out: The folder of the runs.
    """

    seeds: Count = 2
    rounds: Count = 3
    games: Count = 600
    jobs: Count = 2
    out: Path = Path("runs/vlm_learning")

    def run(self, screen: Screen) -> None:
        """Runs the missing steps, and prints and writes the results.

        Raises:
            UserError: If a folder belongs to another run, or the base to another plan.
        """
        base = self.out / "base"
        config = Config(
            rounds=self.rounds,
            games=self.games,
            listener="vlm",
            speaker="multiref_gym.simulators.scripted:literal_speaker",
            base=str(base.resolve()),
            control=False,
        )
        jobs = [Job(replace(config, seed=seed), self.out / f"seed-{seed}") for seed in range(self.seeds)]
        with claimed(self.out, command="bench vlm-learning"):
            scores = made_base(base, PLAN, screen.report)
            curves = run_all(
                partial(run_job, LEARNER),
                jobs,
                self.jobs,
                screen,
                lambda curve: f"{len(curve['rounds'])} rounds",
                ThisProcess(),
            )
        shown = sheet("Games won by a tiny vision-language model, in percent", curves)
        write_atomically(self.out / "table.md", shown.markdown())
        write_results(self.out / "results.json", {"base": scores, "adapter": ADAPTER, "runs": curves})
        screen.show(shown)
        screen.say(f"table.md and results.json are in {self.out}")
