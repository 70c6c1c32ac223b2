"""Estimates with their 95 % intervals; the whole project computes its intervals here.

Most are percentile bootstrap intervals by SciPy, which draws units with replacement: games, speakers or seeds. For a
fraction of independent trials there is a formula instead (Wilson 1927).
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
    """Returns the lower and the upper ends of the 95 % bootstrap intervals of a statistic's values.

    NaN values are left out; if all values are NaN, so are the ends.

    Args:
        statistic: Takes the drawn indices of each sample, int (resamples, size), and returns the values,
            (..., resamples).
        sizes: The sizes of one or more samples, which are drawn independently.
        seed: The seed of the draws, or a generator.
        resamples: The number of draws.

    Returns:
        The lower ends and the upper ends, float64 (...).
    """
    # SciPy refuses samples of size one. Such a sample is doubled, and the second index of each draw is dropped.
    samples = [np.arange(size) if size > 1 else np.zeros(2, int) for size in sizes]

    def of(*drawn: NDArray[np.int64], axis: int) -> Floats:
        rows = (each[:, :size] for each, size in zip(drawn, sizes, strict=True))
        return np.asarray(statistic(*rows), np.float64)

    with warnings.catch_warnings():
        # NaN values cause both warnings.
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
        totals: A value for each game, or for each unit of another kind.
        counts: The sum of the values is divided by the sum of these, one for each game; all 1 if None.
        seed: The seed of the resampling.
    """
    return over_samples([totals], None if counts is None else [counts], seed)


def over_samples(totals: Sequence[ArrayLike], counts: Sequence[ArrayLike] | None = None, seed: int = 0) -> Estimate:
    """Returns the mean over several samples, such as runs with several seeds, with its interval.

    The mean is over the samples' own means, or over their ratios of two sums.

    Args:
        totals: For each sample, a value for each of its games; the samples have different games.
        counts: For each sample, the numbers whose sum divides the sum of its values, one for each game; all 1 if None.
        seed: The seed of the resampling.
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
    """Returns the sum of the values of each unit, such as the turns of a game or the replies of a speaker.

    Args:
        values: Numbers or truth values.
        units: The unit that each value belongs to, a number or a name.
    """
    _, numbers = np.unique(units, return_inverse=True)
    return np.bincount(numbers, np.asarray(values, np.float64)).astype(np.float64)


def auc(positives: ArrayLike, negatives: ArrayLike) -> float:
    """Returns the area under the ROC curve: how often a positive scores higher than a negative; a tie counts as half.

    Args:
        positives: The scores of positives; minus infinity is allowed.
        negatives: The scores of negatives, likewise.

    Returns:
        A number from 0 to 1; NaN if there are no positives or no negatives.
    """
    first, second = np.size(positives), np.size(negatives)
    if not first * second:
        return np.nan
    # The statistic of Mann and Whitney (1947). SciPy's test would also compute much else, for every draw.
    ranks = rankdata(np.concatenate([np.ravel(positives), np.ravel(negatives)]))
    return float(ranks[:first].sum() - first * (first + 1) / 2) / (first * second)


Statistic = Callable[[NDArray[np.int64]], Floats]
"""Takes the drawn units, int (resamples, units), and returns a value for each draw, float64 (resamples,)."""


def ratio(above: ArrayLike, below: ArrayLike) -> Statistic:
    """Returns a statistic: the ratio of two sums over the drawn units.

    Args:
        above: A value for each unit, (units,).
        below: Numbers whose sum divides the sum of the values, (units,); the ratio of a draw is NaN if their sum is 0.
    """
    numerators, denominators = np.asarray(above, np.float64), np.asarray(below, np.float64)

    def found(rows: NDArray[np.int64]) -> Floats:
        total = denominators[rows].sum(-1)
        ratios: Floats = np.divide(numerators[rows].sum(-1), total, out=np.full(total.shape, np.nan), where=total != 0)
        return ratios

    return found


def area(scores: Floats, positive: NDArray[np.bool_], units: NDArray[np.int64], count: int) -> Statistic:
    """Returns a statistic: the area under the ROC curve (`auc`) of the drawn units.

    Args:
        scores: A score for each turn, (turns,).
        positive: Whether each turn is a positive, (turns,).
        units: The number of each turn's unit, from 0, (turns,).
        count: The number of units.
    """

    def found(rows: NDArray[np.int64]) -> Floats:
        times = [np.bincount(row, minlength=count)[units] for row in rows]
        pairs = [(np.repeat(scores, often), np.repeat(positive, often)) for often in times]
        return np.array([auc(values[kind], values[~kind]) for values, kind in pairs])

    return found


def over_units(statistic: Statistic, count: int, seed: int = 0) -> Estimate | None:
    """Returns the value of a statistic with its interval over units; None if the value is NaN.

    Args:
        statistic: The statistic.
        count: The number of units.
        seed: The seed of the resampling. For the same number of units it draws the same ones, so differences are
            paired.
    """
    mean = float(statistic(np.arange(count)[None])[0])
    if np.isnan(mean):
        return None
    low, high = interval(statistic, [count], seed)
    return Estimate(mean, float(low), float(high))


def wilson(hits: int, count: int) -> Estimate:
    """Returns the fraction of hits among independent trials, with its score interval (Wilson 1927)."""
    low, high = binomtest(hits, count).proportion_ci(method="wilson")
    return Estimate(hits / count, float(low), float(high))
