"""Credit over several turns: what a whole game says of its actions, beyond the reply to each.

It goes further than the paper, which takes each reply for itself, and looks at no label either. A game that ends
before its last turn was won, for nothing else ends it; so

  1. its last action, to which nobody replied, was good;
  2. a tangram that is not in its final selection was no target, whatever the reply to selecting it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from multiref_gym.agents.learning.learn import Example
from multiref_gym.feedback import Feedback
from multiref_gym.game import MAX_TURNS
from multiref_gym.interaction import Interaction


@dataclass(frozen=True, slots=True)
class Credit:
    """Which of the rules are applied; the default is the reply to each action alone.

    Attributes:
        last_action: Whether the last action of a won game is positive.
        final_selection: Whether positives are dropped whose tangrams are not in the final selection of a won game.
    """

    last_action: bool = False
    final_selection: bool = False


def examples_of(
    game: Interaction,
    feedback: Sequence[Feedback | None],
    credit: Credit = Credit(),
    negatives: float = 0.0,
    abandoned: bool = False,
) -> list[Example]:
    """Returns the turns of a game that something can be learned from.

    A turn without clicks is none, as no listener that learns can act so.

    Args:
        game: The game; its targets and its success are not looked at.
        feedback: What was decoded for each action that was replied to, which the last one was not; None is unknown.
        credit: What else is taken into account.
        negatives: The weight of actions that were decoded as negative, 0 to leave them out.
        abandoned: Whether somebody left before the end, so that a short game was not won.
    """
    won = len(game.turns) < MAX_TURNS and not abandoned
    feedback = list(feedback)
    if credit.last_action and won and len(feedback) < len(game.turns):
        feedback.append(Feedback.POSITIVE)
    weights = {Feedback.POSITIVE: 1.0, Feedback.NEUTRAL: 0.0, Feedback.NEGATIVE: negatives}
    examples: list[Example] = []
    for view, turn, value in zip(game.views(), game.turns, feedback, strict=False):
        action, weight = turn.action, weights[value or Feedback.NEUTRAL]
        if value is Feedback.POSITIVE and credit.final_selection and won and not action.select <= game.selections[-1]:
            continue
        if value is not None and action.clicks and weight:
            examples.append(Example(view, action, value, turn.log_prob, weight))
    return examples
