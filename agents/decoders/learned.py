"""A feedback decoder learned from simulated games: a logistic regression on features of the exchange.

The features of a reply are its word n-grams. Those of its opening and those of the rest are separate features, since
speakers mostly judge first and describe afterwards. Words that describe tangrams are masked, because other people use
other ones. The words that are kept are stored with the weights. Further features are the lexical decoder's reading, the
kinds of clicks, the reply's length, whether it asks for an undo, and how much of it was in the utterance before.
`training.py` makes the weights; decoding needs no machine-learning library.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat
from scipy.special import expit

from multiref_gym.agents.decoders.lexical import Reading, feedback_on, read
from multiref_gym.agents.decoders.words import STOP, words_of
from multiref_gym.checking import read_json
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback

WEIGHTS = Path(__file__).with_name("learned.json")
"""The weights that ship with the package."""

THRESHOLD = 0.5
"""The lowest probability for which feedback is positive."""

OPENING = 6
"""The number of tokens in the opening of a reply."""
LENGTHS = (2, 4, 8, 14)
"""The bounds between the classes of reply lengths, in words."""
OVERLAPS = (0.01, 0.2, 0.5)
"""The bounds between the classes of the share of the reply's masked words that the utterance before it has."""

MASK, START = "_", "^"


@dataclass(frozen=True, slots=True)
class Weights:
    """Learned weights. The log-odds of a positive are the bias plus the weights of the exchange's features.

    Attributes:
        words: The words that are not masked.
        bias: The log-odds of an exchange without features.
        by_feature: The weight of each feature, by its name.
    """

    words: frozenset[str]
    bias: FiniteFloat
    by_feature: Annotated[Mapping[str, FiniteFloat], Field(alias="features")]

    def to_json(self) -> dict[str, Any]:
        """Returns the weights as a JSON object."""
        return {"words": sorted(self.words), "bias": self.bias, "features": dict(sorted(self.by_feature.items()))}


def features(exchange: Exchange, words: Collection[str]) -> set[str]:
    """Returns the names of an exchange's features.

    Args:
        exchange: The exchange.
        words: The words that are not masked.
    """
    of_reply = words_of(exchange.reply)
    tokens = [token if token in words or token == STOP else MASK for token in of_reply]
    if tokens[-1:] != [STOP]:
        tokens.append(STOP)
    bounded = [START, *tokens]
    grams = set[str]()
    for size in (1, 2):
        for end in range(size, len(bounded) + 1):
            # The names are "^ no" and "no" in the opening, and "... no" later.
            grams.add(f"{'' if end <= OPENING + 1 else '... '}{' '.join(bounded[end - size : end])}")
    reading = read(exchange).name.lower().replace("_", " ")
    action = exchange.action
    clicked = " and ".join(filter(None, ["select" if action.select else "", "deselect" if action.deselect else ""]))
    described = {word for word, token in zip(of_reply, tokens, strict=False) if token == MASK}
    common = len(described.intersection(words_of(exchange.utterance))) / max(1, len(described))
    return grams - {START} | {
        f"[{clicked}]",
        f"[{clicked}] {' '.join(tokens[:1])}",
        f"[length class {np.digitize(len(exchange.reply.split()), LENGTHS)}]",
        f"[overlap class {np.digitize(common, OVERLAPS)}]",
        f"[asks for an undo: {'deselect' in tokens}]",
        f"[{reading}]",
        f"[{reading}, describes: {bool(described)}]",
    }


class LearnedDecoder:
    """Decodes feedback by weights learned from simulated games.

    Args:
        threshold: The lowest probability for which feedback is positive, from 0 to 1. With a higher one, positives are
            fewer and surer.
        ternary: Whether to return neutral for an action that is not positive and both selects and deselects. The
            speaker usually asked for the deselection, and rejects only the new choice.
        weights: A file that `multiref_gym.agents.decoders.training` made.

    Raises:
        UserError: If the threshold is not from 0 to 1, or the file is missing or malformed.
    """

    def __init__(self, threshold: float = THRESHOLD, ternary: bool = False, weights: Path = WEIGHTS) -> None:
        if not 0 <= threshold <= 1:
            raise UserError(f"threshold = {threshold}: expected a number from 0 to 1")
        self.threshold, self.ternary = threshold, ternary
        self._weights = read_json(Weights, weights)

    def probabilities(self, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """Returns the calibrated probability that each action was entirely right, of shape `(len(exchanges),)`.

        It is 0 if the action has no clicks, since it is never right then, or if the reply is not understood.
        """
        logits = [self._logit(exchange) for exchange in exchanges]
        probabilities: NDArray[np.float64] = expit(np.array(logits, np.float64))
        return probabilities

    def _logit(self, exchange: Exchange) -> float:
        if not exchange.action.clicks or read(exchange) is Reading.UNKNOWN:
            return -np.inf
        weight_of = self._weights.by_feature
        # A sum of floats depends on its order, and the order of a set depends on the process. So they are sorted.
        names = sorted(features(exchange, self._weights.words))
        return self._weights.bias + sum(weight_of.get(name, 0.0) for name in names)

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        """Returns the feedback that each reply gives on the action before it, in order."""
        probabilities = self.probabilities(exchanges)
        decided = zip(exchanges, (probabilities >= self.threshold).tolist(), strict=True)
        return [feedback_on(exchange.action, accepted, read(exchange), self.ternary) for exchange, accepted in decided]
