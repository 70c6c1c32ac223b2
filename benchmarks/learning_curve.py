"""How well does RESPECT learn, over seeds, beside its controls?

    multiref bench learning-curve [--seeds 3] [--jobs 2] [--out runs/learning_curve]
    multiref bench learning-curve --ablations

Each system (`learning_systems.py`) is run with each seed: SUP learns from decoded positives, TURNS gives credit over
several turns. They stand between two bounds: ALL, which takes every action as positive, would stay flat if nothing but
feedback taught, and TRUE has true labels in place of decoded ones. SUP-same and ALL-same show how much of what ALL
learns is owed to other distractors. CONTROL is SUP's initial policy, redeployed to the same games.

Beside the games that are deployed, which are others in each round, policies play a fixed set of games, on the deployed
split and on an unseen one. With `--ablations` TURNS is run with one rule less each instead, and SUP with low-rank
updates in place of full fine-tuning.

Means are over seeds. The 95 % intervals are bootstrap intervals over games, of these runs: how far runs lie apart is
seen from the single ones. All speakers are simulated. An interrupted command goes on where it was when it is given
again. It leaves `table.md`, `results.json` and `curves.png` in the folder (`ablations.md` and `ablations.json` with
`--ablations`), beside the folders of the runs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from multiref_gym.agents.evaluation.intervals import estimate, over_samples
from multiref_gym.agents.evaluation.pictures import FAINT, draw_band, finish_axes, png
from multiref_gym.agents.evaluation.tables import Sheet, percent, rounds_heads, success_sheet, told_seeds
from multiref_gym.agents.learning.jobs import Curve, Measures, run_all
from multiref_gym.agents.learning.respect import CONTROL, SIMILARITY, SUP, Config
from multiref_gym.benchmarks.fixed_games import Evaluation
from multiref_gym.benchmarks.learning_systems import ABLATIONS, BOUNDS, LEARNERS, System, SystemJob, run_job
from multiref_gym.commands.options import Count, Flat
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.files import write_atomically
from multiref_gym.game import CONTEXT_SIZE
from multiref_gym.provenance import write_results
from multiref_gym.tangrams import load_tangrams
from multiref_gym.tangrams.tangram_set import SplitName

DEFAULT = Config()
MIDDLE = 3
"""The round before the last that the table of ablations shows."""

STYLES = {  # to be told apart without colours too
    "SUP": ("#0072b2", "-", "o"),
    "TURNS": ("#d55e00", "-", "s"),
    "ALL": ("#cc79a7", "-.", "^"),
    "TRUE": ("#009e73", ":", "D"),
    "SUP-same": ("#56b4e9", "--", "P"),
    "ALL-same": ("#e69f00", "-.", "X"),
    CONTROL: ("#8a6d3b", "--", "v"),
}

PANELS = {
    "success": "Deployed games won; thin lines: single runs",
    "unseen": "Fixed games won on unseen tangrams",
    "turns": "Turns a game (fewer is better)",
}


def _told(curve: Curve) -> str:
    success = curve["rounds"][-1]["systems"][curve["system"]]["success"]["mean"]
    return f"{success:.1%} of the games of the last round won"


def summaries(curves: Sequence[Curve], systems: Sequence[System]) -> dict[str, Any]:
    """Returns by system what its runs come to: means over seeds by round, and the runs themselves.

    CONTROL is taken from the runs of SUP. It is their initial policy in every round, and so are its fixed games.
    """
    meanings = {system.learner.name: system.meaning for system in systems}
    meanings[CONTROL] = "the initial policy redeployed"
    learners = {name: name for name in meanings} | {CONTROL: SUP.name}
    return {
        name: {"meaning": meaning, **_summary([_run(c, name) for c in curves if c["system"] == learners[name]])}
        for name, meaning in meanings.items()
    }


def _run(curve: Curve, name: str) -> dict[str, Any]:
    """Returns what a curve tells of a system: of CONTROL what it did with the policy of round 0."""
    if name == CONTROL:
        of_run = {"seed": curve["seed"]}
        of_rounds = [{"round": m["round"], "fixed": curve["rounds"][0]["fixed"]} for m in curve["rounds"]]
    else:
        of_run = {part: curve[part] for part in ("seed", "record", "cost")}
        parts = ("round", "examples", "learning", "decoder", "fixed")
        of_rounds = [{part: measured[part] for part in parts} for measured in curve["rounds"]]
    deployed = [{"deployed": measured["systems"][name]} for measured in curve["rounds"]]
    return {**of_run, "rounds": [of_round | played for of_round, played in zip(of_rounds, deployed, strict=True)]}


def _summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Returns the means over some runs of a system by round, their decoder and cost, and the runs without games."""
    rounds = list(zip(*(run["rounds"] for run in runs), strict=True))
    summary: dict[str, Any] = {
        name: [asdict(over_samples([_games(m["deployed"], what) for m in measured])) for measured in rounds]
        for name, what in (("success", "won"), ("turns", "turns"))
    }
    clicks = [[m["deployed"]["click_accuracy"]["mean"] for m in measured] for measured in rounds]
    summary["click_accuracy"] = np.mean(clicks, axis=1).tolist()
    for split in ("seen", "unseen"):
        # All runs play the same games, so it is games that are drawn, with what all runs made of them.
        summary[split] = [
            asdict(estimate(np.mean([_games(m["fixed"][split], "won") for m in measured], axis=0).tolist()))
            if measured[0]["fixed"]
            else None
            for measured in rounds
        ]
    decoders = [m["decoder"] for measured in rounds for m in measured if "decoder" in m]
    summary["decoder"] = decoders and {
        "accuracy": _weighted(decoders, "accuracy", "exchanges"),
        "positive_precision": _weighted(decoders, "positive_precision", "positives"),
    }
    for part in ("seconds", "peak_memory_gb"):
        known = [run["cost"][part] for run in runs if "cost" in run and run["cost"][part] is not None]
        summary[part] = float(np.mean(known)) if known else None
    # Without the outcome of each game, which would be most of it.
    kept = json.loads(json.dumps(runs), object_hook=lambda part: {k: v for k, v in part.items() if k != "by_game"})
    return {**summary, "runs": kept}


def _games(measures: Measures, what: str) -> list[float]:
    return [float(number) for number in measures["by_game"][what].split()]


def _weighted(decoders: Sequence[Measures], what: str, count: str) -> float:
    values, weights = ([decoder[key] for decoder in decoders] for key in (what, count))
    return float(np.dot(values, weights) / max(1, sum(weights)))


def deployed_sheet(results: dict[str, Any]) -> Sheet:
    """Returns the deployed success by round."""
    systems = results["systems"]
    means = {name: system["success"] for name, system in systems.items()}
    runs = {
        name: {run["seed"]: [m["deployed"]["success"] for m in run["rounds"]] for run in system["runs"]}
        for name, system in systems.items()
    }
    return success_sheet("Deployed games won", results, means, runs)


def fixed_sheet(results: dict[str, Any]) -> Sheet:
    """Returns the success of the policies of each round in the fixed games."""
    rows = [
        [f"{name}, {split}", *map(percent, system[split])]
        for name, system in results["systems"].items()
        for split in ("seen", "unseen")
    ]
    deployed, evaluation = results["config"]["split"], results["evaluation"]
    title = (
        f"Fixed games won, in percent; simulated speakers, {evaluation['games']} games each on {deployed} (seen) and "
        f"{evaluation['unseen']} (unseen), {told_seeds(results)}"
    )
    return Sheet(title, ["system", *rounds_heads(results)], rows)


def measures_sheet(results: dict[str, Any]) -> Sheet:
    """Returns turns and clicks in the first and last round, the decoder over all rounds, and the cost of a run."""
    last = results["config"]["rounds"]
    columns = (
        "system",
        "turns a game",
        "right clicks, %",
        "decoder accuracy, %",
        "positive precision, %",
        "minutes a run",
        "peak memory, GB",
    )
    rows = []
    for name, system in results["systems"].items():
        decoder = system["decoder"]
        rows.append(
            [
                name,
                " → ".join(f"{system['turns'][round]['mean']:.1f}" for round in (0, last)),
                " → ".join(f"{100 * system['click_accuracy'][round]:.1f}" for round in (0, last)),
                *(f"{100 * decoder[what]:.1f}" if decoder else "–" for what in ("accuracy", "positive_precision")),
                "–" if system["seconds"] is None else f"{system['seconds'] / 60:.1f}",
                "–" if system["peak_memory_gb"] is None else f"{system['peak_memory_gb']:.2f}",
            ]
        )
    title = (
        f"Turns and clicks in round 0 → {last}, the decoder in all rounds, and the cost; simulated speakers, "
        f"{told_seeds(results)}"
    )
    return Sheet(title, columns, rows)


def ablation_sheet(results: dict[str, Any]) -> Sheet:
    """Returns what is left without each rule: deployed success in two rounds, and the fixed games at the end."""
    last = results["config"]["rounds"]
    shown = sorted({min(MIDDLE, last), last})
    columns = ["system", *(f"deployed, round {round}" for round in shown), "fixed, seen", "fixed, unseen"]
    rows = [
        [
            name,
            *(percent(system["success"][round]) for round in shown),
            *(percent(system[split][last]) for split in ("seen", "unseen")),
        ]
        for name, system in results["systems"].items()
    ]
    title = f"Games won with one rule less each, in percent; simulated speakers, {told_seeds(results)}"
    return Sheet(title, columns, rows)


def legend(results: dict[str, Any]) -> str:
    """Returns what the systems are, a line each, as a list in Markdown."""
    return "".join(f"- {name}: {system['meaning']}\n" for name, system in results["systems"].items())


def draw_curves(results: dict[str, Any], path: Path) -> None:
    """Draws deployed success, success on unseen figures and turns a game by round, with 95 % intervals.

    Args:
        results: What `results.json` holds.
        path: The PNG file; it is there whole or not at all.
    """
    figure = Figure(figsize=(9.5, 5.4), layout="constrained")
    panels = figure.subplot_mosaic([["success", "unseen"], ["success", "turns"]], width_ratios=[1.9, 1])
    for measure, title in PANELS.items():
        for name, system in results["systems"].items():
            if None in system[measure]:  # the fixed games were not played in all rounds by all
                continue
            axes, (colour, dashes, marker), rounds = panels[measure], STYLES[name], range(len(system[measure]))
            for run in system["runs"] if measure == "success" else ():
                single = [measured["deployed"]["success"]["mean"] for measured in run["rounds"]]
                axes.plot(rounds, single, dashes, color=colour, alpha=0.45, linewidth=0.7)
            label = f"{name}: {system['meaning']}"
            draw_band(axes, rounds, system[measure], dashes, color=colour, marker=marker, linewidth=2, label=label)
        finish_axes(panels[measure], title, measure)
    panels["success"].set_xlabel("round of deployment and learning")
    panels["turns"].set_xlabel("round")
    handles, labels = panels["success"].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    games = results["config"]["games"]
    note = f"Simulated speakers, {games} games a round, {told_seeds(results)}; bands: 95 % intervals"
    figure.suptitle(note, fontsize=10, color=FAINT)
    write_atomically(path, png(figure))


@dataclass(frozen=True, kw_only=True)
class LearningCurve:
    """How well does RESPECT learn, over seeds, beside its controls?

    Attributes:
        config: How all systems are run.
        seeds: Runs of each system, with seeds from --seed.
        unseen: The part of the tangrams that no policy sees before it is judged.
        evaluation: Fixed games on either split.
        ablations: TURNS with one rule less each, in place of the bounds.
        jobs: Runs at a time, each on one core.
        out: The folder of the runs.
    """

    config: Flat[Config] = DEFAULT
    seeds: Count = 3
    unseen: SplitName = "test"
    evaluation: Count = 1000
    ablations: bool = False
    jobs: Count = 2
    out: Path = Path("runs/learning_curve")

    def run(self, screen: Screen) -> None:
        """Runs what is not there yet, and prints, writes and draws what came of it.

        Raises:
            UserError: If a run cannot be had as it was asked for, or a folder is of another one.
        """
        config = self.config
        if self.unseen == config.split or "all" in (self.unseen, config.split):
            raise UserError(f"--unseen {self.unseen}: allowed is a split that is no part of --split {config.split}")
        tangrams = load_tangrams(config.tangrams)
        for split in (config.split, self.unseen):
            # Too small a split is an error now, not after the runs.
            tangrams.split(split).draw(np.random.default_rng(), CONTEXT_SIZE, SIMILARITY)
        evaluation = Evaluation(games=self.evaluation, unseen=self.unseen)
        systems = LEARNERS + (ABLATIONS if self.ablations else BOUNDS)
        seeds = range(config.seed, config.seed + self.seeds)
        jobs = [
            SystemJob(replace(config, seed=seed), self.out / f"{system.learner.name}-{seed}", system, evaluation)
            for seed in seeds
            for system in systems
        ]
        curves = run_all(run_job, jobs, self.jobs, screen, _told)
        results = {
            "config": config.common(),
            "seeds": list(seeds),
            "jobs": self.jobs,
            "evaluation": curves[0]["evaluation"],
            "systems": summaries(curves, systems),
        }
        table, written = ("ablations.md", "ablations.json") if self.ablations else ("table.md", "results.json")
        results = write_results(self.out / written, results)
        sheets = [deployed_sheet(results), fixed_sheet(results), measures_sheet(results)]
        if self.ablations:
            sheets.insert(0, ablation_sheet(results))
        else:
            draw_curves(results, self.out / "curves.png")
        write_atomically(self.out / table, "\n".join([*(sheet.markdown() for sheet in sheets), legend(results)]))
        screen.show(*sheets, legend(results))
        screen.say(f"{table} and {written} are in {self.out}")
