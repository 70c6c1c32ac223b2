"""What is told of listeners that were asked about logged turns: figures, parts, and what sets them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from multiref_gym.agents.evaluation.offline import FIGURES, PARTS, Answers, LoggedTurn, by_part, compare, measure, told
from multiref_gym.agents.evaluation.pictures import bare_axes, noted_png
from multiref_gym.agents.evaluation.tables import Sheet, share
from multiref_gym.files import write_atomically

MOST_SPEAKERS = 20
"""Speakers that a table shows; results hold them all."""


def reported(turns: Sequence[LoggedTurn], answers: Answers, others: Mapping[str, Answers]) -> dict[str, Any]:
    """Returns all that is told of a listener, and of others on the same turns.

    Args:
        turns: One or more.
        answers: What the listener makes of them.
        others: What others make of them, by name.

    Returns:
        What `measure` returns; `by_speaker` and `by_turn` as `by_part` does; and `against`, for each other listener
        its `name`, `figures`, `by_speaker`, and `difference`, by how much the listener is above it.
    """
    return {
        **measure(turns, answers),
        "by_speaker": by_part(turns, answers, lambda turn: turn.speaker),
        "by_turn": by_part(turns, answers, lambda turn: turn.number),
        "against": [
            {
                "name": name,
                "figures": measure(turns, theirs)["figures"],
                "difference": compare(turns, answers, theirs),
                "by_speaker": by_part(turns, theirs, lambda turn: turn.speaker),
            }
            for name, theirs in others.items()
        ],
    }


def sheets(results: dict[str, Any], name: str, extra: Sequence[tuple[str, str]] = (), notes: str = "") -> list[Sheet]:
    """Returns tables of what `reported` returned.

    Args:
        results: What it returned.
        name: What the listener is called.
        extra: More rows of the first table, a heading and a value each.
        notes: What is said below it.
    """
    counts = results["counts"]
    of = f"{counts['turns']} turns of {counts['games']} games, {counts['speakers']} speakers"
    rows = [
        [heading, told(key, results["figures"][key]), told(key, results["logged"].get(key)).strip("–")]
        for key, heading in FIGURES.items()
    ]
    rows += [[heading, value, ""] for heading, value in extra]
    found = [Sheet(f"{name} on {of}; in brackets 95 % intervals", ["", "", "logged actions"], rows, notes)]
    for other in results["against"]:
        rows = [
            [heading, *(told(key, other[column][key]) for column in ("figures", "difference"))]
            for key, heading in FIGURES.items()
        ]
        found.append(Sheet(f"{name}, against {other['name']}", ["", other["name"], "above it by"], rows))
    for heading, part in (("turn", "by_turn"), ("speaker", "by_speaker")):
        rows = [
            [
                who,
                str(own["turns"]),
                str(own["rewarded"]),
                *(share(own[key]) for key in PARTS),
            ]
            for who, own in results[part].items()
        ]
        left = len(rows) - MOST_SPEAKERS
        columns = [heading, "turns", "rewarded", *(FIGURES[key] for key in PARTS)]
        found.append(Sheet("", columns, rows[:MOST_SPEAKERS], f"and {left} more" if left > 0 else ""))
    return found


def draw(results: dict[str, Any], name: str, path: Path) -> None:
    """Draws for each speaker how often the listener, and the first other one, does what was rewarded.

    Args:
        results: What `reported` returned.
        name: What the listener is called.
        path: The file, a PNG.
    """
    other = results["against"][0]
    parts = [(results["by_speaker"], name, "#d55e00"), (other["by_speaker"], other["name"], "#0072b2")]
    told = {who: own["exact_match"] for who, own in results["by_speaker"].items() if own["exact_match"] is not None}
    speakers = sorted(told, key=lambda who: told[who])
    figure = Figure(figsize=(8, 1.2 + 0.24 * len(speakers)), layout="constrained")
    axes = figure.subplots()
    for part, label, color in parts:
        axes.scatter([part[who]["exact_match"] for who in speakers], range(len(speakers)), color=color, label=label)
    for row, who in enumerate(speakers):
        axes.plot([part[who]["exact_match"] for part, _, _ in parts], [row, row], color="#999999", zorder=0)
    axes.set_yticks(range(len(speakers)), speakers, parse_math=False)
    axes.set_title("Exact match with rewarded actions, by speaker", loc="left", fontsize=10)
    axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    axes.legend(loc="lower right", frameon=False)
    bare_axes(axes, "x", "top", "right")
    counts = results["counts"]
    write_atomically(path, noted_png(figure, f"{counts['rewarded']} rewarded actions of {counts['games']} games"))
