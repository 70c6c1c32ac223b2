"""The interface of a listener: a `View` goes in, a `Decision` comes out."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from multiref_gym.errors import UserError, is_number
from multiref_gym.game import Action, InvalidAction, check_action, is_action
from multiref_gym.parts import blame, part_name
from multiref_gym.vocabulary import words_of

LOG_PROB_DECIMALS = 6
"""The decimals of a recorded log-probability: a model's last bits depend on the rest of its batch."""

ROUNDING = 1e-4
"""How far above 0 a log-probability may be: it may be a sum of many rounded ones."""


@dataclass(frozen=True, slots=True)
class View:
    """All that a listener knows when it acts.

    Attributes:
        tangrams: Tangram ids in the listener's order; their images are in the atlas that the listener was made with.
        dialogue: The turns so far, oldest first: each utterance and the listener's action.
        utterance: The speaker's latest utterance.
        selected: The selected positions.
        game_id: Identifies the game: the same in all its turns, and different from all other games in play.
        misread: The listener's answers that were not actions, by turn number: the text, and why it was rejected.
    """

    tangrams: tuple[str, ...]
    dialogue: tuple[tuple[str, Action], ...]
    utterance: str
    selected: frozenset[int]
    game_id: str = ""
    misread: Mapping[int, tuple[str, str]] = field(default_factory=dict, hash=False)

    @property
    def length(self) -> int:
        """A rough reading length: the number of words in this utterance and the two before it."""
        return len(words_of(" ".join([self.utterance, *(utterance for utterance, _ in self.dialogue[-2:])])))


@dataclass(frozen=True, slots=True)
class Decision:
    """A listener's answer to a view.

    Attributes:
        action: A legal action for the view, or None if the answer was not an action.
        log_prob: The action's natural log-probability under the distribution that it was sampled from, None if
            unknown; finite, and at most 0, give or take `ROUNDING`.
        text: The listener's text: the action's canonical text, unless a model worded it differently.
        reason: Why the text is not an action, for the listener to read in the next turn; "" if it is one.
    """

    action: Action | None
    log_prob: float | None
    text: str
    reason: str = ""


class Listener(Protocol):
    """Acts on batches of views; a single game is a batch of one.

    A listener class may have the attribute `block`: the number of games that are played together, or None if its
    actions in a game do not depend on the other games, not even in the last bits. The games of a round are divided
    over machines in such blocks; the default is 128.
    """

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        """Returns a decision for each view, in order.

        Args:
            views: One or more.
            rngs: The random generator of each view's game. A decision uses only its own generator, so that a game does
                not depend on the other games in the batch.
        """
        ...


def decided(
    listener: Listener, views: Sequence[View], rngs: Sequence[np.random.Generator], legal: bool = True
) -> list[Decision]:
    """Calls a listener once and returns its decisions, one for each view.

    Args:
        listener: Acts on the views.
        views: See `Listener.act`.
        rngs: See `Listener.act`.
        legal: Whether to raise an error for an action that the rules forbid; False where such actions are counted.

    Raises:
        UserError: If the listener does not return one valid decision for each view, or if a listener from outside this
            package fails. The message names the listener.
    """
    try:
        decisions = listener.act(views, rngs)
    except (Exception, SystemExit) as error:
        blame("listener", listener, error)
        raise
    if not isinstance(decisions, list | tuple):
        raise UserError(f"listener {part_name(listener)} returned {decisions!r:.60}: allowed is a list of decisions")
    if len(decisions) != len(views):
        counts = f"{len(decisions)} decisions for {len(views)} games"
        raise UserError(f"listener {part_name(listener)} returned {counts}: allowed is one each")
    for view, decision in zip(views, decisions, strict=True):
        try:
            _check(decision, view, legal)
        except UserError as error:
            raise UserError(f"listener {part_name(listener)}: {error}") from error
    return list(decisions)


def recorded_log_prob(log_prob: float | None) -> float | None:
    """Returns a log-probability for the record: rounded to `LOG_PROB_DECIMALS`, at most 0; None if unknown.

    Raises:
        UserError: If it is not a finite number, or is above `ROUNDING`.
    """
    if log_prob is None:
        return None
    if not is_number(log_prob, -sys.float_info.max, ROUNDING):
        raise UserError(f"log_prob={log_prob!r:.60}: allowed is a finite number of at most 0, or None")
    return min(0.0, round(float(log_prob), LOG_PROB_DECIMALS))


def _check(decision: object, view: View, legal: bool) -> None:
    if not isinstance(decision, Decision):
        raise UserError(f"it returned {decision!r:.60}: allowed is a Decision")
    recorded_log_prob(decision.log_prob)
    for name in ("text", "reason"):
        if not isinstance(getattr(decision, name), str):
            raise UserError(f"{name}={getattr(decision, name)!r:.60}: allowed is a text")
    if decision.action is not None and not is_action(decision.action):
        raise InvalidAction(f"action={decision.action!r:.80}: allowed is an Action of positions, or None")
    if decision.action is not None and legal:
        check_action(decision.action, view.selected, len(view.tangrams))
