"""How well does a decoder understand what speakers say in passing?

    multiref bench decoders --games GAMES.jsonl --decoder lexical [--json FILE]

The decoder's answers are held against the ground truth: what the action did, by the targets that no decoder sees.
A binary decoder is asked whether the speaker is content, so an action that is half good counts as negative in the
binary figures: 98 of 100 replies that people give to such an action are negative ones. The last turn of a game has no
reply and is left out. Intervals are 95 % bootstrap intervals over speakers, since the replies of one are alike.

Of a decoder that says how likely each action was wholly good it is asked as well whether that can be trusted, and what
a threshold buys. The expected calibration error is the mean distance between what was said and what was true over bins
of the probability, each counted by its replies; it is 0 for probabilities that are right on the average of every bin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiref_gym.agents.evaluation.intervals import by_unit, estimate
from multiref_gym.agents.evaluation.measures import Confusion
from multiref_gym.agents.evaluation.tables import Sheet, apart, percent, share
from multiref_gym.commands.options import DecoderName, FiguresOptions
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback, FeedbackDecoder, decoded, ground_truth
from multiref_gym.formats import read_interactions
from multiref_gym.interaction import Interaction
from multiref_gym.registry import decoder_of, has_ternary_form

SEED = 0
BINS = 10
THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
NAMES = {feedback.name.lower(): int(feedback) + 1 for feedback in Feedback}
"""Of the rows and columns of a `Confusion`."""


def both_forms(make: Callable[..., FeedbackDecoder]) -> tuple[FeedbackDecoder, FeedbackDecoder]:
    """Returns the binary and the ternary form of a decoder: one and the same if it takes no `ternary`."""
    if has_ternary_form(make):
        return make(ternary=False), make(ternary=True)
    return make(), make()


def evaluate(make: Callable[..., FeedbackDecoder], interactions: Sequence[Interaction]) -> dict[str, Any]:
    """Returns the figures of a decoder's binary and ternary form.

    Raises:
        UserError: If no action in the games got a reply.
    """
    replies = [(exchange, game) for game in interactions for exchange in game.exchanges()]
    if not replies:
        raise UserError(f"nothing to decode: no game of {len(interactions)} has a second turn")
    exchanges = [exchange for exchange, _ in replies]
    truth = np.array([ground_truth(exchange.action, game.targets) for exchange, game in replies])
    speakers = [game.speaker for _, game in replies]
    forms = both_forms(make)
    binary, ternary = (np.array(decoded(decoder, exchanges)) for decoder in forms)

    def interval(right: NDArray[np.bool_]) -> tuple[float, float]:
        found = estimate(by_unit(right, speakers), by_unit(np.ones_like(right), speakers), SEED)
        return found.low, found.high

    confusion = Confusion.of(ternary, truth)
    probabilities = getattr(forms[0], "probabilities", None)
    return {
        "turns": len(truth),
        "binary": Confusion.of(binary, truth).figures(),
        "ternary": {
            "accuracy": confusion.exact,
            "confusion": {
                true: {answer: int(confusion.counts[row, column]) for answer, row in NAMES.items()}
                for true, column in NAMES.items()
            },
        },
        "intervals": {
            "binary_accuracy": interval((binary == Feedback.POSITIVE) == (truth == Feedback.POSITIVE)),
            "ternary_accuracy": interval(ternary == truth),
        },
        "games": len(interactions),
        "speakers": len(set(speakers)),
        "seed": SEED,
        **(calibration(probabilities(exchanges), truth == Feedback.POSITIVE) if probabilities else {}),
    }


def calibration(said: NDArray[np.float64], good: NDArray[np.bool_]) -> dict[str, Any]:
    """Returns how far probabilities can be trusted, and what there is to be had at each threshold.

    Args:
        said: How likely each action was wholly good, of shape `(replies,)`.
        good: Whether it was, of the same shape.

    Returns:
        The `expected_calibration_error`; of `bins` that have replies how many, the mean probability and the share of
        good actions; and by `thresholds` the figures of the positives from that probability on.
    """
    numbers = np.minimum((said * BINS).astype(int), BINS - 1)
    bins = [
        {
            "from": number / BINS,
            "replies": int(inside.sum()),
            "said": float(said[inside].mean()),
            "true": float(good[inside].mean()),
        }
        for number in np.unique(numbers).tolist()
        for inside in [numbers == number]
    ]
    return {
        "expected_calibration_error": sum(row["replies"] * abs(row["said"] - row["true"]) for row in bins) / len(said),
        "bins": bins,
        "thresholds": [
            {"threshold": least, **Confusion.of(np.where(said >= least, 1, -1), np.where(good, 1, -1)).figures()}
            for least in THRESHOLDS
        ],
    }


def show(results: dict[str, Any], screen: Screen) -> None:
    """Prints the figures as tables."""

    def accuracy(form: str) -> str:
        return percent(apart(results[form]["accuracy"], results["intervals"][f"{form}_accuracy"]), 1, "%", 1)

    title = "{decoder} on {turns} replies, {games} games, {speakers} speakers".format(**results)
    figures = ("positive_precision", "positive_recall")
    known = [share(results["binary"][figure]) for figure in figures]
    rows = [["binary", accuracy("binary"), *known], ["ternary", accuracy("ternary"), "", ""]]
    screen.show(Sheet(title, ["", "accuracy", "positive precision", "positive recall"], rows))
    confusion = results["ternary"]["confusion"]
    counts = [[true, *(str(row[answer]) for answer in NAMES)] for true, row in confusion.items()]
    screen.show(Sheet("ternary", ["truth \\ decoded", *NAMES], counts))
    if "bins" in results:
        title = f"probabilities, expected calibration error {results['expected_calibration_error']:.3f}"
        rows = [
            [f"{row['from']:.1f}", str(row["replies"]), share(row["said"]), share(row["true"])]
            for row in results["bins"]
        ]
        screen.show(Sheet(title, ["from", "replies", "said", "true"], rows))
        rows = [
            [str(row["threshold"]), *(share(row[figure]) for figure in ("accuracy", *figures))]
            for row in results["thresholds"]
        ]
        screen.show(Sheet("", ["threshold", "accuracy", "positive precision", "positive recall"], rows))


@dataclass(frozen=True, kw_only=True)
class Decoders(FiguresOptions):
    """How well does a decoder understand what speakers say in passing?

    Attributes:
        games: Games, one JSON object a line.
        decoder: Its name.
        ternary: Refuse a decoder that never answers neutral.
    """

    games: Path
    decoder: DecoderName = "lexical"
    ternary: bool = False

    def run(self, screen: Screen) -> None:
        """Prints the figures and writes them.

        Raises:
            UserError: If there is no such decoder, a game is bad, or no action got a reply.
        """
        make = decoder_of(self.decoder)
        if self.ternary:
            decoder_of(self.decoder, ternary=True)
        results = evaluate(make, read_interactions(self.games))
        results |= {"decoder": self.decoder, "file": self.games.name}
        show(self.write(results), screen)
