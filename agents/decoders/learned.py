"""A feedback decoder learned from simulated games: logistic regression on what was said and done.

A reply is its word n-grams, those of its opening and those of the rest apart, as a speaker mostly judges first and
describes then. Words that describe tangrams are masked, since other people use others, and so the words that are kept
are data, too: they come with the weights. How the lexical decoder reads it, what was clicked, how long the reply is,
whether it asks for an undo and how much of it was said before are features as well. To decode takes no library of
learning; `training.py` makes the weights.
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
"""The weights that come with the package."""

THRESHOLD = 0.5
"""From which probability of a positive on an action is decoded as one."""

OPENING = 6
"""How many tokens are the opening of a reply."""
LENGTHS = (2, 4, 8, 14)
"""Where one class of reply lengths, in words, ends and the next begins."""
OVERLAPS = (0.01, 0.2, 0.5)
"""The same for the share of the reply's masked words that the utterance before it had."""

MASK, START = "_", "^"


@dataclass(frozen=True, slots=True)
class Weights:
    """What was learned: the log-odds of a positive are the bias and the weights of an exchange's features.

    Attributes:
        words: The words that are kept; all others are masked.
        bias: The log-odds of an exchange without features.
        by_feature: By name, what a feature adds.
    """

    words: frozenset[str]
    bias: FiniteFloat
    by_feature: Annotated[Mapping[str, FiniteFloat], Field(alias="features")]

    def to_json(self) -> dict[str, Any]:
        """Returns the weights as a JSON object."""
        return {"words": sorted(self.words), "bias": self.bias, "features": dict(sorted(self.by_feature.items()))}


def features(exchange: Exchange, words: Collection[str]) -> set[str]:
    """Returns the names of what is known of an exchange.

    Args:
        exchange: What was said and done.
        words: The words that are not masked.
    """
    said = words_of(exchange.reply)
    tokens = [token if token in words or token == STOP else MASK for token in said]
    if tokens[-1:] != [STOP]:
        tokens.append(STOP)
    bounded = [START, *tokens]
    grams = set[str]()
    for size in (1, 2):
        for end in range(size, len(bounded) + 1):
            # "^ no" and "no" in the opening, "... no" later
            grams.add(f"{'' if end <= OPENING + 1 else '... '}{' '.join(bounded[end - size : end])}")
    reading = read(exchange).name.lower().replace("_", " ")
    action = exchange.action
    clicked = " and ".join(filter(None, ["select" if action.select else "", "deselect" if action.deselect else ""]))
    described = {word for word, token in zip(said, tokens, strict=False) if token == MASK}
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
        threshold: From which probability on an action is decoded as positive, from 0 to 1: the higher, the fewer
            positives, and the surer they are.
        ternary: Whether neutral is an answer, for what is not positive and both selects and deselects; people ask
            for a deselection, and what they reject is the new choice.
        weights: A file that `multiref_gym.agents.decoders.training` made.

    Raises:
        UserError: If the threshold is no probability, or the file is missing or malformed.
    """

    def __init__(self, threshold: float = THRESHOLD, ternary: bool = False, weights: Path = WEIGHTS) -> None:
        if not 0 <= threshold <= 1:
            raise UserError(f"threshold = {threshold}: expected a number from 0 to 1")
        self.threshold, self.ternary = threshold, ternary
        self._weights = read_json(Weights, weights)

    def probabilities(self, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """Returns the calibrated probability that each action was wholly good, of shape `(len(exchanges),)`.

        It is 0 where nothing was clicked, which is not good whatever is said, and where the reply is not understood.
        """
        logits = [self._logit(exchange) for exchange in exchanges]
        probabilities: NDArray[np.float64] = expit(np.array(logits, np.float64))
        return probabilities

    def _logit(self, exchange: Exchange) -> float:
        if not exchange.action.clicks or read(exchange) is Reading.UNKNOWN:
            return -np.inf
        weight_of = self._weights.by_feature
        # Sorted, as a sum of floats depends on its order and that of a set on the process.
        named = sorted(features(exchange, self._weights.words))
        return self._weights.bias + sum(weight_of.get(name, 0.0) for name in named)

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        """Returns the feedback that each reply gives on the action before it, in order."""
        probabilities = self.probabilities(exchanges)
        decided = zip(exchanges, (probabilities >= self.threshold).tolist(), strict=True)
        return [feedback_on(exchange.action, accepted, read(exchange), self.ternary) for exchange, accepted in decided]
