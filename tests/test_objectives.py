"""Objectives, by hand and by finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from agents.objectives import ScoredTurns, sup, sup_and_unlikelihood

LOG_PROB = torch.tensor([-1.0, -2.0, -4.0, -8.0])
BEHAVIOUR = torch.tensor([-3.0, -5.0, math.nan, -9.0])
FEEDBACK = torch.tensor([1.0, 1.0, -1.0, 0.0])
WEIGHT = torch.ones(4)


def test_sup_is_the_mean_cross_entropy_of_the_positives() -> None:
    loss, statistics = sup(ScoredTurns(LOG_PROB, BEHAVIOUR, FEEDBACK, WEIGHT))
    assert loss.item() == pytest.approx((1 + 2) / 2)
    assert statistics == {"positive_log_prob": pytest.approx(-1.5)}


def test_sup_heeds_neither_negatives_nor_neutral_actions_nor_who_acted() -> None:
    elsewhere = torch.tensor([0.0, 0.0, 5.0, 50.0])
    changed = ScoredTurns(LOG_PROB - elsewhere, torch.full((4,), math.nan), FEEDBACK, WEIGHT)
    assert sup(changed) == sup(ScoredTurns(LOG_PROB, BEHAVIOUR, FEEDBACK, WEIGHT))


@pytest.mark.parametrize("feedback", [-torch.ones(4), torch.zeros(4)])
def test_sup_of_a_batch_without_positives_is_zero_and_moves_nothing(feedback: Tensor) -> None:
    log_prob = LOG_PROB.clone().requires_grad_()
    loss, _ = sup(ScoredTurns(log_prob, BEHAVIOUR, feedback, WEIGHT))
    loss.backward()
    assert loss.item() == 0
    assert log_prob.grad is not None
    assert not log_prob.grad.any()


@settings(deadline=None)  # the first backward pass loads what it needs
@given(st.lists(st.tuples(st.floats(-20, 0), st.sampled_from([-1, 0, 1])), min_size=1, max_size=6))
def test_the_gradient_of_sup_is_its_slope(turns: list[tuple[float, int]]) -> None:
    log_prob, feedback = (torch.tensor(column, dtype=torch.float64) for column in zip(*turns, strict=True))
    log_prob.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a: sup(ScoredTurns(a, a.detach(), feedback, torch.ones_like(a)))[0], log_prob
    )


def test_sup_counts_a_turn_by_its_weight() -> None:
    loss, _ = sup(ScoredTurns(LOG_PROB, BEHAVIOUR, FEEDBACK, torch.tensor([1.0, 0.5, 9.0, 9.0])))
    assert loss.item() == pytest.approx((1 + 0.5 * 2) / 1.5)


HALF = math.log(0.5)


def scored_turns(log_prob: list[float], feedback: list[float], weight: list[float] | None = None) -> ScoredTurns:
    count = len(log_prob)
    columns = (log_prob, [math.nan] * count, feedback, weight or [1.0] * count)
    return ScoredTurns(*map(torch.tensor, columns))


@pytest.mark.parametrize(
    ("log_prob", "feedback", "weight", "expected"),
    [
        ([HALF], [-1.0], [1.0], math.log(2)),  # -log(1 - 0.5)
        ([math.log(0.75), HALF], [-1.0, -1.0], [1.0, 1.0], (math.log(4) + math.log(2)) / 2),
        ([-3.0, HALF, -7.0], [1.0, -1.0, 0.0], [1.0, 1.0, 1.0], (3 + math.log(2)) / 2),
        ([-3.0, -1.0, HALF], [1.0, 1.0, -1.0], [1.0, 0.5, 0.1], (3 + 0.5 * 1 + 0.1 * math.log(2)) / 1.6),
        ([HALF, HALF], [-1.0, -1.0], [0.1, 0.1], 0.2 * math.log(2)),  # light ones alone make no step of full length
        ([-40.0], [-1.0], [1.0], 0.0),  # what is unlikely already is left alone
    ],
)
def test_unlikelihood_by_hand(
    log_prob: list[float], feedback: list[float], weight: list[float], expected: float
) -> None:
    loss, _ = sup_and_unlikelihood(scored_turns(log_prob, feedback, weight))
    assert loss.item() == pytest.approx(expected, rel=5e-3, abs=1e-9)


def test_unlikelihood_tells_how_likely_positives_are() -> None:
    _, statistics = sup_and_unlikelihood(
        scored_turns([-1.0, -2.0, -4.0, -8.0, -9.0], [1.0, 1.0, -1.0, -1.0, 0.0], [1.0, 0.5, 0.1, 0.3, 5.0])
    )
    assert statistics == {"positive_log_prob": pytest.approx((-1 - 0.5 * 2) / 1.5)}


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-20, 0), st.sampled_from([0.0, 1.0]), st.floats(0, 2)), min_size=1, max_size=6))
def test_without_negatives_it_is_supervised_learning(turns: list[tuple[float, float, float]]) -> None:
    slopes = []
    for objective in (sup, sup_and_unlikelihood):
        log_prob, feedback, weight = (torch.tensor(column) for column in zip(*turns, strict=True))
        log_prob.requires_grad_()
        loss, _ = objective(ScoredTurns(log_prob, log_prob.detach(), feedback, weight))
        loss.backward()
        assert log_prob.grad is not None
        slopes.append((loss.item(), log_prob.grad))
    assert slopes[0][0] == pytest.approx(slopes[1][0])
    torch.testing.assert_close(slopes[0][1], slopes[1][1])


@pytest.mark.parametrize("certain", [0.0, -1e-12, -1e-7, -1e-4])
def test_a_negative_that_the_policy_is_certain_of_has_a_finite_loss_and_slope(certain: float) -> None:
    turns = scored_turns([certain, -1.0], [-1.0, 1.0])
    turns.log_prob.requires_grad_()
    loss, _ = sup_and_unlikelihood(turns)
    loss.backward()
    assert 1 < loss.item() < 20
    assert turns.log_prob.grad is not None
    assert turns.log_prob.grad.isfinite().all()


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-20, -0.01), st.sampled_from([-1, 0, 1]), st.floats(0, 2)),
        min_size=1,
        max_size=6,
    )
)
def test_the_gradient_of_unlikelihood_is_its_slope(turns: list[tuple[float, int, float]]) -> None:
    log_prob, feedback, weight = (torch.tensor(column, dtype=torch.float64) for column in zip(*turns, strict=True))
    log_prob.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a: sup_and_unlikelihood(ScoredTurns(a, a.detach(), feedback, weight))[0], log_prob
    )


def test_a_step_makes_positives_likelier_negatives_less_likely_and_leaves_neutral_turns() -> None:
    scores = torch.tensor(
        [[1.0, 0.0, -1.0]] * 3, requires_grad=True
    )  # three turns, three actions each; the first is taken
    before = scores.log_softmax(1)[:, 0]
    feedback = torch.tensor([1.0, -1.0, 0.0])
    loss, _ = sup_and_unlikelihood(ScoredTurns(before, before.detach(), feedback, torch.ones(3)))
    loss.backward()
    assert scores.grad is not None
    after = (scores - 0.1 * scores.grad).log_softmax(1)[:, 0]
    assert after[0] > before[0]
    assert after[1] < before[1]
    assert after[2] == before[2]
