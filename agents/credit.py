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

from agents.learn import Example, views_of
from multiref_gym.feedback import Feedback
from multiref_gym.game import MAX_TURNS, Action
from multiref_gym.interaction import Interaction


@dataclass(frozen=True, slots=True)
class Credit:
    """Which of the rules are applied, and how much weight they carry; the default is none.

    Attributes:
        last_action: Whether the last action of a won game is positive.
        final_selection: Whether positives are dropped whose tangrams are not in the final selection of a won game.
        relabelled: The weight of a failed description with the tangram that was accepted in the end, 0 to leave it out.
            In a prototype about two in three of these labels were right.
    """

    last_action: bool = False
    final_selection: bool = False
    relabelled: float = 0.0


def examples_of(game: Interaction, feedback: Sequence[Feedback], credit: Credit = Credit()) -> list[Example]:
    """Returns the turns of a game that something can be learned from.

    A turn without clicks is none, as no listener that learns can act so.

    Args:
        game: The game; its targets and its success are not looked at.
        feedback: What was decoded for each action that was replied to, which the last one was not.
        credit: What else is taken into account.
    """
    ended_early = len(game.turns) < MAX_TURNS
    views, final = views_of(game), game.selections[-1]
    feedback = list(feedback)
    if credit.last_action and ended_early and len(feedback) < len(game.turns):
        feedback.append(Feedback.POSITIVE)
    examples = []
    for view, turn, value in zip(views, game.turns, feedback, strict=False):
        lost = credit.final_selection and ended_early and not turn.action.select <= final
        if turn.action.clicks and not (value is Feedback.POSITIVE and lost):
            examples.append(Example(view, turn.action, value, turn.log_prob))
    if credit.relabelled:
        examples += _relabelled(game, feedback, credit)
    return examples


def _relabelled(game: Interaction, feedback: Sequence[Feedback], credit: Credit) -> list[Example]:
    """Returns the descriptions that failed, each with the tangram that the same description in other words led to."""
    examples, failed = [], []
    for view, turn, value in zip(views_of(game), game.turns, feedback, strict=False):
        if value is not Feedback.POSITIVE:
            failed.append(view)
        elif turn.action.select:
            for earlier in failed:
                accepted = turn.action.select - earlier.selected
                if accepted:
                    action = Action(accepted, turn.action.deselect & earlier.selected)
                    examples.append(Example(earlier, action, Feedback.POSITIVE, weight=credit.relabelled))
            failed = []
    return examples
