"""Measures of games, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.agents.evaluation.measures import Estimate, decoder_quality, estimate, measure, over_seeds
from multiref_gym.feedback import Feedback
from multiref_gym.game import Action, Context
from multiref_gym.interaction import Interaction, Turn

CONTEXT = Context(("w", "x", "y", "z"), ("w", "x", "y", "z"), frozenset({"w", "x"}))
POSITIVE, NEUTRAL, NEGATIVE = Feedback.POSITIVE, Feedback.NEUTRAL, Feedback.NEGATIVE


def game(*actions: Action) -> Interaction:
    return Interaction("game", CONTEXT, tuple(Turn("", action) for action in actions))


def select(*positions: int) -> Action:
    return Action(select=frozenset(positions))


def deselect(*positions: int) -> Action:
    return Action(deselect=frozenset(positions))


WON = game(select(0), select(2), deselect(2), select(1))  # clicks: right, wrong, right, right
LOST = game(select(0, 3), deselect(0))  # right and wrong; wrong
HALF_GOOD = Action(select=frozenset({2}), deselect=frozenset({3}))


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30), st.integers(0, 5))
def test_an_interval_holds_its_mean_and_stays_within_the_values(values: list[float], seed: int) -> None:
    found = estimate(values, seed=seed)
    assert found.mean == pytest.approx(sum(values) / len(values), abs=1e-9)
    assert min(values) - 1e-9 <= found.low <= found.high <= max(values) + 1e-9
    assert found == estimate(values, seed=seed)


@given(st.integers(20, 200), st.floats(0.2, 0.8))
def test_the_interval_of_a_share_is_that_of_the_binomial(count: int, share: float) -> None:
    successes = round(count * share)
    found = estimate([1.0] * successes + [0.0] * (count - successes))
    error = (found.mean * (1 - found.mean) / count) ** 0.5
    assert found.low == pytest.approx(found.mean - 1.96 * error, abs=0.6 * error)
    assert found.high == pytest.approx(found.mean + 1.96 * error, abs=0.6 * error)


def test_without_spread_the_interval_is_a_point() -> None:
    assert estimate([3.0] * 7) == Estimate(3.0, 3.0, 3.0)


def test_a_ratio_is_of_sums_not_a_mean_of_ratios() -> None:
    found = estimate([1, 9], counts=[1, 99])
    assert found.mean == pytest.approx(10 / 100)
    assert found.low == pytest.approx(9 / 99)
    assert found.high == 1


def test_the_mean_is_over_seeds_and_its_interval_over_games() -> None:
    found = over_seeds([[1, 1, 1, 1], [0, 1]])
    assert found.mean == 0.75
    assert (found.low, found.high) == (0.5, 1.0)
    narrow = over_seeds([[0, 1] * 200] * 3)
    assert 0.5 - 0.05 < narrow.low < 0.5 < narrow.high < 0.5 + 0.05


def test_a_ratio_over_seeds_is_the_mean_of_the_runs_ratios() -> None:
    found = over_seeds([[1, 9], [0, 0]], counts=[[1, 99], [1, 1]])
    assert found.mean == pytest.approx((10 / 100 + 0) / 2)
    assert (found.low, found.high) == (pytest.approx(9 / 99 / 2), 0.5)


def test_games_are_measured_by_their_targets() -> None:
    measured = measure([WON, LOST])
    assert measured["games"] == 2
    assert measured["success"]["mean"] == 0.5
    assert measured["turns"]["mean"] == 3.0
    assert measured["click_accuracy"]["mean"] == pytest.approx((3 + 1) / (4 + 3))
    assert measure([WON])["click_accuracy"]["mean"] == 3 / 4
    assert measure([LOST])["click_accuracy"]["mean"] == 1 / 3
    assert measured["success"].keys() == {"mean", "low", "high"}


def test_games_without_a_click_have_no_accuracy_to_speak_of() -> None:
    assert measure([game(Action())])["click_accuracy"]["mean"] == 0


def test_a_decoder_is_judged_on_the_actions_that_were_replied_to() -> None:
    # True: good, bad, good; then good. The last actions of the games have no reply.
    quality = decoder_quality([WON, LOST], [[POSITIVE, POSITIVE, NEGATIVE], [NEGATIVE]])
    confusion = [[1, 0, 1], [0, 0, 0], [1, 0, 1]]
    expected = {"accuracy": 2 / 4, "positive_precision": 1 / 2, "positives": 2, "exchanges": 4}
    assert quality == {**expected, "confusion": confusion}


def test_a_half_good_action_counts_as_bad_and_neutral_feedback_as_not_positive() -> None:
    played = game(select(3), HALF_GOOD, select(0))
    assert decoder_quality([played], [[NEUTRAL, NEUTRAL]])["accuracy"] == 1
    half_right = decoder_quality([played], [[NEGATIVE, POSITIVE]])
    assert half_right["accuracy"] == 0.5
    assert half_right["confusion"] == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_games_of_one_turn_say_nothing_of_a_decoder() -> None:
    quality = decoder_quality([game(select(0, 1))], [[]])
    assert quality["accuracy"] == quality["positive_precision"] == quality["positives"] == quality["exchanges"] == 0


def test_feedback_that_does_not_fit_the_games_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        decoder_quality([WON], [[POSITIVE]])
