"""KTO beside TRL's: the same loss and the same slope where the definitions agree.

They agree where every action counts alike and none is neutral, with the policy that acted as the reference.
"""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from multiref_gym.agents.learning.objectives import Kto, ScoredTurns

trl = pytest.importorskip("trl", reason="TRL is not installed")


def trl_loss(log_prob: Tensor, behaviour: Tensor, mismatched: Tensor, positive: Tensor, beta: float) -> Tensor:
    """Returns the loss of TRL's trainer for sequences of one token with the given log-probabilities."""
    accelerator = SimpleNamespace(device=torch.device("cpu"), gather_for_metrics=lambda value: value)
    trainer = SimpleNamespace(
        model=SimpleNamespace(training=True),
        accelerator=accelerator,
        calculate_KL=True,
        precompute_ref_logps=True,
        aux_loss_enabled=False,
        loss_type="kto",
        beta=beta,
        desirable_weight=1.0,
        undesirable_weight=1.0,
        _metrics=defaultdict(lambda: defaultdict(list)),
        _compute_kl_logps=lambda model, batch: mismatched,
        _total_train_tokens=0,
        _tp_size=1,
    )

    def model(**batch: Any) -> SimpleNamespace:
        column = log_prob[:, None]
        return SimpleNamespace(log_probs=column, entropy=torch.zeros_like(column), mean_logits=torch.zeros_like(column))

    ones = torch.ones(len(log_prob), 2, dtype=torch.long)
    batch = {
        "input_ids": ones,
        "attention_mask": ones,
        "completion_mask": torch.tensor([[0, 1]] * len(log_prob)),
        "label": positive,
        "ref_logps": behaviour,
        "ref_KL_logps": torch.zeros_like(mismatched),
    }
    loss: Tensor = trl.KTOTrainer._compute_loss(trainer, model, batch, return_outputs=False)
    return loss


@pytest.mark.parametrize("beta", [0.1, 0.5])
@pytest.mark.parametrize("drift", [-1.0, 1.0])  # z is no less than 0
def test_kto_is_that_of_trl(beta: float, drift: float) -> None:
    generator = torch.Generator().manual_seed(0)
    behaviour = -3 * torch.rand(12, generator=generator)
    mismatched = drift + torch.randn(12, generator=generator)
    positive = torch.rand(12, generator=generator) < 0.5
    ours, theirs = (
        (behaviour + torch.randn(12, generator=torch.Generator().manual_seed(1))).requires_grad_() for _ in range(2)
    )
    turns = ScoredTurns(
        log_prob=ours,
        mean_log_prob=torch.full((12,), -7.0),
        steps=torch.ones(12),
        behaviour_log_prob=behaviour,
        mismatched=mismatched,
        feedback=torch.where(positive, 1.0, -1.0),
        weight=torch.ones(12),
    )
    loss, statistics = Kto(beta)(turns)
    expected = trl_loss(theirs, behaviour, mismatched, positive, beta)
    assert (statistics["z"] > 0) == (drift > 0)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
