"""The report on listeners that were asked about logged turns: figures, figures by part, and comparisons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from multiref_gym.agents.evaluation.offline import (
    FIGURES,
    PARTS,
    Answers,
    LoggedTurn,
    by_part,
    compare,
    figure_text,
    measure,
)
from multiref_gym.agents.evaluation.pictures import bare_axes, noted_png
from multiref_gym.agents.evaluation.tables import Sheet, share
from multiref_gym.files import write_atomically

MOST_SPEAKERS = 20
"""The number of speakers in a table; the results have all of them."""


def reported(turns: Sequence[LoggedTurn], answers: Answers, others: Mapping[str, Answers]) -> dict[str, Any]:
    """Returns the results of a listener, and of others on the same turns.

    Args:
        turns: One or more.
        answers: The listener's answers to them.
        others: The answers of other listeners, by name.

    Returns:
        The results of `measure`; those of `by_part`, as `by_speaker` and `by_turn`; and `against`: for each other
        listener its `name`, `figures` and `by_speaker`, and the `difference` that remains if its figures are subtracted
        from the listener's.
    """
    return {
        **measure(turns, answers),
        "by_speaker": by_part(turns, answers, lambda turn: turn.speaker),
        "by_turn": by_part(turns, answers, lambda turn: turn.number),
        "against": [
            {
                "name": name,
                "figures": measure(turns, other)["figures"],
                "difference": compare(turns, answers, other),
                "by_speaker": by_part(turns, other, lambda turn: turn.speaker),
            }
            for name, other in others.items()
        ],
    }


def sheets(results: dict[str, Any], name: str, extra: Sequence[tuple[str, str]] = (), notes: str = "") -> list[Sheet]:
    """Returns tables of the results.

    Args:
        results: The results of `reported`.
        name: The listener's name.
        extra: More rows of the first table, each with a heading and a value.
        notes: The text below the first table.
    """
    counts = results["counts"]
    data = f"{counts['turns']} turns of {counts['games']} games, {counts['speakers']} speakers"
    rows = [
        [heading, figure_text(key, results["figures"][key]), figure_text(key, results["logged"].get(key)).strip("–")]
        for key, heading in FIGURES.items()
    ]
    rows += [[heading, value, ""] for heading, value in extra]
    found = [Sheet(f"{name} on {data}; in brackets 95 % intervals", ["", "", "logged actions"], rows, notes)]
    for other in results["against"]:
        rows = [
            [heading, *(figure_text(key, other[column][key]) for column in ("figures", "difference"))]
            for key, heading in FIGURES.items()
        ]
        found.append(Sheet(f"{name}, compared with {other['name']}", ["", other["name"], "higher by"], rows))
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
    """Draws how often the listener and the first other one match each speaker's rewarded actions.

    Args:
        results: The results of `reported`.
        name: The listener's name.
        path: The PNG file.
    """
    other = results["against"][0]
    parts = [(results["by_speaker"], name, "#d55e00"), (other["by_speaker"], other["name"], "#0072b2")]
    of_speakers = results["by_speaker"].items()
    matches = {who: part["exact_match"] for who, part in of_speakers if part["exact_match"] is not None}
    speakers = sorted(matches, key=lambda who: matches[who])
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
