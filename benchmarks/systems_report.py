"""`multiref systems`, and what it shows: the panels of the paper as pictures, its figures as a table, and a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Annotated, Any

import numpy as np
from cyclopts import Parameter
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from multiref_gym.agents.evaluation.report import data_uri, definitions, finish_axes
from multiref_gym.agents.evaluation.tables import Sheet, percent, rounds_heads, told_seeds
from multiref_gym.agents.learning.jobs import Curve, run_all
from multiref_gym.agents.learning.respect import CONTROL, OPTIMISATION, Config, RoundOptimisation
from multiref_gym.benchmarks.systems import HH, MEASURES, decoders, jobs_of, run_system, summaries
from multiref_gym.commands.options import Count, Flat
from multiref_gym.commands.screen import Screen
from multiref_gym.feedback import Feedback
from multiref_gym.files import write_atomically
from multiref_gym.game import MAX_TURNS
from multiref_gym.provenance import write_results
from multiref_gym.registry import feedback_name

PAGE = Path(__file__).parents[1] / "agents" / "evaluation" / "systems.html"
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
"""The pictures of measures by round, and what is above each panel."""

CONFUSION = "decoders.png"
COLOURS = {"SUP": "#0072b2", "RL": "#d55e00", "KTO": "#009e73", CONTROL: "#8a6d3b", HH: "#555555"}
STYLES = {"B": ("-", "o"), "T": ("--", "^"), CONTROL: (":", "v"), HH: ("-.", None)}


def success_sheet(results: dict[str, Any]) -> Sheet:
    """Returns the games won by round: the systems' means, then every run."""
    systems = results["systems"]
    rows = [[name, *map(percent, system["measures"]["success"])] for name, system in systems.items()]
    if len(results["seeds"]) > 1:
        rows += [
            [f"{name}, seed {seed}", *(f"{100 * won['mean']:.0f}" for won in run["success"])]
            for name, system in systems.items()
            for seed, run in system["runs"].items()
        ]
    title = (
        f"Games won, in percent; simulated speakers, {results['config']['games']} games a round, {told_seeds(results)}"
    )
    return Sheet(title, ["system", *rounds_heads(results)], rows)


def measures_sheet(results: dict[str, Any]) -> Sheet:
    """Returns the other measures of the last round, and what a run took."""
    last = results["config"]["rounds"]
    columns = ["system", "turns", "right clicks, %", "oracle's action, %", "similarity, %", "positive, %", "minutes"]
    rows = []
    for name, system in results["systems"].items():
        measures, minutes = system["measures"], system["minutes"]
        rows.append(
            [
                name,
                f"{measures['turns'][last]['mean']:.1f}",
                *(_last(measures[measure]) for measure in list(MEASURES)[2:]),
                "–" if minutes is None else f"{minutes:.1f}",
            ]
        )
    title = f"Turns and clicks, actions beside the oracle's, and feedback in round {last}; {told_seeds(results)}"
    return Sheet(title, columns, rows)


def decoder_sheet(results: dict[str, Any]) -> Sheet:
    """Returns accuracy and precision of the decoders by round, over all systems that learn from them."""
    rows = []
    for kind, of_rounds in results["decoders"].items():
        counts = np.array(of_rounds)
        accuracy = (counts[:, 2, 2] + counts[:, :2, :2].sum((1, 2))) / counts.sum((1, 2)).clip(1)
        precision = counts[:, 2, 2] / counts[:, 2].sum(1).clip(1)
        name = _decoder(results, kind)
        for measure, values in (("accuracy", accuracy), ("precision of positives", precision)):
            rows.append([f"{name}, {measure}", *(f"{100 * value:.1f}" for value in values)])
    title = "Decoders, in percent; an action is good or not, and neutral feedback says that it is not"
    return Sheet(title, ["decoder", *rounds_heads(results)], rows)


def _last(estimates: Sequence[dict[str, float]] | None) -> str:
    return percent(estimates[-1] if estimates else None)


def _decoder(results: dict[str, Any], kind: str) -> str:
    return feedback_name(results["config"]["decoder"], ternary=kind == "T")


def csv_text(results: dict[str, Any]) -> str:
    """Returns all measures with their intervals as CSV: a row for each system, round and seed, and for all seeds."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    parts = ("mean", "low", "high")
    writer.writerow(["system", "seed", "round", *(f"{measure}_{part}" for measure in MEASURES for part in parts)])
    for name, system in results["systems"].items():
        for seed, measures in {**system["runs"], "all": system["measures"]}.items():
            for round in range(results["config"]["rounds"] + 1):
                values = [
                    measures[measure][round][part] if measures[measure] else ""
                    for measure in MEASURES
                    for part in parts
                ]
                writer.writerow([name, seed, round, *values])
    return file.getvalue()


def pictures(results: dict[str, Any]) -> dict[str, bytes]:
    """Returns all pictures as PNG, by the names of their files."""
    drawn = {name: _measures_png(results, panels) for name, panels in PANELS.items()}
    return {**drawn, CONFUSION: _confusion_png(results)}


def _measures_png(results: dict[str, Any], panels: dict[str, str]) -> bytes:
    figure = Figure(figsize=(10, 4), layout="constrained")
    all_axes = figure.subplots(1, len(panels))
    for axes, (measure, title) in zip(all_axes, panels.items(), strict=True):
        for name, system in results["systems"].items():
            if system["measures"][measure] is not None:
                _draw(axes, name, system["measures"][measure])
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_ylim(0, MAX_TURNS + 0.5 if measure == "turns" else 1.03)
        axes.set_xlabel("round")
        finish_axes(axes, percent=measure != "turns")
    handles, labels = all_axes[-1].get_legend_handles_labels()  # HH has no exact match, but all have a last panel
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=9)
    figure.suptitle(
        f"Simulated speakers, {results['config']['games']} games a round, {told_seeds(results)}; bands: 95 % intervals "
        "over games; B, T: binary, ternary feedback; HH: an oracle",
        fontsize=9,
        color="#555555",
    )
    return _png(figure)


def _draw(axes: Axes, name: str, estimates: Sequence[dict[str, float]]) -> None:
    kind, _, learner = name.partition("-")
    colour = COLOURS[learner or name]
    dashes, marker = STYLES[kind]
    mean, low, high = ([estimate[part] for estimate in estimates] for part in ("mean", "low", "high"))
    rounds = range(len(mean))
    axes.fill_between(rounds, low, high, color=colour, alpha=0.12, linewidth=0)
    axes.plot(rounds, mean, dashes, marker=marker, markersize=4, color=colour, label=name)


def _confusion_png(results: dict[str, Any]) -> bytes:
    """Draws for each decoder and round how often a decoded value stands for each true one."""
    last, kinds = results["config"]["rounds"], results["decoders"]
    figure = Figure(figsize=(max(6, 1.2 + 2.1 * (last + 1)), 5.2), layout="constrained")
    grid = figure.subplots(len(kinds), last + 1, squeeze=False)
    labels = [value.name.lower() for value in Feedback]
    for row, (kind, of_rounds) in zip(grid, kinds.items(), strict=True):
        for round, (axes, counts) in enumerate(zip(row, of_rounds, strict=True)):
            shares = np.array(counts) / max(1, np.sum(counts))
            axes.imshow(shares, cmap="Blues", vmin=0, vmax=0.6)
            for (decoded, true), share in np.ndenumerate(shares):
                colour = "white" if share > 0.35 else "black"
                axes.text(true, decoded, f"{100 * share:.1f}", ha="center", va="center", color=colour, fontsize=9)
            axes.set_title(f"{_decoder(results, kind)}, round {round}", fontsize=8.5)
            axes.set_xticks(range(3), labels, fontsize=8)
            axes.set_yticks(range(3), labels if round == 0 else [], fontsize=8)
            if round == 0:
                axes.set_ylabel("decoded")
    figure.supxlabel("true", fontsize=10)
    figure.suptitle(
        f"Percent of the actions that were replied to; simulated speakers, {told_seeds(results)}",
        fontsize=10,
        color="#555555",
    )
    return _png(figure)


def _png(figure: Figure) -> bytes:
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=150)
    return png.getvalue()


def page(results: dict[str, Any], drawn: dict[str, bytes], sheets: Sequence[Sheet]) -> str:
    """Returns the page: one file without scripts or links.

    Args:
        results: What `results.json` holds.
        drawn: The pictures, by name.
        sheets: The tables.
    """
    return Template(PAGE.read_text(encoding="utf-8")).substitute(
        pictures="\n".join(f'<img alt="{escape(name)}" src="{data_uri(png)}">' for name, png in drawn.items()),
        tables="\n".join(each.html() for each in sheets),
        systems=definitions({name: system["meaning"] for name, system in results["systems"].items()}),
        setup="\n".join(
            f"<h3>{escape(name)}</h3><dl>{definitions(results[name])}</dl>"
            for name in ("config", "versions", "machine")
        ),
    )


@dataclass(frozen=True, slots=True)
class SystemsConfig(Config):
    """What the systems have in common."""

    rounds: Count = 3
    ternary: Annotated[bool, Parameter(parse=False)] = False


@dataclass(frozen=True, kw_only=True)
class SystemsCommand:
    """Compares the six systems of arXiv 2410.13852, CONTROL and HH; an interrupted comparison goes on where it was.

    Attributes:
        config: What they have in common; the decoder is one that has a ternary form.
        seeds: Runs of each system, with seeds from --seed.
        optimisation: How all of them minimise their losses.
        jobs: Runs at a time, each on one core.
        out: The folder of the runs.
    """

    config: Flat[SystemsConfig] = SystemsConfig()
    seeds: Count = 1
    optimisation: Flat[RoundOptimisation] = OPTIMISATION
    jobs: Count = 2
    out: Path = Path("runs/systems")

    def run(self, screen: Screen) -> None:
        """Runs what is not there yet, shows the tables, and writes results, pictures and the page.

        Raises:
            UserError: If a run cannot be had as it was asked for, or a folder is of another one.
        """
        jobs = jobs_of(self.config, self.optimisation, self.seeds, self.out)
        curves = run_all(run_system, jobs, self.jobs, screen, _told)
        results = {
            "config": self.config.common(),
            "learners": {job.learner.name: job.learner.recorded() for job in jobs},
            "seeds": sorted({job.config.seed for job in jobs}),
            "jobs": self.jobs,
            "systems": summaries(curves),
            "decoders": decoders(curves),
        }
        results = write_results(self.out / "results.json", results)
        sheets = [success_sheet(results), measures_sheet(results), decoder_sheet(results)]
        drawn = pictures(results)
        for name, png in drawn.items():
            write_atomically(self.out / name, png)
        write_atomically(self.out / "table.md", "\n".join(sheet.markdown() for sheet in sheets))
        write_atomically(self.out / "systems.csv", csv_text(results))
        write_atomically(self.out / "report.html", page(results, drawn, sheets))
        screen.show(*(sheet.printed() for sheet in sheets))
        written = ["results.json", "table.md", "systems.csv", "report.html", *drawn]
        screen.say(f"{', '.join(written)} are in {self.out}")


def _told(curve: Curve) -> str:
    counts = curve["rounds"][-1]["counts"][curve["system"]]
    return f"{sum(counts['won']) / len(counts['won']):.1%} of the games of the last round won"
