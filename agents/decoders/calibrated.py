"""A prompted decoder that was calibrated on simulated games: `multiref decode --calibrate` makes its file.

The model is asked after a few examples; see `multiref_gym.agents.decoders.few_shot`. What it answers is turned into a
probability that was right on the average on simulated replies (Platt 1999). Feedback is positive from the probability
on that had the wanted precision there.
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
"""What is read of an answer: how likely its token is, or only what the model writes."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How a model is asked and what its answers are worth.

    Attributes:
        decoder: The prompted decoder: prompted:MODEL or prompted-api:MODEL.
        reads: What is read of its answers.
        prompt: What it is asked.
        slopes: What the log-odds of its answers are multiplied by, and then those of the replies, if they are scored.
        shift: What is added to the sum of both; that gives the log-odds of a good action.
        threshold: From which probability on feedback is positive.
    """

    decoder: str
    reads: Reads
    prompt: FewShot
    slopes: Annotated[tuple[NonNegativeFloat, ...], Len(1, 2)]
    shift: FiniteFloat
    threshold: Annotated[float, Field(ge=0, le=1)]

    def probabilities(self, evidence: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns the probabilities of a good action; see `probabilities`."""
        return probabilities(evidence, self.slopes, self.shift)

    def is_positive(self, likely: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Returns whether feedback is positive, given probabilities of a good action, of the same shape."""
        positive: NDArray[np.bool_] = likely >= self.threshold
        return positive

    def scorer(self) -> AnswerScorer:
        """Returns the model.

        Raises:
            UserError: As `scorer_of` does.
        """
        return scorer_of(self.decoder, self.reads)


def probabilities(evidence: NDArray[np.float64], slopes: Sequence[float], shift: float) -> NDArray[np.float64]:
    """Returns the probabilities of a good action, of shape `(replies,)`.

    Args:
        evidence: As of `FewShot.evidence`, of shape `(replies, len(slopes))`.
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
        reads: What is read of its answers.

    Raises:
        UserError: If the decoder asks no model, the model cannot be had, or words are to be read of one that is not
            behind an endpoint.
    """
    made = new_decoder(decoder)
    if not isinstance(made, PromptedDecoder):
        raise UserError(f"decoder {decoder!r} asks no model: allowed is prompted:MODEL or prompted-api:MODEL")
    if reads == "log-probabilities":
        return made.scorer
    if not isinstance(made.scorer, EndpointModel):
        raise UserError(f"decoder {decoder!r}: only of a model behind an endpoint it is read what it writes")
    return WritingModel(made.scorer.client)


class CalibratedDecoder:
    """Decodes feedback by asking a model with examples, and by what its answers were worth on simulated games.

    Args:
        scorer: The model.
        calibration: How it is asked and what its answers are worth.
        ternary: Whether neutral is an answer, for what is not positive and both selects and deselects; people ask for a
            deselection, and what they reject is the new choice.

    Attributes:
        scorer: The model.
        calibration: How it is asked and what its answers are worth.
    """

    def __init__(self, scorer: AnswerScorer, calibration: Calibration, ternary: bool = False) -> None:
        self.scorer, self.calibration, self._ternary = scorer, calibration, ternary

    @classmethod
    def load(cls, file: str, ternary: bool = False) -> Self:
        """Makes the decoder that a file of `multiref decode --calibrate` describes.

        Raises:
            UserError: If there is no such file or it was changed, or as `scorer_of` does.
        """
        path = Path(file)
        check_digest(path, read_json(dict[str, Any], path))
        calibration = read_json(Calibration, path)
        return cls(calibration.scorer(), calibration, ternary)

    def probabilities(self, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        """Returns the probability that each action was wholly good, of shape `(len(exchanges),)`.

        It is 0 where nothing was clicked, and there the model is not asked.
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
