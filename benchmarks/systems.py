"""Compares the six systems of arXiv 2410.13852, CONTROL and HH (`multiref systems`).

A system is a decoder and an objective: B and T are a binary and a ternary decoder; SUP, RL and KTO are objectives. All
start from one policy, learned from the seed. In each round all of them meet the same contexts, each with the same
speaker, so that no system gets easier games than another. CONTROL is the initial policy, redeployed to these games. HH
is an oracle that knows the wanted actions: it stands in for a person, as an upper bound.

Single turns are compared too: in each round, every policy is asked for its action in each turn of HH's games of that
round, with HH's dialogue and selection.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter
from matplotlib.figure import Figure

from multiref_gym.agents.commands.options import RayOptions
from multiref_gym.agents.evaluation import pages
from multiref_gym.agents.evaluation.intervals import over_samples
from multiref_gym.agents.evaluation.measures import RATIOS, Confusion, Counts, counts_of
from multiref_gym.agents.evaluation.pictures import NARROW, draw_band, finish_axes, noted_png
from multiref_gym.agents.evaluation.tables import Sheet, percent, rounds_heads, seeds_note, success_sheet
from multiref_gym.agents.learning.jobs import Curve, Job, Measures, run_all, run_curve
from multiref_gym.agents.learning.learn import Optimisation
from multiref_gym.agents.learning.respect import (
    CONTROL,
    KTO,
    OPTIMISATION,
    RL,
    SUP,
    Config,
    Learner,
    Respect,
    RoundOptimisation,
)
from multiref_gym.agents.learning.run_folder import claimed, fields
from multiref_gym.agents.listeners.baselines import OracleListener
from multiref_gym.agents.listeners.named import new_listener
from multiref_gym.agents.play import play
from multiref_gym.commands.options import Count, Flat
from multiref_gym.commands.screen import Screen
from multiref_gym.feedback import Feedback, FeedbackDecoder, decoded
from multiref_gym.files import write_atomically
from multiref_gym.game import Action
from multiref_gym.interaction import Interaction
from multiref_gym.listener import Listener, decided
from multiref_gym.png import data_url
from multiref_gym.provenance import write_results
from multiref_gym.registry import decoder_of, feedback_name, new_decoder
from multiref_gym.tangrams import load_tangrams

HH = "HH"
KINDS = ("B", "T")
"""The letters of systems with a binary and with a ternary decoder."""

OBJECTIVES = {
    SUP: "supervised learning on positives",
    RL: "REINFORCE",
    KTO: "Kahneman-Tversky optimisation",
}
MEANINGS = {
    f"{letter}-{learner.name}": f"{kind} feedback, {objective}"
    for learner, objective in OBJECTIVES.items()
    for letter, kind in (("B", "binary"), ("T", "ternary"))
} | {CONTROL: "the initial policy redeployed", HH: "the oracle, in place of a person"}

MEASURES = {
    **RATIOS,
    "exact_match": ("matched", "asked"),
    "similarity": ("similarity", "asked"),
    "positive_share": ("positives", "replies"),
}
"""Each measure is a ratio of two sums over games."""


@dataclass(frozen=True, slots=True)
class LearnerJob(Job):
    """One system with one seed.

    Attributes:
        learner: How it learns; it has the system's name.
    """

    learner: Learner


def jobs_of(config: Config, optimisation: Optimisation, seeds: int, out: Path) -> list[LearnerJob]:
    """Returns the runs of the six systems, with seeds from that of the configuration.

    Args:
        config: The shared settings, including the decoder.
        optimisation: How all of them minimise their losses.
        seeds: Runs of each system.
        out: The folder of their folders.

    Raises:
        UserError: If there is no such decoder, or it has no ternary form.
    """
    decoder_of(config.decoder, ternary=True)
    # CONTROL is the same in all runs of a seed, so the first of them deploys it.
    return [
        LearnerJob(
            replace(config, seed=seed, ternary=kind == "T", control=(learner, kind) == (SUP, "B")),
            out / f"{kind}-{learner.name}-{seed}",
            replace(learner, name=f"{kind}-{learner.name}", optimisation=optimisation),
        )
        for seed in range(config.seed, config.seed + seeds)
        for learner in OBJECTIVES
        for kind in KINDS
    ]


def run_system(job: LearnerJob) -> Curve:
    """Runs a job, and keeps the decoder's quality and the counts of all deployed systems in each round.

    Returns:
        See `run_curve`. Each round has `decoder`, and `counts` by system.
    """
    config = job.config
    decoder, tangrams = new_decoder(config.decoder, config.ternary), load_tangrams(config.tangrams)

    def counts(respect: Respect, round: int) -> dict[str, Counts]:
        # Every job replays HH's games to compare turns with, which takes no time; only one of them counts HH's games.
        games = respect.games(HH, round)
        people = play(OracleListener(games), games, policy=HH, round=round)
        counted = {}
        for system, policy in {job.learner.name: round, **({CONTROL: 0} if config.control else {})}.items():
            listener = new_listener(config.listener, tangrams, model=job.folder / f"round-{policy}")
            played = respect.store.interactions(system, round)
            counted[system] = game_counts(played, decoder) | turn_counts(listener, people)
        return counted | ({HH: game_counts(people, decoder)} if config.control else {})

    def kept(respect: Respect, rounds: list[Measures]) -> list[Measures]:
        return [{"round": m["round"], "decoder": m["decoder"], "counts": counts(respect, m["round"])} for m in rounds]

    return run_curve(job, lambda: Respect(config, job.learner, job.folder), kept)


def game_counts(games: Sequence[Interaction], decoder: FeedbackDecoder) -> Counts:
    """Returns the counts of games and of the feedback on their actions."""
    exchanges = [game.exchanges() for game in games]
    answers = iter(decoded(decoder, [exchange for of_game in exchanges for exchange in of_game]))
    return counts_of(games) | {
        "positives": [float(sum(next(answers) is Feedback.POSITIVE for _ in of_game)) for of_game in exchanges],
        "replies": [float(len(of_game)) for of_game in exchanges],
    }


def turn_counts(listener: Listener, games: Sequence[Interaction]) -> Counts:
    """Compares a listener's actions with those taken in some games.

    The similarity of two actions is that of their sets of clicks (Jaccard): the number of shared clicks over the number
    of all clicks.
    """
    views = [view for game in games for view in game.views()]
    rngs = [np.random.default_rng(child) for child in np.random.SeedSequence(0).spawn(len(views))]
    acted = iter(decided(listener, views, rngs))
    pairs = [[((next(acted).action or Action()).clicks, turn.action.clicks) for turn in game.turns] for game in games]
    return {
        "asked": [float(len(game.turns)) for game in games],
        "matched": [float(sum(acted == logged for acted, logged in of_game)) for of_game in pairs],
        "similarity": [sum(len(a & b) / max(1, len(a | b)) for a, b in of_game) for of_game in pairs],
    }


def summaries(curves: Sequence[Curve]) -> dict[str, Any]:
    """Returns the results of the runs by system.

    Returns:
        For each system, its `meaning`; each of `MEASURES` by round, over all runs (`measures`, None if there is nothing
        to measure) and in each run (`runs`, by seed); and the mean `minutes` of a run, None if the system does not
        learn or its time is unknown.
    """
    summaries = {}
    for name, meaning in MEANINGS.items():
        runs = {c["seed"]: [m["counts"][name] for m in c["rounds"]] for c in curves if name in c["rounds"][0]["counts"]}
        seconds = [curve["cost"]["seconds"] for curve in curves if curve["system"] == name]
        summaries[name] = {
            "meaning": meaning,
            "measures": _measures(list(runs.values())),
            "runs": {str(seed): _measures([counts]) for seed, counts in runs.items()},
            "minutes": float(np.mean(seconds)) / 60 if seconds and None not in seconds else None,
        }
    return summaries


def _measures(runs: Sequence[Sequence[Counts]]) -> dict[str, list[dict[str, float]] | None]:
    rounds = list(zip(*runs, strict=True))
    return {
        measure: [asdict(over_samples([c[above] for c in counts], [c[below] for c in counts])) for counts in rounds]
        if above in rounds[0][0]
        else None
        for measure, (above, below) in MEASURES.items()
    }


def decoders(curves: Sequence[Curve]) -> dict[str, list[list[list[int]]]]:
    """Returns the confusion over all runs, by kind of decoder ("B" or "T") and round; see `decoder_quality`."""
    return {
        kind: [
            np.sum([measured["decoder"]["confusion"] for measured in of_round], axis=0).tolist()
            for of_round in zip(*(c["rounds"] for c in curves if c["system"].startswith(f"{kind}-")), strict=True)
        ]
        for kind in KINDS
    }


PANELS = {
    "games.png": {
        "success": "Games won",
        "turns": "Turns a game (fewer is better)",
        "click_accuracy": "Clicks that were right",
    },
    "turns.png": {
        "exact_match": "Actions that are the oracle's",
        "similarity": "Similarity to the oracle's action",
        "positive_share": "Feedback that is positive",
    },
}
"""The pictures of measures by round, and the title of each panel."""

ALTERNATIVES = {
    **{name: f"By round: {', '.join(panels.values())}" for name, panels in PANELS.items()},
    "decoders.png": "How often each true value was decoded as each, by round",
}
"""The descriptions of the pictures for readers who do not see them."""

COLOURS = {"SUP": "#0072b2", "RL": "#d55e00", "KTO": "#009e73", CONTROL: "#8a6d3b", HH: "#555555"}
STYLES = {"B": ("-", "o"), "T": ("--", "^"), CONTROL: (":", "v"), HH: ("-.", None)}


def sheets(results: dict[str, Any]) -> list[Sheet]:
    """Returns all tables."""
    systems = results["systems"]
    means = {name: system["measures"]["success"] for name, system in systems.items()}
    runs = {name: {seed: run["success"] for seed, run in system["runs"].items()} for name, system in systems.items()}
    return [success_sheet("Games won", results, means, runs), measures_sheet(results), decoder_sheet(results)]


def measures_sheet(results: dict[str, Any]) -> Sheet:
    """Returns the other measures of the last round, and the cost of a run."""
    last = results["config"]["rounds"]
    columns = ["system", "turns", "right clicks, %", "oracle's action, %", "similarity, %", "positive, %", "minutes"]
    rows = []
    for system, of_system in results["systems"].items():
        measures, minutes = of_system["measures"], of_system["minutes"]
        rows.append(
            [
                system,
                f"{measures['turns'][last]['mean']:.1f}",
                *(percent(measures[name] and measures[name][last]) for name in list(MEASURES)[2:]),
                "–" if minutes is None else f"{minutes:.1f}",
            ]
        )
    title = f"Turns, clicks, actions compared with the oracle's, and feedback in round {last}; {seeds_note(results)}"
    return Sheet(title, columns, rows)


def decoder_sheet(results: dict[str, Any]) -> Sheet:
    """Returns accuracy and precision of the decoders by round, over all systems that learn from them."""
    rows = []
    for kind, of_rounds in results["decoders"].items():
        rounds = [Confusion(np.array(counts)) for counts in of_rounds]
        name = _decoder(results, kind)
        rows.append([f"{name}, accuracy", *(f"{100 * each.accuracy:.1f}" for each in rounds)])
        rows.append([f"{name}, precision of positives", *(f"{100 * (each.precision or 0):.1f}" for each in rounds)])
    title = "Decoders, in percent; an action is good or not, and neutral feedback counts as not good"
    return Sheet(title, ["decoder", *rounds_heads(results)], rows)


def _decoder(results: dict[str, Any], kind: str) -> str:
    return feedback_name(results["config"]["decoder"], ternary=kind == "T")


def csv_text(results: dict[str, Any]) -> str:
    """Returns all measures with their intervals as CSV, with a row for each system, seed and round.

    Rows with the seed "all" are over all seeds.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    parts = ("mean", "low", "high")
    writer.writerow(["system", "seed", "round", *(f"{measure}_{part}" for measure in MEASURES for part in parts)])
    for name, system in results["systems"].items():
        for seed, measures in {**system["runs"], "all": system["measures"]}.items():
            for round in range(results["config"]["rounds"] + 1):
                found = [of_rounds and of_rounds[round] for of_rounds in measures.values()]
                writer.writerow([name, seed, round, *(each[part] if each else "" for each in found for part in parts)])
    return file.getvalue()


def pictures(results: dict[str, Any]) -> dict[str, Callable[[bool], bytes]]:
    """Returns a function for each picture, by the name of its file; it takes whether the picture is narrow."""
    measures = {name: partial(_measures_png, results, panels) for name, panels in PANELS.items()}
    return {**measures, "decoders.png": partial(_confusion_png, results)}


def _measures_png(results: dict[str, Any], panels: dict[str, str], narrow: bool = False) -> bytes:
    """Draws measures by round, in panels beside each other, or below each other for a phone."""
    if narrow:
        figure = Figure(figsize=(NARROW, 3 * len(panels) + 1), layout="constrained")
        all_axes = figure.subplots(len(panels), 1)
    else:
        figure = Figure(figsize=(10, 4), layout="constrained")
        all_axes = figure.subplots(1, len(panels))
    for axes, (measure, title) in zip(all_axes, panels.items(), strict=True):
        for name, system in results["systems"].items():
            if (estimates := system["measures"][measure]) is not None:
                kind, _, learner = name.partition("-")
                colour, (dashes, marker) = COLOURS[learner or name], STYLES[kind]
                draw_band(axes, range(len(estimates)), estimates, dashes, color=colour, marker=marker, label=name)
        finish_axes(axes, title, measure)
        if axes is all_axes[-1] or not narrow:
            axes.set_xlabel("round")
    handles, labels = all_axes[-1].get_legend_handles_labels()  # HH has no exact match, but all have a last panel
    columns = 4 if narrow else len(labels)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False, fontsize=9)
    note = [f"Simulated speakers, {results['config']['games']} games a round", seeds_note(results)]
    note += ["bands: 95 % intervals over games", "B, T: binary, ternary feedback; HH: an oracle"]
    return noted_png(figure, "\n".join(note) if narrow else f"{note[0]}, {note[1]}; {note[2]}\n{note[3]}")


def _confusion_png(results: dict[str, Any], narrow: bool = False) -> bytes:
    """Draws how often each true value (row) was decoded as each (column), for each decoder and round.

    The rounds of a decoder are beside each other, or below each other for a phone.
    """
    last, kinds = results["config"]["rounds"], results["decoders"]
    if narrow:
        figure = Figure(figsize=(NARROW, 1 + 2.1 * (last + 1)), layout="constrained")
        grid = figure.subplots(last + 1, len(kinds), squeeze=False).T
    else:
        figure = Figure(figsize=(max(6, 1.2 + 2.1 * (last + 1)), 5.2), layout="constrained")
        grid = figure.subplots(len(kinds), last + 1, squeeze=False)
    labels = [value.name.lower() for value in Feedback]
    for number, (row, (kind, of_rounds)) in enumerate(zip(grid, kinds.items(), strict=True)):
        for round, (axes, counts) in enumerate(zip(row, of_rounds, strict=True)):
            shares = np.array(counts).T / max(1, np.sum(counts))
            axes.imshow(shares, cmap="Blues", vmin=0, vmax=0.6)
            for (true, answer), share in np.ndenumerate(shares):
                colour = "white" if share > 0.35 else "black"
                axes.text(answer, true, f"{100 * share:.1f}", ha="center", va="center", color=colour, fontsize=9)
            axes.set_title(f"{_decoder(results, kind)}, round {round}", fontsize=8.5)
            axes.set_xticks(range(3), labels, fontsize=8)
            leftmost = (number if narrow else round) == 0
            axes.set_yticks(range(3), labels if leftmost else [], fontsize=8)
            if leftmost:
                axes.set_ylabel("true")
    figure.supxlabel("decoded", fontsize=10)
    note = ["Percent of the actions that were replied to", f"simulated speakers, {seeds_note(results)}"]
    return noted_png(figure, ";\n".join(note) if narrow else "; ".join(note))


@dataclass(frozen=True, slots=True)
class SystemsConfig(Config):
    """The common settings of the systems."""

    rounds: Count = 3
    ternary: Annotated[bool, Parameter(parse=False)] = False


@dataclass(frozen=True, kw_only=True)
class SystemsCommand(RayOptions):
    """Compares the six systems of arXiv 2410.13852, CONTROL and HH; continues an interrupted comparison.

    Attributes:
        config: The shared settings; the decoder must have a ternary form.
        seeds: Runs of each system, with seeds from --seed.
        optimisation: How all of them minimise their losses.
        jobs: Runs at a time; a cluster runs as many as it has room for.
        out: The folder of the runs.
    """

    config: Flat[SystemsConfig] = SystemsConfig()
    seeds: Count = 1
    optimisation: Flat[RoundOptimisation] = OPTIMISATION
    jobs: Count = 2
    out: Path = Path("runs/systems")

    def run(self, screen: Screen) -> None:
        """Runs the missing steps, shows the tables, and writes results, pictures and the page.

        Raises:
            UserError: If a run is not possible with these options, or a folder belongs to another one.
        """
        jobs = jobs_of(self.config, self.optimisation, self.seeds, self.out)
        models = self.config.listener, self.config.decoder
        with self.chosen_workers(*models) as workers, claimed(self.out, command="systems"):
            curves = run_all(run_system, jobs, self.jobs, screen, _message, workers)
        results: dict[str, Any] = {
            "config": self.config.common(),
            "learners": {job.learner.name: job.learner.recorded() for job in jobs},
            "seeds": sorted({job.config.seed for job in jobs}),
            "jobs": self.jobs,
            "systems": summaries(curves),
            "decoders": decoders(curves),
        }
        results = write_results(self.out / "results.json", results)
        tables = sheets(results)
        drawn, narrow = ({name: draw(small) for name, draw in pictures(results).items()} for small in (False, True))
        page = pages.page(
            "systems.html",
            systems={name: system["meaning"] for name, system in results["systems"].items()},
            pictures=[(ALTERNATIVES[name], data_url(drawn[name]), data_url(narrow[name])) for name in drawn],
            sheets=tables,
            setup={name: fields(results[name]) for name in ("config", "versions", "machine")},
        )
        table = "\n".join(sheet.markdown() for sheet in tables)
        written: dict[str, str | bytes] = {"table.md": table, "systems.csv": csv_text(results), "report.html": page}
        written |= drawn
        for name, content in written.items():
            write_atomically(self.out / name, content)
        screen.show(*tables)
        screen.say(f"{', '.join(['results.json', *written])} are in {self.out}")


def _message(curve: Curve) -> str:
    counts = curve["rounds"][-1]["counts"][curve["system"]]
    return f"{sum(counts['won']) / len(counts['won']):.1%} of the games of the last round won"
