"""The contract of a listener: what it sees, what it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from multiref_gym.game import Action


@dataclass(frozen=True, slots=True)
class View:
    """What a listener knows when it acts.

    Attributes:
        tangrams: Tangram ids in the listener's order; their images are in the atlas that the listener was made with.
        dialogue: The turns so far, oldest first: what was said and what the listener did.
        utterance: What the speaker said just now.
        selected: The selected positions.
        game_id: Which game this is: the same in all its turns, and no other game's that is in play.
        misread: What was written in turns in which that was no action, and why it was none, by the number of the turn.
    """

    tangrams: tuple[str, ...]
    dialogue: tuple[tuple[str, Action], ...]
    utterance: str
    selected: frozenset[int]
    game_id: str = ""
    misread: Mapping[int, tuple[str, str]] = field(default_factory=dict, hash=False)

    @property
    def length(self) -> int:
        """About how long it is to read: the characters of the utterance and of the two before it."""
        return sum(map(len, [self.utterance, *(utterance for utterance, _ in self.dialogue[-2:])]))


@dataclass(frozen=True, slots=True)
class Decision:
    """What a listener does.

    Attributes:
        action: A legal action for the view, or None where the answer was none.
        log_prob: Its natural log-probability under the distribution that it was sampled from, None if nobody knows.
        text: What the listener wrote, the action's canonical text unless a model said it otherwise.
        reason: Why the text is no action, for the listener to read in the next turn; "" where it is one.
    """

    action: Action | None
    log_prob: float | None
    text: str
    reason: str = ""


class Listener(Protocol):
    """Acts on views, always a batch: one game is a batch of one."""

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        """Returns a decision for each view, in order.

        Args:
            views: One or more.
            rngs: For each view the chance of its game. All chance of a decision is drawn from its own, so that a game
                does not depend on which others are in the batch.
        """
        ...
