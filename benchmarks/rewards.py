"""How well does PPO learn from decoded feedback, compared with the true reward?

    multiref bench rewards [--seeds 5] [--steps 200000] [--jobs 2]

A listener learns by PPO (`agents/listeners/ppo`) from games with a speaker in plain words. Only the reward differs
(`CONDITIONS`): success at the end of a game (true), the feedback in the reply to each action (decoded, by the lexical
decoder), the same feedback with a fraction of the labels flipped, and half of each. Success is measured with sampled
clicks, in games that were not used for training.

Bands in the figure are from the lowest to the highest seed; intervals in the table are 95 % bootstrap intervals over
seeds. Each run writes its own file, and the same command continues with the missing ones. Beside them it writes
`table.md`, `results.json` and `curves.png`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import as_completed
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import VectorWrapper
from matplotlib.figure import Figure
from numpy.typing import NDArray

from multiref_gym.agents.commands.ppo import EVERY, FINAL_GAMES, GAMES
from multiref_gym.agents.evaluation.intervals import estimate
from multiref_gym.agents.evaluation.pictures import draw_band, finish_axes, noted_png
from multiref_gym.agents.evaluation.tables import Sheet, percent
from multiref_gym.agents.learning.jobs import side_by_side
from multiref_gym.agents.learning.run_folder import claimed
from multiref_gym.agents.listeners.ppo.games import Games, literal_games
from multiref_gym.agents.listeners.ppo.training import literal_success, train
from multiref_gym.agents.workers import ThisProcess, Workers
from multiref_gym.commands.options import Count, Steps
from multiref_gym.commands.screen import Screen
from multiref_gym.digests import check_digest
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback, FeedbackDecoder, decoded
from multiref_gym.files import write_atomically
from multiref_gym.provenance import write_results
from multiref_gym.registry import new_decoder
from multiref_gym.wrappers.vector import ImplicitReward

SHOWN = (40_000, 80_000, 120_000, 160_000)
"""Steps that the table shows besides the end."""
LEARNED = 0.8
"""The success from which a listener counts as trained."""

Run = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """A reward for actions.

    Attributes:
        name: A short name for a file.
        meaning: A description for the table and the figure.
        decoder: The decoder of the feedback, None for no feedback.
        flipped: The fraction of labels that are turned into their opposite.
        true_share: The weight of the environment's own reward; the rest is the decoded feedback's.
        style: Colour and dashes of its curve.
    """

    name: str
    meaning: str
    decoder: str | None = "lexical"
    flipped: float = 0.0
    true_share: float = 0.0
    style: tuple[str, str] = ("black", "-")


# There is no ternary decoder: neutral is a half-right action, a select and a deselect at once. Single clicks are never
# neutral, so ternary labels would equal the binary ones.
CONDITIONS = (
    Condition("true", "true: success at the end", None, style=("#009e73", "-")),
    Condition("binary", "decoded", style=("#0072b2", "-")),
    Condition("flipped-10", "decoded, 10 % flipped", flipped=0.1, style=("#e69f00", "-")),
    Condition("flipped-20", "decoded, 20 % flipped", flipped=0.2, style=("#d55e00", "--")),
    Condition("flipped-30", "decoded, 30 % flipped", flipped=0.3, style=("#cc79a7", "-.")),
    Condition("half", "half true, half decoded", true_share=0.5, style=("#8a6d3b", ":")),
)


class FlippedDecoder:
    """Turns a fraction of another decoder's labels into their opposite.

    Args:
        decoder: The other decoder.
        share: The fraction, from 0 to 1.
        rng: Chooses the labels to flip.
    """

    def __init__(self, decoder: FeedbackDecoder, share: float, rng: np.random.Generator) -> None:
        self._decoder, self._share, self._rng = decoder, share, rng

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        """Returns the labels, some of them flipped; neutral stays neutral."""
        labels = decoded(self._decoder, exchanges)
        flipped = self._rng.random(len(labels)) < self._share
        return [Feedback(-label) if flip else label for label, flip in zip(labels, flipped, strict=True)]


class MixedReward(VectorWrapper[Any, Any, Any, Any, NDArray[Any]]):
    """Mixes the true reward into a decoded one.

    Args:
        env: Games of MultiRef-v0 under `ImplicitReward`.
        true_share: The weight of the true reward; the rest is the decoded one's.
    """

    def __init__(self, env: Games, true_share: float) -> None:
        super().__init__(env)
        self._true_share = true_share

    def step(self, actions: Any) -> Any:
        """Takes the steps and mixes their rewards."""
        observations, decoded, terminated, truncated, infos = self.env.step(actions)
        rewards = self._true_share * infos["true_reward"] + (1 - self._true_share) * decoded
        return observations, rewards, terminated, truncated, infos


def games(number: int, condition: Condition, rng: np.random.Generator) -> Games:
    """Returns games with the condition's reward; `rng` chooses the labels to flip."""
    envs = literal_games(number)
    if condition.decoder is None:
        return envs
    decoder: FeedbackDecoder = new_decoder(condition.decoder)
    envs = ImplicitReward(envs, FlippedDecoder(decoder, condition.flipped, rng) if condition.flipped else decoder)
    return MixedReward(envs, condition.true_share) if condition.true_share else envs


def read_run(path: Path, steps: int) -> Run:
    """Reads a file of `run_one`.

    Raises:
        UserError: If the file holds no run, or one with other steps.
    """
    try:
        run: Run = json.loads(path.read_text(encoding="utf-8"))
        before = run["steps"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} holds no run of `multiref bench rewards`") from error
    check_digest(path, run)
    if before != steps:
        raise UserError(f"{path} holds a run of {before} steps, not {steps}: choose another --out")
    return run


def run_one(condition: Condition, seed: int, steps: int, path: Path) -> Run:
    """Runs a condition with a seed, and writes the results."""
    began = time.process_time()
    labels, fixed = np.random.SeedSequence([seed, 1]).spawn(2)
    make_games = partial(games, condition=condition, rng=np.random.default_rng(labels))
    seconds: list[float] = []
    on_evaluation = lambda evaluation: seconds.append(time.process_time() - began)  # noqa: E731
    listener, evaluations = train(make_games, steps, seed, games=GAMES, every=EVERY, on_evaluation=on_evaluation)
    run = {
        "condition": condition.name,
        "seed": seed,
        "steps": steps,
        "evaluations": [
            asdict(evaluation) | {"cpu_seconds": round(spent, 1)}
            for evaluation, spent in zip(evaluations, seconds, strict=True)
        ],
        "seen": asdict(literal_success(listener, "train", FINAL_GAMES, fixed)),
        "unseen": asdict(literal_success(listener, "test", FINAL_GAMES, fixed)),
        "cpu_seconds": time.process_time() - began,
    }
    return write_results(path, run)


def summaries(runs: Iterable[Run]) -> dict[str, Any]:
    """Returns the curve of each condition, its points with intervals over seeds, and its success at the end."""
    in_order = sorted(runs, key=lambda run: int(run["seed"]))
    return {
        condition.name: _summary(condition, [run for run in in_order if run["condition"] == condition.name])
        for condition in CONDITIONS
    }


def _summary(condition: Condition, runs: Sequence[Run]) -> dict[str, Any]:
    steps = [evaluation["steps"] for evaluation in runs[0]["evaluations"]]
    success = np.array([[e["success"]["mean"] for e in run["evaluations"]] for run in runs])
    learned = [next((e for e in run["evaluations"] if e["success"]["mean"] >= LEARNED), None) for run in runs]
    return {
        "meaning": condition.meaning,
        "seeds": [run["seed"] for run in runs],
        "steps": steps,
        "curve": [asdict(estimate(column)) for column in success.T.tolist()],
        "runs": success.tolist(),
        **{split: asdict(estimate([run[split]["mean"] for run in runs])) for split in ("seen", "unseen")},
        **{
            f"{what}_to_learn": [None if there is None else there[what] for there in learned]
            for what in ("steps", "cpu_seconds")
        },
        "cpu_seconds": float(np.mean([run["cpu_seconds"] for run in runs])),
    }


def sheet(results: dict[str, Any]) -> Sheet:
    """Returns success during training and at the end, and the steps after which each seed was trained."""
    rows = []
    for summary in results["conditions"].values():
        steps = summary["steps"]
        shown = [summary["curve"][int(np.abs(np.array(steps) - at).argmin())] for at in results["shown"]]
        learned = summary["steps_to_learn"]
        reached = [f"{s / 1000:.0f}k" for s in learned if s is not None]
        by_seed = " ".join(reached) + (f", {len(learned) - len(reached)} never" if None in learned else "")
        seconds = " ".join(f"{spent:.0f}" for spent in summary["cpu_seconds_to_learn"] if spent is not None)
        ends = map(percent, [*shown, summary["seen"], summary["unseen"]])
        rows.append([summary["meaning"], *ends, by_seed.strip(", "), seconds])
    heads = [f"{at // 1000}k steps" for at in results["shown"]]
    end = f"end, {results['steps'] // 1000}k"
    columns = ["reward", *heads, end, "unseen figures", f"steps to {LEARNED:.0%}, by seed", "CPU seconds"]
    return Sheet(f"Literal games won, in percent; simulated speakers, {results['seeds']} seeds", columns, rows)


def draw(results: dict[str, Any], path: Path) -> None:
    """Draws success against environment steps as a PNG file, written completely or not at all."""
    figure = Figure(figsize=(9.5, 5), layout="constrained")
    axes = figure.subplots()
    for condition in CONDITIONS:
        summary = results["conditions"][condition.name]
        steps, runs = np.array(summary["steps"]) / 1000, np.array(summary["runs"])
        spans = zip(runs.mean(0), runs.min(0), runs.max(0), strict=True)
        bands = [{"mean": mean, "low": low, "high": high} for mean, low, high in spans]
        colour, dashes = condition.style
        draw_band(axes, steps, bands, dashes, color=colour, linewidth=2, label=condition.meaning)
    finish_axes(axes, "Literal games won, by the reward that was learned from")
    axes.set_xlabel("environment steps, in thousands")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, fontsize=9)
    note = f"Simulated speakers; PPO, means of {results['seeds']} seeds; bands: from the lowest to the highest seed"
    write_atomically(path, noted_png(figure, note))


@dataclass(frozen=True, kw_only=True)
class Rewards:
    """How well does PPO learn from decoded feedback, compared with the true reward?

    Attributes:
        seeds: Runs of each reward, with seeds from 0.
        steps: Environment steps of a run.
        jobs: Runs at a time, each on one core.
        out: The folder of the runs.
    """

    seeds: Count = 5
    steps: Steps = 200_000
    jobs: Count = 2
    out: Path = Path("runs/rewards")

    def run(self, screen: Screen) -> None:
        """Runs the missing runs, and prints, writes and draws the results.

        Raises:
            UserError: If the folder holds runs with other steps.
        """
        # Seed by seed, so that an interrupted command leaves all rewards with equally many seeds.
        jobs = [
            (condition, seed, self.steps, self.out / f"{condition.name}-{seed}.json")
            for seed in range(self.seeds)
            for condition in CONDITIONS
        ]
        runs = [read_run(path, steps) for _, _, steps, path in jobs if path.exists()]
        own = [path.name for _, _, _, path in jobs]
        workers: Workers = ThisProcess()
        with claimed(self.out, command="bench rewards", own=own), side_by_side(self.jobs, workers) as threads:
            missing = [job for job in jobs if not job[-1].exists()]
            futures = [threads.submit(partial(workers.call, run_one, *job)) for job in missing]
            for future in as_completed(futures):
                run = future.result()
                runs.append(run)
                screen.report("runs", len(runs), len(jobs))
                screen.say(f"{run['condition']}, seed {run['seed']}: {run['seen']['mean']:.1%} of games won")
        results = {
            "steps": self.steps,
            "seeds": self.seeds,
            "shown": [at for at in SHOWN if at < self.steps],
            "conditions": summaries(runs),
        }
        results = write_results(self.out / "results.json", results)
        write_atomically(self.out / "table.md", sheet(results).markdown())
        draw(results, self.out / "curves.png")
        screen.show(sheet(results))
        screen.say(f"table.md, results.json and curves.png are in {self.out}")
