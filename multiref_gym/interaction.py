"""The record of a game: its utterances and actions, and who spoke and acted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from multiref_gym.checking import storable
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange
from multiref_gym.game import Action, Context, InvalidAction, check_action
from multiref_gym.listener import View


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance and the action that answered it.

    Attributes:
        utterance: The speaker's words.
        action: The listener's action.
        log_prob: The natural log-probability of the action under the distribution that it was sampled from, or
            None if unknown (a person acted, or the log does not have it).
    """

    utterance: str
    action: Action
    log_prob: float | None = None


@dataclass(frozen=True, slots=True)
class Interaction:
    """A game from its first utterance to its end.

    Attributes:
        game_id: A name unique within a file or store.
        context: The tangrams, the orders and the targets.
        turns: At least one turn.
        speaker: Who spoke.
        policy: Which listener policy acted.
        round: The round of deployment.
        closing: The speaker's words after the last action, "" if none. The simulated speaker adds them out of
            courtesy; no feedback is decoded from them.
    """

    game_id: str
    context: Context
    turns: tuple[Turn, ...]
    speaker: str = ""
    policy: str = ""
    round: int = 0
    closing: str = ""

    @property
    def selections(self) -> list[frozenset[int]]:
        """The selected positions before each turn and, as the last item, after the last turn."""
        states = [frozenset[int]()]
        for turn in self.turns:
            states.append(turn.action.after(states[-1]))
        return states

    @property
    def targets(self) -> frozenset[int]:
        """The positions of the targets in the listener's order."""
        return self.context.target_positions

    @property
    def success(self) -> bool:
        """Whether the game ended with exactly the targets selected."""
        return self.selections[-1] == self.targets

    def check(self) -> None:
        """Checks that the game can be stored and read again unchanged.

        Raises:
            UserError: If it has no turn, an action is not legal, a log-probability is not finite, or a text is not
                `checking.storable`. The message names the game and the turn or the text.
        """
        where = f"game {self.game_id!r}"
        if not self.turns:
            raise UserError(f"{where}: expected one turn or more")
        said = (turn.utterance for turn in self.turns)
        for text in (self.game_id, self.speaker, self.policy, *self.context.listener_order, *said, self.closing):
            try:
                storable(text)
            except UserError as error:
                raise UserError(f"{where}, {text!r:.60}: {error}") from error
        for number, (turn, selected) in enumerate(zip(self.turns, self.selections, strict=False)):
            try:
                check_action(turn.action, selected, len(self.context.listener_order))
            except InvalidAction as error:
                raise UserError(f"{where}, turn {number}: {error}") from error
            if turn.log_prob is not None and not math.isfinite(turn.log_prob):
                raise UserError(
                    f"{where}, turn {number}: a log-probability is a finite number or None, got {turn.log_prob}"
                )

    def views(self) -> list[View]:
        """Returns the listener's view before each of its actions."""
        order = self.context.listener_order
        dialogue = tuple((turn.utterance, turn.action) for turn in self.turns)
        return [
            View(order, dialogue[:i], turn.utterance, selected, self.game_id)
            for i, (turn, selected) in enumerate(zip(self.turns, self.selections, strict=False))
        ]

    def exchanges(self) -> list[Exchange]:
        """Returns an exchange for every turn but the last: without a reply it has no feedback."""
        previous = [None, *(turn.action for turn in self.turns)]
        return [
            Exchange(previous_action, turn.utterance, turn.action, following.utterance)
            for previous_action, (turn, following) in zip(previous, pairwise(self.turns), strict=False)
        ]
