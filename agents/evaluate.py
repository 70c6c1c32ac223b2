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
    """Returns success, turns a game and click accuracy of some games, each an estimate, and the number of games.

    A click is accurate if it selects a target or deselects a tangram that is none.
    """
    accurate, clicks = [], []
    for game in interactions:
        actions = [turn.action for turn in game.turns]
        accurate.append(sum(len(a.select & game.targets) + len(a.deselect - game.targets) for a in actions))
        clicks.append(sum(len(a.clicks) for a in actions))
    return {
        "games": len(interactions),
        "success": asdict(estimate([game.success for game in interactions])),
        "turns": asdict(estimate([len(game.turns) for game in interactions])),
        "click_accuracy": asdict(estimate(accurate, clicks)),
    }


def decoder_quality(
    interactions: Sequence[Interaction], feedback: Sequence[Sequence[Feedback]]
) -> dict[str, float | int]:
    """Returns how right decoded feedback was: of a binary decoder accuracy, and precision and share of its positives.

    A half-good action counts as negative, as people answer it with a correction.
    """
    true = [
        ground_truth(turn.action, game.targets) is Feedback.POSITIVE
        for game in interactions
        for turn in game.turns[:-1]
    ]
    decoded = [value is Feedback.POSITIVE for values in feedback for value in values]
    right = sum(t is d for t, d in zip(true, decoded, strict=True))
    return {
        "accuracy": right / max(1, len(true)),
        "positive_precision": sum(t and d for t, d in zip(true, decoded, strict=True)) / max(1, sum(decoded)),
        "positives": sum(decoded),
        "exchanges": len(true),
    }
