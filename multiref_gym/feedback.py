"""What a speaker's next words say about the listener's action.

A decoder sees an exchange: the action in focus between the utterance before it and the reply after it. It never
sees the targets; `ground_truth` does, and is there for evaluation only.
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
    """The value of an action, decoded or true. A binary decoder never answers `NEUTRAL`."""

    NEGATIVE = -1
    NEUTRAL = 0
    POSITIVE = 1


_VALUES = tuple(Feedback)


@dataclass(frozen=True, slots=True)
class Exchange:
    """An action, what led to it and what the speaker said next: what arXiv 2410.13852 shows its decoder.

    Attributes:
        previous_action: The listener's action one turn before, or None on the first turn.
        utterance: What the speaker said before the action.
        action: The action in focus.
        reply: What the speaker said after it.
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
    """Returns what a decoder finds in exchanges, one feedback for each, from one call.

    Raises:
        UserError: If it does not answer once for each, or answers what is no feedback; or if a decoder that is not of
            this package fails. The message names it.
    """
    try:
        answers = decoder.decode(exchanges)
    except (Exception, SystemExit) as error:
        blame("decoder", decoder, error)
        raise
    if not isinstance(answers, list | tuple | np.ndarray):
        raise UserError(f"decoder {part_name(decoder)} answers {answers!r:.60}: allowed is a list of feedback")
    if len(answers) != len(exchanges):
        told = f"{len(answers)} answers to {len(exchanges)} exchanges"
        raise UserError(f"decoder {part_name(decoder)} gave {told}: allowed is one each")
    for answer in answers:
        if not is_number(answer, -1, 1) or answer not in _VALUES:
            raise UserError(f"decoder {part_name(decoder)} answers {answer!r:.60}: feedback is -1, 0 or 1")
    return [Feedback(int(answer)) for answer in answers]


def decoded_games(decoder: FeedbackDecoder, games: Sequence[Sequence[Exchange]]) -> list[list[Feedback]]:
    """Returns what a decoder finds in the exchanges of each game, from one call; see `decoded` for the errors."""
    answers = iter(decoded(decoder, [exchange for exchanges in games for exchange in exchanges]))
    return [list(islice(answers, len(exchanges))) for exchanges in games]


def probabilities(decoder: Any, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
    """Returns how likely a decoder that has `probabilities` says that each action was wholly good, (exchanges,).

    Raises:
        UserError: If that is no probability for each, or a decoder that is not of this package fails. The message names
            it.
    """
    try:
        said = np.asarray(decoder.probabilities(exchanges), np.float64)
    except (Exception, SystemExit) as error:
        blame("decoder", decoder, error)
        raise
    if said.shape != (len(exchanges),) or not (np.abs(said - 0.5) <= 0.5 + ROUNDING).all():
        raise UserError(
            f"decoder {part_name(decoder)} says {said.tolist()!r:.60}: allowed is a probability for each exchange"
        )
    return said


def ground_truth(action: Action, targets: Collection[int]) -> Feedback:
    """Returns the true value of an action, for evaluation only (the rule of arXiv 2410.13852).

    A select is good if all that it selects are targets, a deselect if nothing that it deselects is a target.
    Positive: whatever was done was good. Neutral: one half was good, the other not. Negative: the rest, among
    it the empty action.

    Args:
        action: The action.
        targets: The positions of the targets.
    """
    good_select = bool(action.select) and action.select <= frozenset(targets)
    good_deselect = bool(action.deselect) and action.deselect.isdisjoint(targets)
    if (good_select or not action.select) and (good_deselect or not action.deselect) and action.clicks:
        return Feedback.POSITIVE
    return Feedback.NEUTRAL if good_select or good_deselect else Feedback.NEGATIVE
