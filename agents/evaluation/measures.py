"""Measures of games and decoders, by the targets, which only an evaluation sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from multiref_gym.agents.evaluation.intervals import estimate
from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.interaction import Interaction

RATIOS = {"success": ("won", "games"), "turns": ("turns", "games"), "click_accuracy": ("right_clicks", "clicks")}
"""The measures of games: each is the ratio of two sums over the counts of `counts_of`."""

Counts = dict[str, list[float]]
"""Counts by name, each with a number for each game."""


def counts_of(games: Sequence[Interaction]) -> Counts:
    """Returns the counts for `RATIOS`; a click is right if it selects a target or deselects another tangram."""
    actions = [[turn.action for turn in game.turns] for game in games]
    return {
        "games": [1.0] * len(games),
        "won": [float(game.success) for game in games],
        "turns": [float(len(game.turns)) for game in games],
        "right_clicks": [
            float(sum(len(a.select & game.targets) + len(a.deselect - game.targets) for a in of_game))
            for game, of_game in zip(games, actions, strict=True)
        ],
        "clicks": [float(sum(len(a.clicks) for a in of_game)) for of_game in actions],
    }


def measure(games: Sequence[Interaction]) -> dict[str, Any]:
    """Returns the number of games, and their success, turns a game and click accuracy, each with its interval."""
    counted = counts_of(games)
    ratios = {name: asdict(estimate(counted[above], counted[below])) for name, (above, below) in RATIOS.items()}
    return {"games": len(games), **ratios}


@dataclass(frozen=True)
class Confusion:
    """Counts how often bad, half-right and good actions were decoded as each.

    For the binary measures, a half-right action is not good, because people answer it with a correction; and neutral
    feedback counts as "not good".

    Attributes:
        counts: int (3, 3), a row for each decoded value and a column for each true one, in the order of `Feedback`.
    """

    counts: NDArray[np.int64]

    @classmethod
    def of(cls, decoded: ArrayLike, truth: ArrayLike) -> Confusion:
        """Returns the confusion of decoded and true feedback, with values in {-1, 0, 1}."""
        counts = np.zeros((3, 3), int)
        np.add.at(counts, (np.asarray(decoded, int) + 1, np.asarray(truth, int) + 1), 1)
        return cls(counts)

    @property
    def exact(self) -> float:
        """The fraction decoded as the right one of the three values; 0 if there are no actions."""
        return int(self.counts.trace()) / max(1, int(self.counts.sum()))

    @property
    def accuracy(self) -> float:
        """The fraction decoded rightly as good or not good; 0 if there are no actions."""
        return int(self.counts[2, 2] + self.counts[:2, :2].sum()) / max(1, int(self.counts.sum()))

    @property
    def precision(self) -> float | None:
        """The fraction of actions decoded as good that are good; None if none were decoded as good."""
        return int(self.counts[2, 2]) / decoded if (decoded := int(self.counts[2].sum())) else None

    @property
    def recall(self) -> float | None:
        """The fraction of good actions that were decoded as good; None if there are no good ones."""
        return int(self.counts[2, 2]) / good if (good := int(self.counts[:, 2].sum())) else None

    def by_truth(self) -> dict[str, dict[str, int]]:
        """Returns the counts by the name of the true value, then by that of the decoded one."""
        names = [feedback.name.lower() for feedback in Feedback]
        rows = self.counts.T.tolist()
        return {true: dict(zip(names, row, strict=True)) for true, row in zip(names, rows, strict=True)}

    def figures(self) -> dict[str, float | None]:
        """Returns accuracy, precision and recall of good actions, for JSON."""
        return {"accuracy": self.accuracy, "positive_precision": self.precision, "positive_recall": self.recall}


def by_threshold(
    probabilities: NDArray[np.float64], good: NDArray[np.bool_], thresholds: Iterable[float]
) -> list[dict[str, float | None]]:
    """Returns accuracy, precision and recall of good actions for each threshold, for JSON.

    Args:
        probabilities: The decoded probability that each action was good, (replies,).
        good: Whether it was, (replies,).
        thresholds: The lowest probabilities at which an action is taken as good.
    """
    truth = np.where(good, 1, -1)
    return [
        {"threshold": least, **Confusion.of(np.where(probabilities >= least, 1, -1), truth).figures()}
        for least in thresholds
    ]


def decoder_quality(games: Sequence[Interaction], feedback: Sequence[Sequence[Feedback]]) -> dict[str, Any]:
    """Returns the quality of decoded feedback.

    Args:
        games: The games.
        feedback: The feedback on each game's actions that have a reply.

    Returns:
        The accuracy, and the precision of positives (0 if there are none); the numbers of positives and of exchanges;
        and the counts of their `Confusion`.
    """
    pairs = [
        (value, ground_truth(turn.action, game.targets))
        for game, values in zip(games, feedback, strict=True)
        for turn, value in zip(game.turns[:-1], values, strict=True)
    ]
    confusion = Confusion.of(*np.array(pairs, int).reshape(-1, 2).T)
    return {
        "accuracy": confusion.accuracy,
        "positive_precision": confusion.precision or 0.0,
        "positives": int(confusion.counts[2].sum()),
        "exchanges": len(pairs),
        "confusion": confusion.counts.tolist(),
    }
