"""Credit over several turns: a whole game judges its actions beyond the reply to each.

This goes further than the paper, which uses each reply on its own; it uses no labels either. A game that ends before
its last turn was won, because nothing else ends it. So

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
    """The rules to apply; by default, only the reply to each action counts.

    Attributes:
        last_action: Whether the last action of a won game is positive.
        final_selection: Whether to drop positives whose tangrams are not in the final selection of a won game.
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
    """Returns the turns of a game that a policy can learn from.

    A turn without clicks is left out, because listeners that learn cannot act that way.

    Args:
        game: The game; its targets and its success are not used.
        feedback: The decoded feedback on each action with a reply, that is, all but the last; None is unknown.
        credit: Further rules.
        negatives: The weight of actions decoded as negative, 0 to leave them out.
        abandoned: Whether somebody left before the end; then a short game was not won.
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
