"""The true value of an action, and what a decoder may answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback, decoded, ground_truth
from multiref_gym.game import Action

TARGETS = {0, 1, 2}
positions = st.frozensets(st.integers(0, 9), max_size=5)


@pytest.mark.parametrize(
    ("select", "deselect", "feedback"),
    [
        ({0}, {}, Feedback.POSITIVE),
        ({0, 2}, {}, Feedback.POSITIVE),
        ({}, {7}, Feedback.POSITIVE),
        ({}, {7, 8}, Feedback.POSITIVE),
        ({0}, {7}, Feedback.POSITIVE),
        ({0}, {1}, Feedback.NEUTRAL),
        ({7}, {8}, Feedback.NEUTRAL),
        ({0, 7}, {8}, Feedback.NEUTRAL),
        ({0}, {1, 8}, Feedback.NEUTRAL),
        ({7}, {}, Feedback.NEGATIVE),
        ({0, 7}, {}, Feedback.NEGATIVE),
        ({}, {0}, Feedback.NEGATIVE),
        ({}, {0, 8}, Feedback.NEGATIVE),
        ({7}, {0}, Feedback.NEGATIVE),
        ({0, 7}, {1, 8}, Feedback.NEGATIVE),
        ({}, {}, Feedback.NEGATIVE),
    ],
)
def test_the_value_of_an_action_by_case(select: set[int], deselect: set[int], feedback: Feedback) -> None:
    assert ground_truth(Action(frozenset(select), frozenset(deselect)), TARGETS) is feedback


@given(positions, positions, positions)
def test_an_action_is_positive_if_and_only_if_each_click_was_right(
    select: frozenset[int], deselect: frozenset[int], targets: frozenset[int]
) -> None:
    action = Action(select, deselect - select)
    right = [position in targets for position in action.select] + [p not in targets for p in action.deselect]
    feedback = ground_truth(action, targets)
    assert (feedback is Feedback.POSITIVE) == (bool(right) and all(right))
    if right and not any(right):
        assert feedback is Feedback.NEGATIVE


@given(positions, positions)
def test_an_action_of_one_kind_is_never_neutral(clicks: frozenset[int], targets: frozenset[int]) -> None:
    assert ground_truth(Action(select=clicks), targets) is not Feedback.NEUTRAL
    assert ground_truth(Action(deselect=clicks), targets) is not Feedback.NEUTRAL


class Answering:
    """A decoder that answers the same whatever it is asked."""

    def __init__(self, answers: Any) -> None:
        self.answers = answers

    def decode(self, exchanges: Sequence[Exchange]) -> Any:
        return self.answers


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([], "returned 0 answers for 1 exchanges"),
        ([1, 1], "returned 2 answers"),
        ([2], "returned 2: feedback is"),
        (["yes"], "returned 'yes'"),
        (None, "returned None: allowed is a list"),
        ("1", "returned '1': allowed is a list"),
        (b"\x01", "allowed is a list"),
        ((1 for _ in range(1)), "allowed is a list"),
        ([np.nan], "returned nan"),
        ([None], "returned None"),
        ([True], "returned True"),
        (np.array([True]), "True"),
        ([0.5], "returned 0.5"),
        (np.ones((1, 1)), "returned array"),
    ],
)
def test_a_decoder_that_answers_wrongly_is_told_what_it_did(answers: Any, message: str) -> None:
    with pytest.raises(UserError, match=f"^decoder test_feedback:Answering .*{message}"):
        decoded(Answering(answers), [Exchange(None, "the bird", Action(), "yes")])


def test_a_decoder_that_fails_is_named_and_its_error_is_the_cause() -> None:
    class Failing:
        def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
            raise LookupError("no\nidea")

    with pytest.raises(UserError, match=r"Failing failed: LookupError: no idea \(test_feedback.py, line") as error:
        decoded(Failing(), [])
    assert isinstance(error.value.__cause__, LookupError)


@pytest.mark.parametrize(
    "answers", [[-1], (-1,), [np.int64(-1)], np.array([-1]), np.array([-1.0]), [Feedback.NEGATIVE]]
)
def test_feedback_may_come_as_numbers(answers: Any) -> None:
    (value,) = decoded(Answering(answers), [Exchange(None, "the bird", Action(), "yes")])
    assert value is Feedback.NEGATIVE
