"""A prompted decoder that was calibrated on simulated games: `multiref decode --calibrate` writes its file.

The model sees a few examples before each question; see `multiref_gym.agents.decoders.few_shot`. Its answers are turned
into probabilities that were right on average on simulated replies (Platt 1999). Feedback is positive if the probability
reaches a threshold, which was chosen on simulated replies for a wanted precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from annotated_types import Len
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat, NonNegativeFloat
from scipy.special import expit

from multiref_gym.agents.decoders.answers import AnswerScorer, EndpointModel, WritingModel
from multiref_gym.agents.decoders.few_shot import FewShot
from multiref_gym.agents.decoders.prompted import PromptedDecoder
from multiref_gym.checking import read_json
from multiref_gym.digests import check_digest
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.registry import new_decoder

Reads = Literal["log-probabilities", "words"]
"""How an answer is read: by the log-probability of its token, or by the words that the model writes."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a model is asked, and how its answers become probabilities.

    Attributes:
        decoder: The prompted decoder: prompted:MODEL or prompted-api:MODEL.
        reads: How its answers are read.
        prompt: The prompt.
        slopes: The factor for the log-odds of its answers and, if replies are scored, the factor for theirs.
        shift: Added to the sum of both, which gives the log-odds of an entirely right action.
        threshold: The lowest probability for which feedback is positive.
    """

    decoder: str
    reads: Reads
    prompt: FewShot
    slopes: Annotated[tuple[NonNegativeFloat, ...], Len(1, 2)]
    shift: FiniteFloat
    threshold: Annotated[float, Field(ge=0, le=1)]

    def probabilities(self, evidence: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the probabilities of an entirely right action; see `probabilities`."""
        return probabilities(evidence, self.slopes, self.shift)

    def is_positive(self, likely: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Returns whether feedback is positive, for each probability of an entirely right action."""
        positive: NDArray[np.bool_] = likely >= self.threshold
        return positive

    def scorer(self) -> AnswerScorer:
        """Returns the model.

        Raises:
            UserError: As in `scorer_of`.
        """
        return scorer_of(self.decoder, self.reads)


def probabilities(evidence: NDArray[np.float64], slopes: Sequence[float], shift: float) -> NDArray[np.float64]:
    """Returns the probabilities of an entirely right action, of shape `(replies,)`.

    Args:
        evidence: The result of `FewShot.evidence`, of shape `(replies, len(slopes))`.
        slopes: See `Calibration`.
        shift: See `Calibration`.
    """
    likely: NDArray[np.float64] = expit(evidence @ slopes + shift)
    return likely


def is_calibration(path: Path) -> bool:
    """Whether a file holds a calibration."""
    try:
        read_json(Calibration, path)
    except UserError:
        return False
    return True


def scorer_of(decoder: str, reads: Reads) -> AnswerScorer:
    """Returns the model that a prompted decoder asks.

    Args:
        decoder: The name of the decoder.
        reads: How its answers are read.

    Raises:
        UserError: If the decoder asks no model, the model cannot be loaded, or `reads` is "words" and the model is not
            behind an endpoint.
    """
    made = new_decoder(decoder)
    if not isinstance(made, PromptedDecoder):
        raise UserError(f"decoder {decoder!r} asks no model: allowed is prompted:MODEL or prompted-api:MODEL")
    if reads == "log-probabilities":
        return made.scorer
    if not isinstance(made.scorer, EndpointModel):
        raise UserError(f"decoder {decoder!r}: words are read from a model behind an endpoint only")
    return WritingModel(made.scorer.client)


class CalibratedDecoder:
    """Decodes feedback by asking a model with examples, with a calibration from simulated games.

    Args:
        scorer: The model.
        calibration: How it is asked, and how its answers become probabilities.
        ternary: Whether to return neutral for an action that is not positive and both selects and deselects. The
            speaker usually asked for the deselection, and rejects only the new choice.

    Attributes:
        scorer: The model.
        calibration: How it is asked, and how its answers become probabilities.
    """

    def __init__(self, scorer: AnswerScorer, calibration: Calibration, ternary: bool = False) -> None:
        self.scorer, self.calibration, self._ternary = scorer, calibration, ternary

    @classmethod
    def load(cls, file: str, ternary: bool = False) -> Self:
        """Makes the decoder that a file of `multiref decode --calibrate` describes.

        Raises:
            UserError: If the file does not exist or was changed; and as in `scorer_of`.
        """
        path = Path(file)
        check_digest(path, read_json(dict[str, Any], path))
        calibration = read_json(Calibration, path)
        return cls(calibration.scorer(), calibration, ternary)

    def probabilities(self, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """Returns the probability that each action was entirely right, of shape `(len(exchanges),)`.

        It is 0 for an action without clicks, about which the model is not asked.
        """
        likely = np.zeros(len(exchanges))
        asked = [row for row, exchange in enumerate(exchanges) if exchange.action.clicks]
        if asked:
            evidence = self.calibration.prompt.evidence(self.scorer, [exchanges[row] for row in asked])
            likely[asked] = self.calibration.probabilities(evidence)
        return likely

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        """Returns the feedback that each reply gives on the action before it, in order."""
        good = self.calibration.is_positive(self.probabilities(exchanges))
        return [
            Feedback.POSITIVE if is_good else self._otherwise(exchange)
            for exchange, is_good in zip(exchanges, good.tolist(), strict=True)
        ]

    def _otherwise(self, exchange: Exchange) -> Feedback:
        half_good = self._ternary and exchange.action.select and exchange.action.deselect
        return Feedback.NEUTRAL if half_good else Feedback.NEGATIVE
