"""What a whole game says of its actions, beyond the reply to each."""

from __future__ import annotations

from multiref_gym.agents.learning.credit import Credit, examples_of
from multiref_gym.agents.learning.learn import Example
from multiref_gym.feedback import Feedback
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn

CONTEXT = Context(tuple("jihgfedcba"), tuple("abcdefghij"), frozenset("abc"))
GOOD, NEITHER, BAD = Feedback.POSITIVE, Feedback.NEUTRAL, Feedback.NEGATIVE


def game(*actions: str) -> Interaction:
    """Returns a game in which the listener did this, turn by turn."""
    turns = tuple(Turn(f"utterance {number}", Action.parse(action), -1.0) for number, action in enumerate(actions))
    return Interaction("game", CONTEXT, turns, speaker="somebody")


def learned(examples: list[Example]) -> list[tuple[str, str, float]]:
    return [(e.view.utterance, str(e.action), e.weight) for e in examples if e.feedback is GOOD]


def test_by_the_replies_alone_the_last_action_has_no_feedback() -> None:
    examples = examples_of(game("select A", "select B", "select C", "select D"), [GOOD, BAD, GOOD])
    assert learned(examples) == [("utterance 0", "select A", 1.0), ("utterance 2", "select C", 1.0)]
    assert len(examples) == 2


def test_negatives_count_as_much_as_asked_and_neutral_actions_never() -> None:
    played, feedback = game("select A", "select B", "select C", "select D"), [BAD, NEITHER, GOOD]
    examples = examples_of(played, feedback, negatives=0.25)
    assert [(str(e.action), e.feedback, e.weight) for e in examples] == [
        ("select A", BAD, 0.25),
        ("select C", GOOD, 1.0),
    ]
    assert examples[0].view.utterance == "utterance 0"
    assert examples[0].log_prob == -1.0
    assert [e.feedback for e in examples_of(played, feedback, negatives=0.0)] == [GOOD]


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


def test_the_final_selection_of_a_game_that_was_not_won_says_nothing() -> None:
    actions = [f"{'select' if turn % 2 == 0 else 'deselect'} A" for turn in range(10)]
    examples = examples_of(game(*actions), [GOOD] * 9, Credit(final_selection=True))
    assert [e.view.utterance for e in examples] == [f"utterance {turn}" for turn in range(9)]


def test_a_turn_without_clicks_teaches_nothing() -> None:
    turns = (Turn("one", Action()), Turn("two", Action.parse("select A")), Turn("three", Action()))
    idle = Interaction("game", CONTEXT, turns, speaker="somebody")
    credit = Credit(last_action=True, final_selection=True)
    assert learned(examples_of(idle, [GOOD, GOOD], credit)) == [("two", "select A", 1.0)]
    assert [e.view.utterance for e in examples_of(idle, [BAD, BAD], credit, negatives=0.1)] == ["two"]
