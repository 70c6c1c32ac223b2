"""Objectives, by hand and by finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from agents.objectives import ScoredTurns, sup

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
