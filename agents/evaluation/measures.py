"""What games and decoders were worth, by the targets that only an evaluation sees."""

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
"""The measures of games: each is a ratio of two sums of `counts_of`."""

Counts = dict[str, list[float]]
"""What was counted in some games, by name a number for each game."""


def counts_of(games: Sequence[Interaction]) -> Counts:
    """Returns what `RATIOS` are of; a click is right that selects a target or deselects a tangram that is none."""
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
    """Returns success, turns a game and click accuracy of some games, each an estimate, and the number of games."""
    counted = counts_of(games)
    ratios = {name: asdict(estimate(counted[above], counted[below])) for name, (above, below) in RATIOS.items()}
    return {"games": len(games), **ratios}


@dataclass(frozen=True)
class Confusion:
    """How often actions that were truly bad, half good or good were decoded as each.

    Where it is asked whether an action is good, one that is half good is not, as people answer it with a correction;
    and neutral feedback says that it is not.

    Attributes:
        counts: int (3, 3), a row for each decoded value and a column for each true one, in the order of `Feedback`.
    """

    counts: NDArray[np.int64]

    @classmethod
    def of(cls, decoded: ArrayLike, truth: ArrayLike) -> Confusion:
        """Returns the confusion of feedback, each value in {-1, 0, 1}."""
        counts = np.zeros((3, 3), int)
        np.add.at(counts, (np.asarray(decoded, int) + 1, np.asarray(truth, int) + 1), 1)
        return cls(counts)

    @property
    def exact(self) -> float:
        """The share decoded as what it is of the three, 0 if there is nothing."""
        return int(self.counts.trace()) / max(1, int(self.counts.sum()))

    @property
    def accuracy(self) -> float:
        """The share decoded as good or not as it is, 0 if there is nothing."""
        return int(self.counts[2, 2] + self.counts[:2, :2].sum()) / max(1, int(self.counts.sum()))

    @property
    def precision(self) -> float | None:
        """Of what was decoded as good the share that is; None if there is nothing."""
        return int(self.counts[2, 2]) / decoded if (decoded := int(self.counts[2].sum())) else None

    @property
    def recall(self) -> float | None:
        """Of what is good the share that was decoded as good; None if there is nothing."""
        return int(self.counts[2, 2]) / good if (good := int(self.counts[:, 2].sum())) else None

    def by_truth(self) -> dict[str, dict[str, int]]:
        """Returns how often what is truly bad, half good or good was decoded as each: by true name, then by decoded."""
        names = [feedback.name.lower() for feedback in Feedback]
        rows = self.counts.T.tolist()
        return {true: dict(zip(names, row, strict=True)) for true, row in zip(names, rows, strict=True)}

    def figures(self) -> dict[str, float | None]:
        """Returns how well good actions are told from others, for JSON."""
        return {"accuracy": self.accuracy, "positive_precision": self.precision, "positive_recall": self.recall}


def by_threshold(
    said: NDArray[np.float64], good: NDArray[np.bool_], thresholds: Iterable[float]
) -> list[dict[str, float | None]]:
    """Returns for each threshold how well good actions are told from others, for JSON.

    Args:
        said: How likely each action was wholly good, of shape `(replies,)`.
        good: Whether it was, of the same shape.
        thresholds: From each probability on an action is taken as good.
    """
    truth = np.where(good, 1, -1)
    return [
        {"threshold": least, **Confusion.of(np.where(said >= least, 1, -1), truth).figures()} for least in thresholds
    ]


def decoder_quality(games: Sequence[Interaction], feedback: Sequence[Sequence[Feedback]]) -> dict[str, Any]:
    """Returns how right the feedback was that was decoded for the actions that were replied to, game by game.

    Returns:
        Accuracy, and precision of the positives (0 if there are none); how many positives and exchanges there were; and
        the counts of their `Confusion`.
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
