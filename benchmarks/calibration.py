"""Can a decoder's probabilities be trusted, and what does a threshold buy?

    multiref bench calibration --games GAMES.jsonl --decoder learned [--json FILE]

The decoder says how likely each action was wholly good, and the ground truth says whether it was. As in `decoders.py`
half-good actions are none, and the last turn of a game has no reply. The expected calibration error is the mean
distance between what was said and what was true over bins of the probability, each counted by its replies; it is 0 for
probabilities that are right on the average of every bin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from multiref_gym.agents.evaluation.measures import Confusion
from multiref_gym.agents.evaluation.tables import Sheet, share
from multiref_gym.commands.options import DecoderName, FiguresOptions
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback, ground_truth
from multiref_gym.formats import read_interactions
from multiref_gym.interaction import Interaction
from multiref_gym.provenance import write_results
from multiref_gym.registry import new_decoder

BINS = 10
THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)


class ProbabilisticDecoder(Protocol):
    """A decoder that says how sure it is."""

    def probabilities(self, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """Returns the probability that each action was wholly good, of shape `(len(exchanges),)`."""
        ...


def bins_of(probabilities: NDArray[np.float64], good: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Returns for each bin that has replies how many, the mean probability and the share of good actions.

    Args:
        probabilities: What the decoder said, of shape `(replies,)`.
        good: Whether each action was wholly good, of the same shape.
    """
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    return [
        {
            "from": number / BINS,
            "replies": int(np.sum(bins == number)),
            "said": float(np.mean(probabilities[bins == number])),
            "true": float(np.mean(good[bins == number])),
        }
        for number in np.unique(bins).tolist()
    ]


def calibration_error(bins: Sequence[dict[str, Any]]) -> float:
    """Returns the expected calibration error, from 0 to 1."""
    return float(np.average([abs(row["said"] - row["true"]) for row in bins], weights=[row["replies"] for row in bins]))


def at_threshold(probabilities: NDArray[np.float64], good: NDArray[np.bool_], threshold: float) -> dict[str, Any]:
    """Returns accuracy, precision and recall of the positives from this probability on; the latter two may be None."""
    decoded = Confusion.of(np.where(probabilities >= threshold, 1, -1), np.where(good, 1, -1))
    return {"threshold": threshold, **decoded.figures()}


def evaluate(decoder: ProbabilisticDecoder, interactions: Sequence[Interaction]) -> dict[str, Any]:
    """Returns the decoder's figures.

    Raises:
        UserError: If no action in the games got a reply.
    """
    exchanges = [exchange for game in interactions for exchange in game.exchanges()]
    if not exchanges:
        raise UserError(f"nothing to decode: no game of {len(interactions)} has a second turn")
    targets = [game.targets for game in interactions for _ in game.exchanges()]
    good = np.array(
        [
            ground_truth(exchange.action, wanted) is Feedback.POSITIVE
            for exchange, wanted in zip(exchanges, targets, strict=True)
        ]
    )
    probabilities = decoder.probabilities(exchanges)
    bins = bins_of(probabilities, good)
    return {
        "replies": len(exchanges),
        "expected_calibration_error": calibration_error(bins),
        "bins": bins,
        "thresholds": [at_threshold(probabilities, good, threshold) for threshold in THRESHOLDS],
    }


def show(results: dict[str, Any], screen: Screen) -> None:
    """Prints the figures as tables."""
    title = "{decoder} on {replies} replies, expected calibration error {expected_calibration_error:.3f}"
    bins = [
        [f"{row['from']:.1f}", str(row["replies"]), share(row["said"]), share(row["true"])] for row in results["bins"]
    ]
    figures = ("accuracy", "positive_precision", "positive_recall")
    thresholds = [[str(row["threshold"]), *(share(row[figure]) for figure in figures)] for row in results["thresholds"]]
    screen.show(Sheet(title.format(**results), ["from", "replies", "said", "true"], bins))
    screen.show(Sheet("", ["threshold", *(figure.replace("_", " ") for figure in figures)], thresholds))


@dataclass(frozen=True, kw_only=True)
class Calibration(FiguresOptions):
    """Can a decoder's probabilities be trusted, and what does a threshold buy?

    Attributes:
        games: Games, one JSON object a line.
        decoder: One that has probabilities.
    """

    games: Path
    decoder: DecoderName = "learned"

    def run(self, screen: Screen) -> None:
        """Prints the figures and writes them.

        Raises:
            UserError: If there is no such decoder or it has no probabilities, a game is bad, or no action got a reply.
        """
        decoder: Any = new_decoder(self.decoder)
        if not hasattr(decoder, "probabilities"):
            raise UserError(f"the decoder {self.decoder!r} has no probabilities")
        results = evaluate(decoder, read_interactions(self.games))
        results |= {"decoder": self.decoder, "file": self.games.name}
        show(write_results(self.json, results), screen)
