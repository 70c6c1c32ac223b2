"""Measures of games and their intervals, by hand."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.agents.evaluation.intervals import (
    Estimate,
    area,
    by_unit,
    estimate,
    interval,
    over_samples,
    over_units,
)
from multiref_gym.agents.evaluation.measures import Confusion, decoder_quality, measure
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


def test_one_game_is_a_sample_whose_interval_is_a_point() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert estimate([3.0]) == estimate([6.0], [2.0]) == Estimate(3.0, 3.0, 3.0)
        assert over_samples([[1.0], [0.0, 1.0]]) == Estimate(0.75, 0.5, 1.0)
        of_one = area(np.array([0.0, -np.inf]), np.array([True, False]), np.zeros(2, int), 1)
        assert over_units(of_one, 1) == Estimate(1, 1, 1)


def test_draws_of_which_nothing_can_be_said_are_left_out() -> None:
    def share(rows: np.ndarray) -> np.ndarray:
        return np.where((rows == 0).any(-1), np.nan, rows.mean(-1))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert interval(share, [2]) == (1, 1)
        assert np.isnan(interval(share, [1])).all()


def test_the_intervals_of_several_values_are_drawn_at_once() -> None:
    values = np.array([[0.0, 1.0] * 50, [5.0] * 100])
    low, high = interval(lambda rows: values[:, rows].mean(-1), [100], seed=1)
    assert low.tolist() == pytest.approx([0.4, 5], abs=0.03)
    assert high.tolist() == pytest.approx([0.6, 5], abs=0.03)


def test_the_values_of_a_unit_are_drawn_together() -> None:
    assert by_unit([True, False, True], ["bob", "ann", "bob"]).tolist() == [0, 2]
    turns = np.repeat([0.0, 1.0] * 20, 50)
    alike = np.repeat(range(40), 50)
    widths = [found.high - found.low for found in (estimate(turns), estimate(by_unit(turns, alike), [50] * 40))]
    assert widths[1] > 4 * widths[0]


def test_a_ratio_is_of_sums_not_a_mean_of_ratios() -> None:
    found = estimate([1, 9], counts=[1, 99])
    assert found.mean == pytest.approx(10 / 100)
    assert found.low == pytest.approx(9 / 99)
    assert found.high == 1


def test_the_mean_is_over_seeds_and_its_interval_over_games() -> None:
    found = over_samples([[1, 1, 1, 1], [0, 1]])
    assert found.mean == 0.75
    assert (found.low, found.high) == (0.5, 1.0)
    narrow = over_samples([[0, 1] * 200] * 3)
    assert 0.5 - 0.05 < narrow.low < 0.5 < narrow.high < 0.5 + 0.05


def test_a_ratio_over_seeds_is_the_mean_of_the_runs_ratios() -> None:
    found = over_samples([[1, 9], [0, 0]], counts=[[1, 99], [1, 1]])
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


def test_a_confusion_tells_what_of_the_good_was_found() -> None:
    confusion = Confusion.of([POSITIVE, POSITIVE, NEGATIVE, NEUTRAL], [POSITIVE, NEUTRAL, POSITIVE, NEUTRAL])
    assert (confusion.exact, confusion.accuracy, confusion.precision, confusion.recall) == (0.5, 0.5, 0.5, 0.5)
    assert Confusion.of([NEUTRAL], [NEGATIVE]).figures() == {
        "accuracy": 1,
        "positive_precision": None,
        "positive_recall": None,
    }


def test_games_of_one_turn_say_nothing_of_a_decoder() -> None:
    quality = decoder_quality([game(select(0, 1))], [[]])
    assert quality["accuracy"] == quality["positive_precision"] == quality["positives"] == quality["exchanges"] == 0


def test_feedback_that_does_not_fit_the_games_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        decoder_quality([WON], [[POSITIVE]])
