"""Does a vision-language model learn from implicit feedback? A tiny one, from random weights to the last round.

    python -m multiref_gym.benchmarks.vlm_learning [--seeds 2] [--rounds 3] [--games 600] [--jobs 2]

A tiny Idefics2 of random weights is pretrained for some minutes on figures of "train", plain words and the games of a
listener that errs, whose mistakes it learns to make as well (`vlm_pretrain.py`). From that base RESPECT runs with LoRA
on figures of "dev", once with each seed. Its speakers use plain words too: what is to be learned is which actions
are good, not what words mean. Success is that of deployed games, in each round of other contexts, with 95 % bootstrap
intervals over games.

The base and each run have a folder of their own, and the same command goes on with what is missing. Beside them it
leaves `table.md` and `results.json`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress
from transformers.utils import logging as transformers_logging

from multiref_gym.agents.evaluation.intervals import over_samples
from multiref_gym.agents.evaluation.tables import Sheet, percent
from multiref_gym.agents.learning.jobs import Curve, Job, run_all
from multiref_gym.agents.learning.learn import Optimisation
from multiref_gym.agents.learning.respect import SUP, Config, Respect
from multiref_gym.agents.listeners.vlm.loading import VlmConfig
from multiref_gym.benchmarks.vlm_pretrain import Plan, pretrain
from multiref_gym.commands.options import positive
from multiref_gym.errors import UserError
from multiref_gym.files import write_atomically
from multiref_gym.provenance import provenance
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import TangramSet, load_tangrams

LEARNER = replace(SUP, optimisation=Optimisation(epochs=2, batch=16, learning_rate=3e-4))
"""A higher rate spoils what the base knows: chosen with seeds 100 and 101."""
ADAPTER: dict[str, Any] = {
    "layers": r".*text_model.*_proj",
    "rank": 16,
    "alpha": 16,
    "dropout": 0.0,
    "trained_at_once": 32,
    "played_at_once": 64,
}
"""Settings of `vlm.json`. The rank is large for the width, as there is little in a tiny model to be adapted."""

BASE_SEED = 0
SCORES = "scores.json"


class LiteralSpeaker(ScriptedSpeaker):
    """Says nothing but plain descriptions.

    Args:
        tangrams: Where the game's tangrams come from.
    """

    def __init__(self, tangrams: TangramSet) -> None:
        super().__init__(tangrams, figurative=0.0)


def run_job(job: Job) -> Curve:
    """Runs what of a job is not done yet.

    Returns:
        Its `seed` and `record`, the measures of all `rounds`, and for each of them whether each game was `won`.

    Raises:
        UserError: If the folder is of another run.
    """
    respect = Respect(job.config, LEARNER, job.folder)
    with respect.store as store:
        rounds = list(respect.rounds())
        won = [[game.success for game in store.interactions(LEARNER.name, r["round"])] for r in rounds]
    return {"seed": job.config.seed, "record": respect.record, "rounds": rounds, "won": won}


def made_base(folder: Path, plan: Plan) -> dict[str, Any]:
    """Pretrains a base, if there is none yet, to start RESPECT from, and returns its scores.

    Raises:
        UserError: If there is one of another plan.
    """
    if not folder.exists():
        unfinished = folder.with_suffix(".unfinished")
        with Progress(transient=True) as progress:
            bars: dict[str, Any] = {}

            def report(what: str, share: float) -> None:
                bars[what] = bars[what] if what in bars else progress.add_task(what, total=1.0)
                progress.update(bars[what], completed=share)

            scores = pretrain(load_tangrams("figures"), plan, BASE_SEED, unfinished, report)
        VlmConfig(str(folder.resolve()), **ADAPTER).write(unfinished)
        write_atomically(unfinished / SCORES, json.dumps(scores, indent=2) + "\n")
        unfinished.rename(folder)
    known: dict[str, Any] = json.loads((folder / SCORES).read_text(encoding="utf-8"))
    if known["plan"] != asdict(plan):
        raise UserError(f"{folder} was pretrained by another plan: choose another --out")
    return known


def sheet(curves: Sequence[Curve]) -> Sheet:
    """Returns success by round, of each seed and of all together."""
    rows = []
    for curve in curves:
        (name,) = curve["rounds"][0]["systems"]
        rows.append([f"seed {curve['seed']}", *(percent(r["systems"][name]["success"]) for r in curve["rounds"])])
    together = [asdict(over_samples(won)) for won in zip(*(curve["won"] for curve in curves), strict=True)]
    rounds = [f"round {number}" for number in range(len(together))]
    return Sheet(
        "Games won by a tiny vision-language model, in percent",
        ["", *rounds],
        [*rows, ["all", *map(percent, together)]],
    )


def main() -> None:
    """Reads the command line, runs what is not there yet, and prints and writes what came of it."""
    parser = argparse.ArgumentParser(
        prog="python -m multiref_gym.benchmarks.vlm_learning", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--seeds", type=positive, default=2, help="runs, with seeds from 0 (2)")
    parser.add_argument("--rounds", type=positive, default=3, help="of learning (3)")
    parser.add_argument("--games", type=positive, default=600, help="of each round (600)")
    parser.add_argument("--jobs", type=positive, default=2, help="runs at a time, each on one core (2)")
    parser.add_argument("--out", type=Path, default=Path("runs/vlm_learning"), metavar="FOLDER", help="(%(default)s)")
    arguments = parser.parse_args()
    try:
        run(arguments, Plan())
    except (OSError, UserError) as error:
        parser.exit(2, f"{parser.prog}: error: {' '.join(str(error).split())}\n")
    except KeyboardInterrupt:
        parser.exit(130, f"{parser.prog}: interrupted; the same command goes on from here\n")


def run(arguments: argparse.Namespace, plan: Plan) -> None:
    """Does what the command line asked for.

    Raises:
        UserError: If it cannot be done.
    """
    console = Console(highlight=False)
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(1)  # so that the outcome depends on no number of cores
    arguments.out.mkdir(parents=True, exist_ok=True)
    base = arguments.out / "base"
    scores = made_base(base, plan)
    asked = Config(
        rounds=arguments.rounds,
        games=arguments.games,
        listener="vlm",
        speaker="multiref_gym.benchmarks.vlm_learning:LiteralSpeaker",
        base=str(base.resolve()),
        control=False,
    )
    jobs = [Job(replace(asked, seed=seed), arguments.out / f"seed-{seed}") for seed in range(arguments.seeds)]
    curves = run_all(run_job, jobs, arguments.jobs, console, lambda curve: f"{len(curve['rounds'])} rounds")
    results = {"base": scores, "adapter": ADAPTER, "runs": curves, **provenance()}
    write_atomically(arguments.out / "table.md", sheet(curves).markdown())
    write_atomically(arguments.out / "results.json", json.dumps(results, indent=2) + "\n")
    console.print(sheet(curves).printed())
    console.print(f"table.md and results.json are in {arguments.out}", soft_wrap=True)


if __name__ == "__main__":
    main()
