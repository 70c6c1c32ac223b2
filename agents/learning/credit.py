"""Credit over several turns: what a whole game says of its actions, beyond the reply to each.

It goes further than the paper, which takes each reply for itself, and looks at no label either. A game that ends
before its last turn was won, for nothing else ends it; so

  1. its last action, to which nobody replied, was good;
  2. a tangram that is not in its final selection was no target, whatever the reply to selecting it was;
  3. and in any game, what the speaker kept describing until it was accepted is what the descriptions that failed meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from multiref_gym.agents.learning.learn import Example
from multiref_gym.feedback import Feedback
from multiref_gym.game import MAX_TURNS, Action
from multiref_gym.interaction import Interaction
from multiref_gym.listener import View


@dataclass(frozen=True, slots=True)
class Credit:
    """Which of the rules are applied, and how much weight they carry; the default is the reply to each action alone.

    Attributes:
        last_action: Whether the last action of a won game is positive.
        final_selection: Whether positives are dropped whose tangrams are not in the final selection of a won game.
        relabelled: The weight of a failed description with the tangram that was accepted in the end, 0 to leave it out.
    """

    last_action: bool = False
    final_selection: bool = False
    relabelled: float = 0.0


def examples_of(
    game: Interaction, feedback: Sequence[Feedback], credit: Credit = Credit(), negatives: float = 0.0
) -> list[Example]:
    """Returns the turns of a game that something can be learned from.

    A turn without clicks is none, as no listener that learns can act so.

    Args:
        game: The game; its targets and its success are not looked at.
        feedback: What was decoded for each action that was replied to, which the last one was not.
        credit: What else is taken into account.
        negatives: The weight of actions that were decoded as negative, 0 to leave them out.
    """
    won = len(game.turns) < MAX_TURNS
    feedback = list(feedback)
    if credit.last_action and won and len(feedback) < len(game.turns):
        feedback.append(Feedback.POSITIVE)
    weights = {Feedback.POSITIVE: 1.0, Feedback.NEUTRAL: 0.0, Feedback.NEGATIVE: negatives}
    examples: list[Example] = []
    failed: list[View] = []
    for view, turn, value in zip(game.views(), game.turns, feedback, strict=False):
        action, weight = turn.action, weights[value]
        if value is Feedback.POSITIVE and credit.final_selection and won and not action.select <= game.selections[-1]:
            continue
        if action.clicks and weight:
            examples.append(Example(view, action, value, turn.log_prob, weight))
        if value is not Feedback.POSITIVE:
            failed.append(view)
        elif action.select:
            if credit.relabelled:
                examples += _relabelled(failed, action, credit.relabelled)
            failed = []
    return examples


def _relabelled(failed: Sequence[View], accepted: Action, weight: float) -> list[Example]:
    """Returns the descriptions that failed, each with the tangram that the same description in other words led to."""
    actions = (Action(accepted.select - view.selected, accepted.deselect & view.selected) for view in failed)
    return [
        Example(view, action, Feedback.POSITIVE, weight=weight)
        for view, action in zip(failed, actions, strict=True)
        if action.select
    ]
