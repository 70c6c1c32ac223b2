"""What a whole game says of its actions, beyond the reply to each."""

from __future__ import annotations

import numpy as np

from agents.credit import Credit, examples_of
from agents.learn import Example
from multiref_gym.feedback import Feedback
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn

CONTEXT = Context.sample(tuple("abcdefghij"), np.random.default_rng(0))
GOOD, BAD = Feedback.POSITIVE, Feedback.NEGATIVE


def game(*actions: str) -> Interaction:
    """Returns a game in which the listener did this, turn by turn."""
    turns = tuple(Turn(f"utterance {number}", Action.parse(action), -1.0) for number, action in enumerate(actions))
    return Interaction("game", CONTEXT, turns, speaker="somebody")


def learned(examples: list[Example]) -> list[tuple[str, str, float]]:
    return [(e.view.utterance, str(e.action), e.weight) for e in examples if e.feedback is GOOD]


def test_by_the_replies_alone_the_last_action_has_no_feedback() -> None:
    examples = examples_of(game("select A", "select B", "select C"), [GOOD, BAD])
    assert [(str(e.action), e.feedback) for e in examples] == [("select A", GOOD), ("select B", BAD)]


def test_the_last_action_of_a_game_that_ended_early_was_good() -> None:
    credit = Credit(last_action=True)
    assert learned(examples_of(game("select A", "select B"), [GOOD], credit))[-1] == ("utterance 1", "select B", 1.0)
    full = [f"{'select' if i % 2 == 0 else 'deselect'} A" for i in range(10)]
    assert len(learned(examples_of(game(*full), [GOOD] * 9, credit))) == 9


def test_what_is_not_in_the_final_selection_of_a_won_game_was_not_good() -> None:
    credit = Credit(final_selection=True)
    won = game("select A", "select B", "deselect A select C", "select D")
    assert learned(examples_of(won, [GOOD, GOOD, GOOD], credit)) == [
        ("utterance 1", "select B", 1.0),
        ("utterance 2", "deselect A select C", 1.0),
    ]
    assert len(learned(examples_of(won, [GOOD, GOOD, GOOD]))) == 3


def test_a_description_that_failed_meant_what_was_accepted_in_the_end() -> None:
    credit = Credit(relabelled=0.5)
    examples = examples_of(game("select A", "deselect A select B", "deselect B select C"), [BAD, BAD], credit)
    assert learned(examples) == []  # nothing was accepted
    examples = examples_of(
        game("select A", "deselect A select B", "deselect B select C", "select D"), [BAD, BAD, GOOD], credit
    )
    assert learned(examples) == [
        ("utterance 2", "deselect B select C", 1.0),
        ("utterance 0", "select C", 0.5),
        ("utterance 1", "select C", 0.5),
    ]


def test_an_undo_that_was_accepted_leaves_the_description_open() -> None:
    credit = Credit(relabelled=0.5)
    examples = examples_of(game("select A", "deselect A", "select C", "select D"), [BAD, GOOD, GOOD], credit)
    assert ("utterance 0", "select C", 0.5) in learned(examples)


def test_a_turn_without_clicks_teaches_nothing() -> None:
    turns = (Turn("one", Action()), Turn("two", Action.parse("select A")), Turn("three", Action()))
    idle = Interaction("game", CONTEXT, turns, speaker="somebody")
    examples = examples_of(idle, [GOOD, GOOD], Credit(last_action=True, final_selection=True, relabelled=0.5))
    assert learned(examples) == [("two", "select A", 1.0)]
