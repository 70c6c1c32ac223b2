"""What is told of listeners that were asked about logged turns: figures, parts, and what sets them apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from multiref_gym.agents.evaluation.offline import FIGURES, Answers, LoggedTurn, by_part, compare, measure, told
from multiref_gym.agents.evaluation.tables import Sheet, share

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
        its `name`, `figures`, and `difference`, by how much the listener is above it.
    """
    return {
        **measure(turns, answers),
        "by_speaker": by_part(turns, answers, lambda turn: turn.speaker),
        "by_turn": by_part(turns, answers, lambda turn: turn.number),
        "against": [
            {"name": name, "figures": measure(turns, theirs)["figures"], "difference": compare(turns, answers, theirs)}
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
                *(share(own[key]) for key in ("exact_match", "click_precision")),
            ]
            for who, own in results[part].items()
        ]
        left = len(rows) - MOST_SPEAKERS
        columns = [heading, "turns", "rewarded", FIGURES["exact_match"], FIGURES["click_precision"]]
        found.append(Sheet("", columns, rows[:MOST_SPEAKERS], f"and {left} more" if left > 0 else ""))
    return found
