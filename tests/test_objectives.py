"""Objectives, by hand and by finite differences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from multiref_gym.agents.learning.objectives import (
    Kto,
    Objective,
    Reinforce,
    ScoredTurns,
    Sup,
    SupAndUnlikelihood,
    new_objective,
)
from multiref_gym.errors import UserError
from multiref_gym.registry import OBJECTIVES

LOG_PROB = torch.tensor([-1.0, -2.0, -4.0, -8.0])
FEEDBACK = torch.tensor([1.0, 1.0, -1.0, 0.0])


def turns_of(log_prob: Tensor, feedback: Tensor, **others: Tensor | list[float]) -> ScoredTurns:
    """Returns turns of which nothing else is known, but for what is given."""
    columns = {
        "mean_log_prob": log_prob.detach() - 5,
        "steps": torch.ones_like(log_prob),
        "behaviour_log_prob": torch.full_like(log_prob, math.nan),
        "mismatched": torch.full_like(log_prob, math.nan),
        "weight": torch.ones_like(log_prob),
        **{name: torch.as_tensor(column, dtype=log_prob.dtype) for name, column in others.items()},
    }
    return ScoredTurns(log_prob=log_prob, feedback=feedback, **columns)


def test_sup_is_the_mean_cross_entropy_of_the_positives() -> None:
    loss, statistics = Sup()(turns_of(LOG_PROB, FEEDBACK))
    assert loss.item() == pytest.approx((1 + 2) / 2)
    assert statistics == {"positive_log_prob": pytest.approx(-1.5)}


def test_sup_heeds_neither_negatives_nor_neutral_actions_nor_who_acted() -> None:
    elsewhere = torch.tensor([0.0, 0.0, 5.0, 50.0])
    changed = turns_of(LOG_PROB - elsewhere, FEEDBACK, behaviour_log_prob=[-3.0, -5.0, -1.0, -9.0])
    assert Sup()(changed) == Sup()(turns_of(LOG_PROB, FEEDBACK))


@pytest.mark.parametrize("feedback", [-torch.ones(4), torch.zeros(4)])
def test_sup_of_a_batch_without_positives_is_zero_and_moves_nothing(feedback: Tensor) -> None:
    log_prob = LOG_PROB.clone().requires_grad_()
    loss, _ = Sup()(turns_of(log_prob, feedback))
    loss.backward()
    assert loss.item() == 0
    assert log_prob.grad is not None
    assert not log_prob.grad.any()


@settings(deadline=None)  # the first backward pass loads what it needs
@given(st.lists(st.tuples(st.floats(-20, 0), st.sampled_from([-1, 0, 1])), min_size=1, max_size=6))
def test_the_gradient_of_sup_is_its_slope(turns: list[tuple[float, int]]) -> None:
    log_prob, feedback = (torch.tensor(column, dtype=torch.float64) for column in zip(*turns, strict=True))
    log_prob.requires_grad_()
    assert torch.autograd.gradcheck(lambda a: Sup()(turns_of(a, feedback))[0], log_prob)


def test_sup_counts_a_turn_by_its_weight() -> None:
    loss, _ = Sup()(turns_of(LOG_PROB, FEEDBACK, weight=[1.0, 0.5, 9.0, 9.0]))
    assert loss.item() == pytest.approx((1 + 0.5 * 2) / 1.5)


@given(st.floats(1e-3, 1e3), st.lists(st.tuples(st.floats(-20, -0.01), st.floats(0.01, 2)), min_size=1, max_size=6))
def test_sup_is_a_mean_however_light_the_turns_are(factor: float, turns: list[tuple[float, float]]) -> None:
    log_prob, weight = (torch.tensor(column, dtype=torch.float64) for column in zip(*turns, strict=True))
    (loss, told), (again, told_again) = (
        Sup()(turns_of(log_prob, torch.ones_like(log_prob), weight=weights)) for weights in (weight, factor * weight)
    )
    assert loss.item() == pytest.approx(np.average(-log_prob, weights=weight))
    assert loss.item() == pytest.approx(-told["positive_log_prob"])
    assert (again.item(), told_again) == (pytest.approx(loss.item()), pytest.approx(told))


HALF = math.log(0.5)


def scored_turns(log_prob: list[float], feedback: list[float], weight: list[float] | None = None) -> ScoredTurns:
    return turns_of(torch.tensor(log_prob), torch.tensor(feedback), weight=weight or [1.0] * len(log_prob))


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
    loss, _ = SupAndUnlikelihood()(scored_turns(log_prob, feedback, weight))
    assert loss.item() == pytest.approx(expected, rel=5e-3, abs=1e-9)


def test_unlikelihood_tells_how_likely_positives_are() -> None:
    _, statistics = SupAndUnlikelihood()(
        scored_turns([-1.0, -2.0, -4.0, -8.0, -9.0], [1.0, 1.0, -1.0, -1.0, 0.0], [1.0, 0.5, 0.1, 0.3, 5.0])
    )
    assert statistics == {"positive_log_prob": pytest.approx((-1 - 0.5 * 2) / 1.5)}


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(-20, 0), st.sampled_from([0.0, 1.0]), st.floats(1, 2)), min_size=1, max_size=6))
def test_without_negatives_it_is_supervised_learning(
    turns: list[tuple[float, float, float]],
) -> None:
    slopes = []
    for objective in (Sup(), SupAndUnlikelihood()):
        log_prob, feedback, weight = (torch.tensor(column) for column in zip(*turns, strict=True))
        log_prob.requires_grad_()
        loss, _ = objective(turns_of(log_prob, feedback, weight=weight))
        loss.backward()
        assert log_prob.grad is not None
        slopes.append((loss.item(), log_prob.grad))
    assert slopes[0][0] == pytest.approx(slopes[1][0])
    torch.testing.assert_close(slopes[0][1], slopes[1][1])


@pytest.mark.parametrize("certain", [0.0, -1e-12, -1e-7, -1e-4])
def test_a_negative_that_the_policy_is_certain_of_has_a_finite_loss_and_slope(certain: float) -> None:
    turns = scored_turns([certain, -1.0], [-1.0, 1.0])
    turns.log_prob.requires_grad_()
    loss, _ = SupAndUnlikelihood()(turns)
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
    assert torch.autograd.gradcheck(lambda a: SupAndUnlikelihood()(turns_of(a, feedback, weight=weight))[0], log_prob)


@pytest.mark.parametrize("objective", [SupAndUnlikelihood(), Reinforce(), Kto()])
def test_fifty_steps_make_positives_likelier_and_negatives_less_likely(objective: Objective) -> None:
    scores = torch.zeros(3, 4, requires_grad=True)  # three turns, four actions each; the first is taken
    before = scores.detach().log_softmax(1)
    feedback = torch.tensor([1.0, -1.0, 0.0])
    optimizer = torch.optim.SGD([scores], lr=0.5)
    for _ in range(50):
        now = scores.log_softmax(1)
        mismatched = (now - before)[:, 1].detach()
        turns = turns_of(now[:, 0], feedback, behaviour_log_prob=before[:, 0], mismatched=mismatched)
        loss, _ = objective(turns)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    positive, negative, neutral = (scores.detach().log_softmax(1) - before)[:, 0].tolist()
    assert positive > 0.5
    assert negative < -0.1
    assert neutral == 0


def test_labels_are_smoothed_over_all_that_could_have_been_done() -> None:
    turns = turns_of(torch.tensor([-1.0, -3.0]), torch.ones(2), mean_log_prob=[-6.0, -8.0], steps=[1.0, 2.0])
    expected = (0.9 * 1 + 0.1 * 6 + (0.9 * 3 + 0.1 * 8) / 2) / 2
    for objective in (Sup(smoothing=0.1), Reinforce(smoothing=0.1)):
        loss, _ = objective(turns)
        assert loss.item() == pytest.approx(expected)


def test_reinforce_by_hand() -> None:
    turns = turns_of(
        torch.tensor([-1.0, HALF, math.log(0.02), -2.0, -4.0]),
        torch.tensor([1.0, -1.0, -1.0, -1.0, 0.0]),
        behaviour_log_prob=[-9.0, math.log(0.25), -30.0, math.nan, -1.0],
        steps=[2.0, 1.0, 1.0, 1.0, 1.0],
    )
    loss, statistics = Reinforce()(turns)
    # A positive has no importance weight, and its log-probability is that of a step; of the negatives one has become
    # twice as likely, one was less likely than the floor, and of one it is not known how likely it was.
    expected = 1 / 2 + 0.1 * (2 * HALF + 0.02 / 0.01 * math.log(0.02) + 1 * -2)
    assert loss.item() == pytest.approx(expected / 5)
    assert statistics["positive_log_prob"] == pytest.approx(-1)
    assert statistics["negative_log_prob"] == pytest.approx((HALF + math.log(0.02) - 2) / 3)


def test_no_gradient_flows_through_an_importance_weight() -> None:
    log_prob = torch.tensor([HALF], requires_grad=True)
    loss, _ = Reinforce()(turns_of(log_prob, -torch.ones(1), behaviour_log_prob=[math.log(0.25)]))
    loss.backward()
    assert log_prob.grad is not None
    assert log_prob.grad.item() == pytest.approx(0.1 * 2)


def test_kto_by_hand() -> None:
    turns = turns_of(
        torch.tensor([-1.0, -2.0, -4.0]),
        torch.tensor([1.0, -1.0, 0.0]),
        behaviour_log_prob=[-3.0, -2.5, -1.0],
        mismatched=[0.9, 0.3, -0.6],
    )
    loss, statistics = Kto()(turns)
    desired = 1 - 1 / (1 + math.exp(-0.5 * (2.0 - 0.2)))
    undesired = 1 - 1 / (1 + math.exp(-0.5 * (0.2 - 0.5)))
    assert loss.item() == pytest.approx((desired + undesired) / 2)
    assert statistics["z"] == pytest.approx(0.2)


def test_z_is_no_less_than_zero() -> None:
    _, statistics = Kto()(turns_of(LOG_PROB, FEEDBACK, behaviour_log_prob=LOG_PROB, mismatched=torch.full((4,), -3.0)))
    assert statistics["z"] == 0


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-20, -0.01), st.floats(-20, -0.01), st.floats(-2, 2), st.sampled_from([-1, 0, 1])),
        min_size=1,
        max_size=6,
    )
)
def test_the_gradient_of_kto_is_its_slope(turns: list[tuple[float, float, float, int]]) -> None:
    columns = [torch.tensor(column, dtype=torch.float64) for column in zip(*turns, strict=True)]
    log_prob, behaviour, mismatched, feedback = columns
    log_prob.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a: Kto()(turns_of(a, feedback, behaviour_log_prob=behaviour, mismatched=mismatched))[0], log_prob
    )


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-20, -0.01), st.floats(-20, -0.01), st.sampled_from([-1, 0, 1])), min_size=1, max_size=6
    )
)
def test_the_gradient_of_reinforce_is_the_slope_with_the_weights_held(turns: list[tuple[float, float, int]]) -> None:
    log_prob, behaviour, feedback = (torch.tensor(column, dtype=torch.float64) for column in zip(*turns, strict=True))
    ratio = (log_prob - behaviour.clamp(min=math.log(0.01))).exp()
    reward = torch.where(feedback > 0, torch.ones_like(ratio), torch.where(feedback < 0, -0.1 * ratio, 0.0))
    log_prob.requires_grad_()
    loss, _ = Reinforce()(turns_of(log_prob, feedback, behaviour_log_prob=behaviour))
    loss.backward()
    torch.testing.assert_close(log_prob.grad, -reward / len(turns))


def test_the_settings_of_reinforce_are_its_own() -> None:
    turns = turns_of(torch.tensor([HALF]), -torch.ones(1), behaviour_log_prob=[math.log(0.1)])
    loss, _ = Reinforce(negative_reward=-1.0, least_behaviour=0.25)(turns)
    assert loss.item() == pytest.approx(2 * HALF)


def test_beta_scales_the_margin_of_kto() -> None:
    turns = turns_of(torch.tensor([-1.0]), torch.ones(1), behaviour_log_prob=[-3.0], mismatched=[0.0])
    assert Kto(beta=2.0)(turns)[0].item() == pytest.approx(1 - 1 / (1 + math.exp(-4.0)))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_named_objective_says_what_it_needs(name: str) -> None:
    objective = new_objective(name)
    assert objective.needs_reference == (name == "kto")
    assert objective.negatives == {"sup": 0.0, "rl": 1.0, "kto": 0.1}[name]


class Bare:
    """Lacks all that an objective has."""


@dataclass(frozen=True)
class Unset:
    """A setting has no default."""

    beta: float


@dataclass(frozen=True)
class Silent:
    """Does not say whether it needs a reference."""

    negatives: float = 0.0

    def __call__(self, turns: ScoredTurns) -> tuple[Tensor, dict[str, float]]:
        raise NotImplementedError


GENTLE = Kto(beta=0.1)


def test_an_objective_may_be_an_object_with_settings_of_ones_own() -> None:
    assert new_objective("test_objectives:GENTLE") is GENTLE


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("dpo", "unknown objective 'dpo': choose from sup, rl, kto, or give 'module:attribute'"),
        ("test_objectives:Bare", "objective 'test_objectives:Bare' does not fit: Bare has no method '__call__'"),
        ("test_objectives:turns_of", "it is not a dataclass with needs_reference"),
        ("test_objectives:Silent", "it is not a dataclass with needs_reference"),
        ("test_objectives:Unset", "'test_objectives:Unset' cannot be made: TypeError: Unset.__init__() missing"),
    ],
)
def test_what_is_no_objective_is_told_in_one_line(name: str, complaint: str) -> None:
    with pytest.raises(UserError) as error:
        new_objective(name)
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


@dataclass(frozen=True)
class Odd:
    """An objective with whatever settings."""

    negatives: Any = 0.0
    setting: Any = 1.0
    needs_reference: bool = False

    def __call__(self, turns: ScoredTurns) -> tuple[torch.Tensor, dict[str, float]]:
        return -turns.log_prob.mean(), {}


WITHOUT_JSON, NO_NUMBER = Odd(setting=object()), Odd(setting=math.nan)
MANY, FEWER = Odd(negatives="many"), Odd(negatives=-1.0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("WITHOUT_JSON", "allowed are settings that JSON holds"),
        ("NO_NUMBER", "allowed are settings that JSON holds"),
        ("MANY", "negatives='many': allowed is a number of at least 0"),
        ("FEWER", "negatives=-1.0: allowed is a number of at least 0"),
    ],
)
def test_settings_that_are_none_are_refused(name: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^objective 'test_objectives:{name}': {message}"):
        new_objective(f"test_objectives:{name}")
