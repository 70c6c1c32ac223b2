"""What is decoded feedback worth as a reward, beside the true one?

    multiref bench rewards [--seeds 5] [--steps 200000] [--jobs 2]

A listener learns by PPO (`agents/listeners/ppo`) from games with a speaker in plain words, all alike but for the reward
(`reward_conditions.py`): success at the end of a game (true), what the reply to each action gives away (decoded, by the
lexical decoder), the same with a share of the labels flipped, and half of each. Success is that of sampled clicks in
games that were not learned from.

Bands in the figure are from the lowest to the highest seed; intervals in the table are 95 % bootstrap intervals over
seeds. Each run leaves a file of its own, and the same command goes on with those that are missing. Beside them it
leaves `table.md`, `results.json` and `curves.png`.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from multiref_gym.agents.evaluation.measures import estimate
from multiref_gym.agents.evaluation.report import finish_axes
from multiref_gym.agents.evaluation.tables import Sheet, percent
from multiref_gym.agents.listeners.ppo.training import ROLLOUT, literal_success, train
from multiref_gym.benchmarks.reward_conditions import CONDITIONS, Condition, game
from multiref_gym.commands.options import Count, make_folder
from multiref_gym.commands.process import prepare_process
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.files import write_atomically
from multiref_gym.provenance import write_results
from multiref_gym.tangrams import load_tangrams

EVERY = 10 * ROLLOUT
GAMES = 200
FINAL_GAMES = 1000
SHOWN = (40_000, 80_000, 120_000, 160_000)
"""Steps that the table shows beside the end."""
LEARNED = 0.8
"""The success from which on a listener counts as one that has learned."""


Run = dict[str, Any]


def read_run(path: Path, steps: int) -> Run:
    """Reads what `run_one` left.

    Raises:
        UserError: If the file holds no run, or one of other steps.
    """
    try:
        run: Run = json.loads(path.read_text(encoding="utf-8"))
        before = run["steps"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} holds no run of `multiref bench rewards`") from error
    if before != steps:
        raise UserError(f"{path} holds a run of {before} steps, not {steps}: choose another --out")
    return run


def run_one(condition: Condition, seed: int, steps: int, path: Path) -> Run:
    """Runs a condition with a seed, and writes what came of it."""
    began = time.process_time()
    labels, fixed = np.random.SeedSequence([seed, 1]).spawn(2)
    make_game = partial(game, condition, np.random.default_rng(labels))
    listener, evaluations = train(make_game, steps, seed, games=GAMES, every=EVERY)
    tangrams = load_tangrams("figures")
    run = {
        "condition": condition.name,
        "seed": seed,
        "steps": steps,
        "evaluations": [asdict(evaluation) for evaluation in evaluations],
        "seen": asdict(literal_success(listener, tangrams, "train", FINAL_GAMES, fixed)),
        "unseen": asdict(literal_success(listener, tangrams, "test", FINAL_GAMES, fixed)),
        "cpu_seconds": time.process_time() - began,
    }
    return write_results(path, run)


def summaries(runs: Iterable[Run]) -> dict[str, Any]:
    """Returns by condition its curve, each point with mean, low and high over seeds, and its success at the end."""
    by_name: dict[str, list[Run]] = {condition.name: [] for condition in CONDITIONS}
    for run in sorted(runs, key=lambda run: int(run["seed"])):
        by_name[run["condition"]].append(run)
    return {condition.name: _summary(condition, by_name[condition.name]) for condition in CONDITIONS}


def _summary(condition: Condition, runs: Sequence[Run]) -> dict[str, Any]:
    steps = [evaluation["steps"] for evaluation in runs[0]["evaluations"]]
    success = np.array([[e["success"]["mean"] for e in run["evaluations"]] for run in runs])
    learned = [next((s for s, won in zip(steps, row, strict=True) if won >= LEARNED), None) for row in success]
    return {
        "meaning": condition.meaning,
        "seeds": [run["seed"] for run in runs],
        "steps": steps,
        "curve": [asdict(estimate(column)) for column in success.T.tolist()],
        "runs": success.tolist(),
        "seen": asdict(estimate([run["seen"]["mean"] for run in runs])),
        "unseen": asdict(estimate([run["unseen"]["mean"] for run in runs])),
        "steps_to_learn": learned,
        "cpu_seconds": float(np.mean([run["cpu_seconds"] for run in runs])),
    }


def sheet(results: dict[str, Any]) -> Sheet:
    """Returns success on the way and at the end, and after how many steps each seed had learned."""
    rows = []
    for summary in results["conditions"].values():
        steps = summary["steps"]
        shown = [summary["curve"][int(np.abs(np.array(steps) - at).argmin())] for at in results["shown"]]
        learned = summary["steps_to_learn"]
        reached = [f"{s / 1000:.0f}k" for s in learned if s is not None]
        told = " ".join(reached) + (f", {len(learned) - len(reached)} never" if None in learned else "")
        rows.append([summary["meaning"], *map(percent, [*shown, summary["seen"], summary["unseen"]]), told.strip(", ")])
    columns = [
        "reward",
        *(f"{at // 1000}k steps" for at in results["shown"]),
        f"end, {results['steps'] // 1000}k",
        "unseen figures",
        f"steps to {LEARNED:.0%}, by seed",
    ]
    return Sheet(f"Literal games won, in percent; simulated speakers, {results['seeds']} seeds", columns, rows)


def draw(results: dict[str, Any], path: Path) -> None:
    """Draws success against environment steps as a PNG file, which is there whole or not at all."""
    figure = Figure(figsize=(9.5, 5), layout="constrained")
    axes = figure.subplots()
    styles = {condition.name: condition.style for condition in CONDITIONS}
    for name, summary in results["conditions"].items():
        colour, dashes = styles[name]
        steps, runs = np.array(summary["steps"]) / 1000, np.array(summary["runs"])
        axes.fill_between(steps, runs.min(0), runs.max(0), color=colour, alpha=0.12, linewidth=0)
        axes.plot(steps, runs.mean(0), dashes, color=colour, linewidth=2, label=summary["meaning"])
    axes.set_title("Literal games won, by the reward that was learned from", loc="left", fontsize=11)
    axes.set_xlabel("environment steps, in thousands")
    axes.set_ylim(0, 1)
    finish_axes(axes, percent=True)
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=9)
    figure.suptitle(
        f"Simulated speakers; PPO, means of {results['seeds']} seeds; bands: from the lowest to the highest seed",
        fontsize=10,
        color="#555555",
    )
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=150)
    write_atomically(path, png.getvalue())


@dataclass(frozen=True, kw_only=True)
class Rewards:
    """What is decoded feedback worth as a reward, beside the true one?

    Attributes:
        seeds: Runs of each reward, with seeds from 0.
        steps: Environment steps of a run.
        jobs: Runs at a time, each on one core.
        out: The folder of the runs.
    """

    seeds: Count = 5
    steps: Count = 200_000
    jobs: Count = 2
    out: Path = Path("runs/rewards")

    def run(self, screen: Screen) -> None:
        """Runs what is missing, and prints, writes and draws what came of it.

        Raises:
            UserError: If the folder holds runs of other steps.
        """
        make_folder(self.out)
        # Seed by seed, so that a command that was interrupted leaves all rewards with as many seeds.
        jobs = [
            (condition, seed, self.steps, self.out / f"{condition.name}-{seed}.json")
            for seed in range(self.seeds)
            for condition in CONDITIONS
        ]
        runs = [read_run(path, steps) for _, _, steps, path in jobs if path.exists()]
        with ProcessPoolExecutor(self.jobs, mp_context=get_context("spawn"), initializer=prepare_process) as pool:
            futures = [pool.submit(run_one, *job) for job in jobs if not job[-1].exists()]
            try:
                for future in as_completed(futures):
                    run = future.result()
                    runs.append(run)
                    screen.report("runs", len(runs), len(jobs))
                    screen.say(f"{run['condition']}, seed {run['seed']}: {run['seen']['mean']:.1%} of games won")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        results = {
            "steps": self.steps,
            "seeds": self.seeds,
            "shown": [at for at in SHOWN if at < self.steps],
            "conditions": summaries(runs),
        }
        results = write_results(self.out / "results.json", results)
        write_atomically(self.out / "table.md", sheet(results).markdown())
        draw(results, self.out / "curves.png")
        screen.show(sheet(results).printed())
        screen.say(f"table.md, results.json and curves.png are in {self.out}")
