"""The contract of a listener."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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
    """

    tangrams: tuple[str, ...]
    dialogue: tuple[tuple[str, Action], ...]
    utterance: str
    selected: frozenset[int]

    @property
    def length(self) -> int:
        """About how long it is to read: the characters of the utterance and of the two before it."""
        return sum(map(len, [self.utterance, *(utterance for utterance, _ in self.dialogue[-2:])]))


@dataclass(frozen=True, slots=True)
class Decision:
    """What a listener does.

    Attributes:
        action: A legal action for the view.
        log_prob: Its natural log-probability under the distribution that it was sampled from, None if nobody knows.
        text: What the listener wrote, the action's canonical text unless a model said it otherwise.
        legal: Whether the text is a legal action; if it is not, `action` is the empty one in its place.
    """

    action: Action
    log_prob: float | None
    text: str
    legal: bool = True


class Listener(Protocol):
    """Acts on views, always a batch: one game is a batch of one."""

    def act(self, views: Sequence[View], rng: np.random.Generator) -> list[Decision]:
        """Returns a decision for each view, in order. All chance is drawn from `rng`."""
        ...
