"""What the games of a round were worth, by the targets that only an evaluation sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.interaction import Interaction

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95 % interval, by the percentile bootstrap over games."""

    mean: float
    low: float
    high: float


def estimate(totals: Sequence[float], counts: Sequence[float] | None = None, seed: int = 0) -> Estimate:
    """Returns the mean over games, or the ratio of two sums over games, with its interval.

    Args:
        totals: A value for each game.
        counts: What the sum of the values is divided by, for each game; 1 for each if None.
        seed: For the resampling.
    """
    above = np.asarray(totals, np.float64)
    below = np.ones_like(above) if counts is None else np.asarray(counts, np.float64)
    rows = np.random.default_rng(seed).integers(0, len(above), (RESAMPLES, len(above)))
    ratios = above[rows].sum(1) / np.maximum(below[rows].sum(1), 1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Estimate(float(above.sum() / max(below.sum(), 1)), float(low), float(high))


def over_seeds(totals: Sequence[Sequence[float]], counts: Sequence[Sequence[float]] | None = None) -> Estimate:
    """Returns the mean over seeds of the means or ratios over games, and its 95 % interval over games of these runs.

    Args:
        totals: For each seed a value for each game; the games of the seeds are not the same.
        counts: For each seed what the sum of its values is divided by, for each game; 1 for each if None.
    """
    rng = np.random.default_rng(0)
    means, resampled = [], []
    for number, run in enumerate(totals):
        above = np.asarray(run, np.float64)
        below = np.ones_like(above) if counts is None else np.asarray(counts[number], np.float64)
        rows = rng.integers(0, len(above), (RESAMPLES, len(above)))
        means.append(above.sum() / max(below.sum(), 1))
        resampled.append(above[rows].sum(1) / np.maximum(below[rows].sum(1), 1))
    low, high = np.quantile(np.mean(resampled, axis=0), [0.025, 0.975])
    return Estimate(float(np.mean(means)), float(low), float(high))


def measure(interactions: Sequence[Interaction]) -> dict[str, Any]:
    """Returns success, turns a game and click accuracy of some games, each an estimate, and the number of games."""
    return {
        "games": len(interactions),
        "success": asdict(estimate([game.success for game in interactions])),
        "turns": asdict(estimate([len(game.turns) for game in interactions])),
        "click_accuracy": asdict(
            estimate([right_clicks(game) for game in interactions], [clicks(game) for game in interactions])
        ),
    }


def right_clicks(game: Interaction) -> int:
    """Returns how many clicks selected a target or deselected a tangram that is none."""
    actions = [turn.action for turn in game.turns]
    return sum(len(a.select & game.targets) + len(a.deselect - game.targets) for a in actions)


def clicks(game: Interaction) -> int:
    """Returns how many clicks there were."""
    return sum(len(turn.action.clicks) for turn in game.turns)


def decoder_quality(interactions: Sequence[Interaction], feedback: Sequence[Sequence[Feedback]]) -> dict[str, Any]:
    """Returns how right decoded feedback was.

    Returns:
        Accuracy and precision of the positives, for which a half-good action is no positive, as people answer it with
        a correction; how many positives and exchanges there were; and the confusion, a row for each decoded value of
        how many were truly negative, neutral and positive, and in that order themselves.
    """
    confusion = np.zeros((3, 3), int)
    for game, values in zip(interactions, feedback, strict=True):
        for turn, value in zip(game.turns[:-1], values, strict=True):
            confusion[value + 1, ground_truth(turn.action, game.targets) + 1] += 1
    exchanges, positives, right = int(confusion.sum()), int(confusion[2].sum()), int(confusion[2, 2])
    return {
        "accuracy": (right + int(confusion[:2, :2].sum())) / max(1, exchanges),
        "positive_precision": right / max(1, positives),
        "positives": positives,
        "exchanges": exchanges,
        "confusion": confusion.tolist(),
    }
