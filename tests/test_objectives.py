"""Objectives, by hand and by finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from agents.objectives import sup

LOG_PROB = torch.tensor([-1.0, -2.0, -4.0, -8.0])
MEAN = torch.tensor([-3.0, -5.0, -7.0, -9.0])
FEEDBACK = torch.tensor([1.0, 1.0, -1.0, 0.0])
ONES = torch.ones(4)


def test_sup_is_the_mean_cross_entropy_of_the_positives() -> None:
    assert sup(LOG_PROB, MEAN, FEEDBACK, ONES).item() == pytest.approx((1 + 2) / 2)


def test_sup_heeds_neither_negatives_nor_neutral_actions() -> None:
    elsewhere = torch.tensor([0.0, 0.0, 5.0, 50.0])
    assert sup(LOG_PROB - elsewhere, MEAN - elsewhere, FEEDBACK, ONES) == sup(LOG_PROB, MEAN, FEEDBACK, ONES)


def test_sup_weighs_the_turns() -> None:
    weight = torch.tensor([3.0, 1.0, 100.0, 100.0])
    assert sup(LOG_PROB, MEAN, FEEDBACK, weight).item() == pytest.approx((3 * 1 + 1 * 2) / 4)


def test_sup_smooths_with_the_mean_over_all_actions() -> None:
    smoothed = sup(LOG_PROB, MEAN, FEEDBACK, ONES, label_smoothing=0.1).item()
    assert smoothed == pytest.approx((0.9 * 1 + 0.1 * 3 + 0.9 * 2 + 0.1 * 5) / 2)


@pytest.mark.parametrize(("feedback", "weight"), [(-ONES, ONES), (0 * ONES, ONES), (ONES, 0 * ONES)])
def test_sup_of_a_batch_without_positives_is_zero_and_moves_nothing(feedback: Tensor, weight: Tensor) -> None:
    log_prob = LOG_PROB.clone().requires_grad_()
    loss = sup(log_prob, MEAN, feedback, weight, label_smoothing=0.1)
    loss.backward()
    assert loss.item() == 0
    assert log_prob.grad is not None
    assert not log_prob.grad.any()


def _batches() -> st.SearchStrategy[list[tuple[float, float, int, float]]]:
    log_probs = st.floats(-20, 0)
    turns = st.tuples(log_probs, log_probs, st.sampled_from([-1, 0, 1]), st.floats(0.1, 2))
    return st.lists(turns, min_size=1, max_size=6)


@given(_batches(), st.floats(0, 0.5))
def test_the_gradient_of_sup_is_its_slope(turns: list[tuple[float, float, int, float]], smoothing: float) -> None:
    columns = [torch.tensor(column, dtype=torch.float64) for column in zip(*turns, strict=True)]
    log_prob, mean, feedback, weight = columns
    inputs = (log_prob.requires_grad_(), mean.requires_grad_())
    assert torch.autograd.gradcheck(lambda a, b: sup(a, b, feedback, weight, smoothing), inputs)


@given(_batches(), st.floats(0.01, 100))
def test_sup_is_the_same_for_weights_of_any_scale(turns: list[tuple[float, float, int, float]], scale: float) -> None:
    log_prob, mean, feedback, weight = (
        torch.tensor(column, dtype=torch.float64) for column in zip(*turns, strict=True)
    )
    loss = sup(log_prob, mean, feedback, weight).item()
    assert math.isclose(sup(log_prob, mean, feedback, scale * weight).item(), loss, rel_tol=1e-9)
    assert loss >= 0
