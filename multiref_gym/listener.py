"""The contract of a listener: what it sees, what it does."""

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
"""To how many decimals a log-probability is recorded: the last bits of a model's depend on who else is in its batch."""

ROUNDING = 1e-4
"""How far above 0 the logarithm of a probability may be, when it is a sum of many rounded ones."""


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
        """About how long it is to read: the words of the utterance and of the two before it."""
        return len(words_of(" ".join([self.utterance, *(utterance for utterance, _ in self.dialogue[-2:])])))


@dataclass(frozen=True, slots=True)
class Decision:
    """What a listener does.

    Attributes:
        action: A legal action for the view, or None where the answer was none.
        log_prob: Its natural log-probability under the distribution that it was sampled from, None if nobody knows;
            finite, and no more than 0 but for `ROUNDING`.
        text: What the listener wrote, the action's canonical text unless a model said it otherwise.
        reason: Why the text is no action, for the listener to read in the next turn; "" where it is one.
    """

    action: Action | None
    log_prob: float | None
    text: str
    reason: str = ""


class Listener(Protocol):
    """Acts on views, always a batch: one game is a batch of one.

    A class of listeners may have `block`: how many games are played together, or None if what it does in a game does
    not depend on the others, not even in the last bits. The games of a round are divided over machines in such blocks,
    of 128 if it does not say.
    """

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        """Returns a decision for each view, in order.

        Args:
            views: One or more.
            rngs: For each view the chance of its game. All chance of a decision is drawn from its own, so that a game
                does not depend on which others are in the batch.
        """
        ...


def decided(
    listener: Listener, views: Sequence[View], rngs: Sequence[np.random.Generator], legal: bool = True
) -> list[Decision]:
    """Returns what a listener decides, once for each view, from one call.

    Args:
        listener: Acts on the views.
        views: As `Listener.act` takes them.
        rngs: The same.
        legal: Whether an action that the rules forbid is refused too; it is not where such actions are counted.

    Raises:
        UserError: If it does not decide once for each view, or what it decides is no decision that is allowed; or if a
            listener that is not of this package fails. The message names it.
    """
    try:
        decisions = listener.act(views, rngs)
    except (Exception, SystemExit) as error:
        blame("listener", listener, error)
        raise
    if not isinstance(decisions, list | tuple):
        raise UserError(f"listener {part_name(listener)} answered {decisions!r:.60}: allowed is a list of decisions")
    if len(decisions) != len(views):
        told = f"{len(decisions)} decisions in {len(views)} games"
        raise UserError(f"listener {part_name(listener)} made {told}, not one each")
    for view, decision in zip(views, decisions, strict=True):
        try:
            _check(decision, view, legal)
        except UserError as error:
            raise UserError(f"listener {part_name(listener)}: {error}") from error
    return list(decisions)


def recorded_log_prob(log_prob: float | None) -> float | None:
    """Returns a log-probability as it is recorded: to `LOG_PROB_DECIMALS`, and at most 0; None if nobody knows.

    Raises:
        UserError: If it is no finite number, or further above 0 than `ROUNDING`.
    """
    if log_prob is None:
        return None
    if not is_number(log_prob, -sys.float_info.max, ROUNDING):
        raise UserError(f"log_prob={log_prob!r:.60}: allowed is a finite number of at most 0, or None")
    return min(0.0, round(float(log_prob), LOG_PROB_DECIMALS))


def _check(decision: object, view: View, legal: bool) -> None:
    if not isinstance(decision, Decision):
        raise UserError(f"it answered {decision!r:.60}: allowed is a Decision")
    recorded_log_prob(decision.log_prob)
    for name in ("text", "reason"):
        if not isinstance(getattr(decision, name), str):
            raise UserError(f"{name}={getattr(decision, name)!r:.60}: allowed is a text")
    if decision.action is not None and not is_action(decision.action):
        raise InvalidAction(f"action={decision.action!r:.80}: allowed is an Action of positions, or None")
    if decision.action is not None and legal:
        check_action(decision.action, view.selected, len(view.tangrams))
