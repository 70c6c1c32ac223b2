"""Estimates and their 95 % intervals: every interval of the project is drawn here.

Intervals are by the percentile bootstrap of SciPy, over whatever is drawn with replacement: games, speakers, seeds.
Only that of a share of independent trials has a formula (Wilson 1927).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import DegenerateDataWarning, binomtest, bootstrap, rankdata

RESAMPLES = 2000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


def interval(
    statistic: Callable[..., ArrayLike], sizes: Sequence[int], seed: Any = 0, resamples: int = RESAMPLES
) -> tuple[Floats, Floats]:
    """Returns the lower and the upper end of the 95 % bootstrap interval of each value of a statistic.

    Values that are no number are left out; where all are, so are the ends.

    Args:
        statistic: Given for each sample the indices that were drawn, int (resamples, size), returns the values,
            (..., resamples).
        sizes: The size of each sample, one or more; samples are drawn independently.
        seed: Of the draws, or a generator.
        resamples: How often they are drawn.
    """
    # SciPy refuses a sample of one, which can be drawn in one way only: it is drawn twice, and the second is dropped.
    samples = [np.arange(size) if size > 1 else np.zeros(2, int) for size in sizes]

    def of(*drawn: NDArray[np.int64], axis: int) -> Floats:
        rows = (each[:, :size] for each, size in zip(drawn, sizes, strict=True))
        return np.asarray(statistic(*rows), np.float64)

    with warnings.catch_warnings():
        # Both are of values that are no number.
        warnings.simplefilter("ignore", DegenerateDataWarning)
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        found = bootstrap(
            samples, of, n_resamples=resamples, vectorized=True, method="percentile", rng=np.random.default_rng(seed)
        )
        low, high = np.nanquantile(found.bootstrap_distribution, [0.025, 0.975], axis=-1)
    return low, high


def estimate(totals: ArrayLike, counts: ArrayLike | None = None, seed: int = 0) -> Estimate:
    """Returns the mean over games, or the ratio of two sums over games, with its interval.

    Args:
        totals: A value for each game, or whatever is drawn.
        counts: What the sum of the values is divided by, for each game; 1 for each if None.
        seed: For the resampling.
    """
    return over_samples([totals], None if counts is None else [counts], seed)


def over_samples(totals: Sequence[ArrayLike], counts: Sequence[ArrayLike] | None = None, seed: int = 0) -> Estimate:
    """Returns the mean over samples of their means or ratios, with its interval; as of the runs of several seeds.

    Args:
        totals: For each sample a value for each of its games; the games of the samples are not the same.
        counts: For each sample what the sum of its values is divided by, for each game; 1 for each if None.
        seed: For the resampling.
    """
    above = [np.asarray(values, np.float64) for values in totals]
    below = list(map(np.ones_like, above)) if counts is None else [np.asarray(values, np.float64) for values in counts]

    def mean_ratio(*drawn: NDArray[np.int64]) -> Floats:
        ratios = [
            a[rows].sum(-1) / np.maximum(b[rows].sum(-1), 1) for a, b, rows in zip(above, below, drawn, strict=True)
        ]
        mean: Floats = np.mean(ratios, axis=0)
        return mean

    low, high = interval(mean_ratio, [len(values) for values in above], seed)
    return Estimate(float(mean_ratio(*(np.arange(len(values)) for values in above))), float(low), float(high))


def by_unit(values: ArrayLike, units: ArrayLike) -> Floats:
    """Returns the sums of the values of each unit that is drawn as one: a game of its turns, a speaker of his replies.

    Args:
        values: Numbers or truth values.
        units: Whose each value is, a number or a name.
    """
    _, numbers = np.unique(units, return_inverse=True)
    return np.bincount(numbers, np.asarray(values, np.float64)).astype(np.float64)


def auc(positives: ArrayLike, negatives: ArrayLike) -> float:
    """Returns how often a positive has the higher score than a negative, ties counted as half; NaN if one is missing.

    Args:
        positives: Scores; minus infinity is one.
        negatives: Scores.
    """
    first, second = np.size(positives), np.size(negatives)
    if not first * second:
        return np.nan
    # The statistic of Mann and Whitney (1947); SciPy's test finds much else besides, and this is called for each draw.
    ranks = rankdata(np.concatenate([np.ravel(positives), np.ravel(negatives)]))
    return float(ranks[:first].sum() - first * (first + 1) / 2) / (first * second)


Statistic = Callable[[NDArray[np.int64]], Floats]
"""Given which units are drawn, int (resamples, units), returns a value for each draw, float64 (resamples,)."""


def ratio(above: ArrayLike, below: ArrayLike) -> Statistic:
    """Returns the ratio of two sums over the units that are drawn.

    Args:
        above: A value for each unit, (units,).
        below: What the sum of the values is divided by, (units,); draws in which it is 0 have no value.
    """
    numerators, denominators = np.asarray(above, np.float64), np.asarray(below, np.float64)

    def found(rows: NDArray[np.int64]) -> Floats:
        total = denominators[rows].sum(-1)
        ratios: Floats = np.divide(numerators[rows].sum(-1), total, out=np.full(total.shape, np.nan), where=total != 0)
        return ratios

    return found


def area(scores: Floats, positive: NDArray[np.bool_], units: NDArray[np.int64], count: int) -> Statistic:
    """Returns the area under the curve of the units that are drawn; draws without one of the two kinds have no value.

    Args:
        scores: One for each turn, (turns,).
        positive: Whether it is a positive, (turns,).
        units: The number of the turn's unit, from 0, (turns,).
        count: How many units there are.
    """

    def found(rows: NDArray[np.int64]) -> Floats:
        times = [np.bincount(row, minlength=count)[units] for row in rows]
        pairs = [(np.repeat(scores, often), np.repeat(positive, often)) for often in times]
        return np.array([auc(values[kind], values[~kind]) for values, kind in pairs])

    return found


def over_units(statistic: Statistic, count: int, seed: int = 0) -> Estimate | None:
    """Returns the value of a statistic with its interval over units; None if it has no value.

    Args:
        statistic: What is estimated.
        count: How many units there are.
        seed: For the resampling: of the same number of units the same are drawn, so differences are paired.
    """
    mean = float(statistic(np.arange(count)[None])[0])
    if np.isnan(mean):
        return None
    low, high = interval(statistic, [count], seed)
    return Estimate(mean, float(low), float(high))


def wilson(hits: int, count: int) -> Estimate:
    """Returns the share of hits among independent trials, with its score interval (Wilson 1927)."""
    low, high = binomtest(hits, count).proportion_ci(method="wilson")
    return Estimate(hits / count, float(low), float(high))
