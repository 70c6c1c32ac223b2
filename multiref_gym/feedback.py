"""Implicit feedback: the speaker's next words judge the listener's action.

A decoder sees an exchange: an action, the utterance before it and the reply after it. It never sees the targets;
`ground_truth` does, and is for evaluation only.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from multiref_gym.errors import UserError, is_number
from multiref_gym.game import Action
from multiref_gym.listener import ROUNDING
from multiref_gym.parts import blame, part_name


class Feedback(IntEnum):
    """The value of an action, decoded or true. A binary decoder never returns `NEUTRAL`."""

    NEGATIVE = -1
    NEUTRAL = 0
    POSITIVE = 1


_VALUES = tuple(Feedback)


@dataclass(frozen=True, slots=True)
class Exchange:
    """An action, the words before it and the reply after it: the decoder's input in arXiv 2410.13852.

    Attributes:
        previous_action: The listener's action one turn before, or None on the first turn.
        utterance: The speaker's words before the action.
        action: The action to judge.
        reply: The speaker's words after the action.
    """

    previous_action: Action | None
    utterance: str
    action: Action
    reply: str


class FeedbackDecoder(Protocol):
    """Decodes feedback from exchanges, many at once."""

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        """Returns the feedback that each reply gives on the action before it, in order."""
        ...


def decoded(decoder: FeedbackDecoder, exchanges: Sequence[Exchange]) -> list[Feedback]:
    """Calls a decoder once and returns its feedback, one value for each exchange.

    Raises:
        UserError: If the decoder does not return one feedback for each exchange, or if a decoder from outside this
            package fails. The message names the decoder.
    """
    try:
        answers = decoder.decode(exchanges)
    except (Exception, SystemExit) as error:
        blame("decoder", decoder, error)
        raise
    if not isinstance(answers, list | tuple | np.ndarray):
        raise UserError(f"decoder {part_name(decoder)} returned {answers!r:.60}: allowed is a list of feedback")
    if len(answers) != len(exchanges):
        counts = f"{len(answers)} answers for {len(exchanges)} exchanges"
        raise UserError(f"decoder {part_name(decoder)} returned {counts}: allowed is one each")
    for answer in answers:
        if not is_number(answer, -1, 1) or answer not in _VALUES:
            raise UserError(f"decoder {part_name(decoder)} returned {answer!r:.60}: feedback is -1, 0 or 1")
    return [Feedback(int(answer)) for answer in answers]


def decoded_games(decoder: FeedbackDecoder, games: Sequence[Sequence[Exchange]]) -> list[list[Feedback]]:
    """Calls a decoder once and returns its feedback for each game; see `decoded` for the errors."""
    answers = iter(decoded(decoder, [exchange for exchanges in games for exchange in exchanges]))
    return [list(islice(answers, len(exchanges))) for exchanges in games]


def probabilities(decoder: Any, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
    """Returns a decoder's probability that each action was entirely right, (exchanges,).

    Raises:
        UserError: If the decoder does not return one probability for each exchange, or if a decoder from outside this
            package fails. The message names the decoder.
    """
    try:
        said = np.asarray(decoder.probabilities(exchanges), np.float64)
    except (Exception, SystemExit) as error:
        blame("decoder", decoder, error)
        raise
    if said.shape != (len(exchanges),) or not (np.abs(said - 0.5) <= 0.5 + ROUNDING).all():
        raise UserError(
            f"decoder {part_name(decoder)} returned {said.tolist()!r:.60}: allowed is a probability for each exchange"
        )
    return said


def ground_truth(action: Action, targets: Collection[int]) -> Feedback:
    """Returns the true value of an action, for evaluation only (the rule of arXiv 2410.13852).

    The selected part is good if it holds only targets; the deselected part is good if it holds no target. Positive:
    every part of the action is good. Neutral: one part is good and the other is not. Negative: everything else,
    including the empty action.

    Args:
        action: The action.
        targets: The positions of the targets.
    """
    good_select = bool(action.select) and action.select <= frozenset(targets)
    good_deselect = bool(action.deselect) and action.deselect.isdisjoint(targets)
    if (good_select or not action.select) and (good_deselect or not action.deselect) and action.clicks:
        return Feedback.POSITIVE
    return Feedback.NEUTRAL if good_select or good_deselect else Feedback.NEGATIVE
