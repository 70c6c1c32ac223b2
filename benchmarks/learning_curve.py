"""How well does RESPECT learn, over several seeds, compared with its controls?

    multiref bench learning-curve [--seeds 3] [--jobs 2] [--out runs/learning_curve]
    multiref bench learning-curve --ablations

Each system is run with each seed: SUP learns from decoded positives, TURNS gives credit over several turns. They stand
between two bounds: ALL takes every action as positive, and would not improve if only feedback taught; TRUE has true
labels instead of decoded ones. CONTROL is SUP's initial policy, redeployed to the same games.

Each round deploys other games. Besides these, policies play a fixed set of games: the same contexts, speakers and
random numbers for every round, system and seed, on the deployed split and on one that no policy saw. With
`--ablations`, systems that lack one thing each replace the bounds: TURNS lacks one of its rules, SUP its full
fine-tuning (SUP-LoRA), SUP and ALL other distractors (SUP-same and ALL-same), which shows how much of ALL's learning
comes from them.

Means are over seeds. The 95 % intervals are bootstrap intervals over the games of these runs; the single runs show how
much runs differ. All speakers are simulated. An interrupted command continues when it is given again. It writes
`table.md`, `results.json` and `curves.png` to the folder (`ablations.md` and `ablations.json` with `--ablations`),
beside the folders of the runs.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from peft import LoraConfig, get_peft_model
from torch import nn

from multiref_gym.agents.commands.options import RayOptions
from multiref_gym.agents.evaluation.intervals import estimate, over_samples
from multiref_gym.agents.evaluation.pictures import draw_band, finish_axes, noted_png
from multiref_gym.agents.evaluation.tables import Sheet, percent, rounds_heads, seeds_note, success_sheet
from multiref_gym.agents.learning.jobs import Curve, Job, Measures, run_all, run_curve
from multiref_gym.agents.learning.objectives import SupAndUnlikelihood
from multiref_gym.agents.learning.respect import (
    CONTROL,
    OPTIMISATION,
    SEED,
    SIMILARITY,
    SUP,
    TURNS,
    Config,
    Learner,
    Respect,
)
from multiref_gym.agents.learning.run_folder import claimed
from multiref_gym.agents.listeners.named import new_listener
from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.agents.listeners.small.model import SmallModel
from multiref_gym.benchmarks.fixed_games import FIXED_GAMES, Evaluation, by_game, evaluate
from multiref_gym.commands.options import Count, Flat
from multiref_gym.commands.screen import Screen
from multiref_gym.contexts import shared_contexts
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.files import write_atomically
from multiref_gym.game import Action
from multiref_gym.provenance import write_results
from multiref_gym.tangrams import TangramSet, load_tangrams
from multiref_gym.tangrams.tangram_set import SplitName

DEFAULT = Config()
MIDDLE = 3
"""The round, besides the last, that the table of ablations shows."""

STYLES = {  # also distinguishable without colours
    "SUP": ("#0072b2", "-", "o"),
    "TURNS": ("#d55e00", "-", "s"),
    "ALL": ("#cc79a7", "-.", "^"),
    "TRUE": ("#009e73", ":", "D"),
    CONTROL: ("#8a6d3b", "--", "v"),
}

PANELS = {
    "success": "Deployed games won; thin lines: single runs",
    "unseen": "Fixed games won on unseen tangrams",
    "turns": "Turns a game (fewer is better)",
}


class AllPositive(Respect):
    """RESPECT that takes every deployed action as positive, so that none of its learning comes from feedback.

    The seed is decoded as usual, so that round 0 is the same. In the store, the labels have the decoder's name.
    """

    def _label(self, action: Action, targets: Collection[int]) -> Feedback:
        return Feedback.POSITIVE

    def decode(self, system: str, round: int) -> None:
        """Labels every action of a round that has a reply."""
        if system == SEED:
            super().decode(system, round)
        elif not self.store.has_feedback(system, round, self._feedback):
            games = self.store.interactions(system, round)
            labels = [[self._label(turn.action, game.targets) for turn in game.turns[:-1]] for game in games]
            self.store.add_feedback(system, round, self._feedback, labels)


class TrueLabels(AllPositive):
    """RESPECT with true labels: a bound rather than a learner, like a decoder that is never wrong.

    As for a binary decoder, a half-right action is negative.
    """

    def _label(self, action: Action, targets: Collection[int]) -> Feedback:
        return Feedback.POSITIVE if ground_truth(action, targets) is Feedback.POSITIVE else Feedback.NEGATIVE


class LowRankListener(SmallListener):
    """The small listener with low-rank updates learned in place of its weights (LoRA, Hu et al. 2022).

    Rank and scale are the paper's. All linear layers except the vision's have updates. Word embeddings are trained in
    full, because a new word has nothing to update. A policy is saved with its updates merged.
    """

    def __init__(self, model: SmallModel, tangrams: TangramSet) -> None:
        super().__init__(model, tangrams)
        layers = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
        layers = [name for name in layers if not name.startswith("vision.")]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.model: Any = get_peft_model(
                model, LoraConfig(r=8, lora_alpha=8, target_modules=layers, modules_to_save=["pieces"])
            )
        self.model.train(False)

    def save(self, path: Path) -> None:
        """Saves the network, with the learned updates merged into it, as a checkpoint folder."""
        deepcopy(self.model).merge_and_unload().save_pretrained(path)


@dataclass(frozen=True, slots=True)
class System:
    """A system: a learner and its setting.

    Attributes:
        meaning: A description in one line.
        learner: How it learns; it has the system's name.
        loop: The class that runs it.
        listener: The listener that learns, if it is not the one asked for.
        every_round: Whether the policies of all rounds play the fixed games; if not, those of the first and the last.
    """

    meaning: str
    learner: Learner
    loop: type[Respect] = Respect
    listener: str | None = None
    every_round: bool = False


def _without(name: str, **rule: Any) -> Learner:
    """Returns TURNS without one of its rules."""
    return replace(TURNS, name=f"TURNS-{name}", credit=replace(TURNS.credit, **rule))


SAME = replace(OPTIMISATION, other_distractors=0.0)
LEARNERS = (
    System("learns from decoded positives, as in the paper", SUP, every_round=True),
    System("gives credit over several turns", TURNS, every_round=True),
)
BOUNDS = (
    System("takes every action as positive", replace(SUP, name="ALL"), AllPositive),
    System("has true labels in place of decoded ones: a bound", replace(SUP, name="TRUE"), TrueLabels),
)
ABLATIONS = (
    System("TURNS, last action of a won game left out", _without("last", last_action=False)),
    System("TURNS, final selection not used", _without("final", final_selection=False)),
    System("TURNS, negatives left out", replace(TURNS, name="TURNS-negatives", objective=SupAndUnlikelihood(0.0))),
    System(
        "SUP, each example with its own distractors in every pass", replace(SUP, name="SUP-same", optimisation=SAME)
    ),
    System(
        "ALL, each example with its own distractors in every pass",
        replace(SUP, name="ALL-same", optimisation=SAME),
        AllPositive,
    ),
    System("SUP, low-rank updates", replace(SUP, name="SUP-LoRA"), listener=f"{__name__}:LowRankListener"),
)


@dataclass(frozen=True, slots=True)
class SystemJob(Job):
    """One system with one seed.

    Attributes:
        config: The settings of the run, except those of the system.
        system: The system.
        evaluation: The games that the policies play afterwards.
    """

    system: System
    evaluation: Evaluation

    def respect(self) -> Respect:
        """Returns the run; see `Respect` for the errors."""
        listener = self.system.listener or self.config.listener
        return self.system.loop(replace(self.config, listener=listener), self.system.learner, self.folder)


def run_job(job: SystemJob) -> Curve:
    """Runs the missing steps of a job, and writes and returns its curve; see `run_curve` for the errors.

    Returns:
        See `run_curve`; also `evaluation`. The measures of a round have each game's outcome (`by_game`), and those of
        the fixed games (`fixed`, by "seen" and "unseen"; None if they were not played).
    """

    def kept(respect: Respect, rounds: list[Measures]) -> list[Measures]:
        tangrams = load_tangrams(job.config.tangrams)
        for measured in rounds:
            round = measured["round"]
            for system, measures in measured["systems"].items():
                measures["by_game"] = by_game(respect.store.interactions(system, round))
            measured["fixed"] = None
            if job.system.every_round or round in (0, job.config.rounds):
                listener = new_listener(job.config.listener, tangrams, model=job.folder / f"round-{round}")
                measured["fixed"] = evaluate(listener, tangrams, job.config, job.evaluation)
        return rounds

    return run_curve(job, job.respect, kept, evaluation={**asdict(job.evaluation), "seed": FIXED_GAMES})


def _message(curve: Curve) -> str:
    success = curve["rounds"][-1]["systems"][curve["system"]]["success"]["mean"]
    return f"{success:.1%} of the games of the last round won"


def summaries(curves: Sequence[Curve], systems: Sequence[System]) -> dict[str, Any]:
    """Returns the results of the runs by system: means over seeds by round, and the runs themselves.

    CONTROL is taken from SUP's runs: it is their initial policy in every round, also in the fixed games.
    """
    meanings = {system.learner.name: system.meaning for system in systems}
    meanings[CONTROL] = "the initial policy redeployed"
    learners = {name: name for name in meanings} | {CONTROL: SUP.name}
    return {
        name: {"meaning": meaning, **_summary([_run(c, name) for c in curves if c["system"] == learners[name]])}
        for name, meaning in meanings.items()
    }


def _run(curve: Curve, name: str) -> dict[str, Any]:
    """Returns the results of a system in a curve; CONTROL's are those of round 0's policy."""
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
    """Returns the means by round over a system's runs, their decoder and cost, and the runs without games."""
    rounds = list(zip(*(run["rounds"] for run in runs), strict=True))
    summary: dict[str, Any] = {
        name: [asdict(over_samples([_games(m["deployed"], what) for m in measured])) for measured in rounds]
        for name, what in (("success", "won"), ("turns", "turns"))
    }
    clicks = [[m["deployed"]["click_accuracy"]["mean"] for m in measured] for measured in rounds]
    summary["click_accuracy"] = np.mean(clicks, axis=1).tolist()
    for split in ("seen", "unseen"):
        # All runs play the same games, so the bootstrap draws games, each with the outcomes of all runs.
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
        costs = [run["cost"][part] for run in runs if "cost" in run and run["cost"][part] is not None]
        summary[part] = float(np.mean(costs)) if costs else None
    # Without the outcome of each game, which would take most of the space.
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
        f"{evaluation['unseen']} (unseen), {seeds_note(results)}"
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
        f"{seeds_note(results)}"
    )
    return Sheet(title, columns, rows)


def ablation_sheet(results: dict[str, Any]) -> Sheet:
    """Returns the results of the ablations: deployed success in two rounds, and the fixed games at the end."""
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
    title = f"Games won without one thing each, in percent; simulated speakers, {seeds_note(results)}"
    return Sheet(title, columns, rows)


def legend(results: dict[str, Any]) -> str:
    """Returns the meanings of the systems, a line each, as a list in Markdown."""
    return "".join(f"- {name}: {system['meaning']}\n" for name, system in results["systems"].items())


def draw_curves(results: dict[str, Any], path: Path) -> None:
    """Draws deployed success, success on unseen figures and turns a game by round, with 95 % intervals.

    Args:
        results: The content of `results.json`.
        path: The PNG file, written completely or not at all.
    """
    figure = Figure(figsize=(9.5, 5.4), layout="constrained")
    panels = figure.subplot_mosaic([["success", "unseen"], ["success", "turns"]], width_ratios=[1.9, 1])
    for measure, title in PANELS.items():
        for name, system in results["systems"].items():
            if None in system[measure]:  # not all systems played the fixed games in all rounds
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
    note = f"Simulated speakers, {games} games a round, {seeds_note(results)}; bands: 95 % intervals"
    write_atomically(path, noted_png(figure, note))


@dataclass(frozen=True, kw_only=True)
class LearningCurve(RayOptions):
    """How well does RESPECT learn, over several seeds, compared with its controls?

    Attributes:
        config: The settings of all systems.
        seeds: Runs of each system, with seeds from --seed.
        unseen: The part of the tangrams that policies do not see before they are tested.
        evaluation: Fixed games on each of the two splits.
        ablations: Systems that lack one thing each, instead of the bounds.
        jobs: Runs at a time; a cluster runs as many as it has room for.
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
        """Runs the missing steps, and prints, writes and draws the results.

        Raises:
            UserError: If a run is not possible with these options, or a folder belongs to another one.
        """
        config = self.config
        if self.unseen == config.split or "all" in (self.unseen, config.split):
            raise UserError(f"--unseen {self.unseen}: allowed is a split that is not part of --split {config.split}")
        tangrams = load_tangrams(config.tangrams)
        for split in (config.split, self.unseen):
            # Report too small a split now, not after the runs.
            shared_contexts(tangrams.split(split), SIMILARITY)
        evaluation = Evaluation(games=self.evaluation, unseen=self.unseen)
        systems = LEARNERS + (ABLATIONS if self.ablations else BOUNDS)
        seeds = range(config.seed, config.seed + self.seeds)
        # CONTROL is the same in all runs of a seed, so SUP's run deploys it.
        jobs = [
            SystemJob(
                replace(config, seed=seed, control=system.learner is SUP),
                self.out / f"{system.learner.name}-{seed}",
                system,
                evaluation,
            )
            for seed in seeds
            for system in systems
        ]
        models = config.listener, config.decoder
        with self.chosen_workers(*models) as workers, claimed(self.out, command="bench learning-curve"):
            curves = run_all(run_job, jobs, self.jobs, screen, _message, workers)
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
