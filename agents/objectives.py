"""What a round minimises: pure functions of what is known of some turns, each a loss and named statistics of it."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class ScoredTurns(NamedTuple):
    """A batch of turns as objectives see it; each a float32 tensor (batch,).

    Attributes:
        log_prob: Log-probability of the action under the policy that is learned.
        behaviour_log_prob: The same under the policy that acted, NaN where it is unknown.
        feedback: Decoded feedback, -1, 0 or +1.
        weight: How much each turn counts beside the others.
    """

    log_prob: Tensor
    behaviour_log_prob: Tensor
    feedback: Tensor
    weight: Tensor


def sup(turns: ScoredTurns) -> tuple[Tensor, dict[str, float]]:
    """Supervised learning: cross-entropy on the positives, whatever else there is (arXiv 2410.13852, section 4).

    The paper smooths labels by 0.1 over the vocabulary of its language model. Here there is no smoothing: over all
    1,023 actions it flattens a policy that is then sampled from.

    Returns:
        The mean loss over the positives, 0 if the batch has none, and their mean log-probability.
    """
    weight = turns.weight * (turns.feedback > 0)
    mean_log_prob = (weight * turns.log_prob).sum() / weight.sum().clamp(min=1)
    return -mean_log_prob, {"positive_log_prob": mean_log_prob.item()}


def sup_and_unlikelihood(turns: ScoredTurns) -> tuple[Tensor, dict[str, float]]:
    """Supervised learning on the positives, and unlikelihood, -log(1 - p), on the negatives (Welleck et al. 2020).

    Unlike a negative reward times the log-probability it is bounded from below: an action that is unlikely already
    is left alone.

    Returns:
        The mean loss over positives and negatives, by weight, and the mean log-probability of the positives.
    """
    positive, negative = turns.weight * (turns.feedback > 0), turns.weight * (turns.feedback < 0)
    # A hair less than p, so that loss and slope are finite where the policy is certain of a negative.
    unlikelihood = torch.log1p(-0.999 * turns.log_prob.exp())
    loss = -(positive * turns.log_prob + negative * unlikelihood).sum() / (positive + negative).sum().clamp(min=1)
    mean_log_prob = (positive * turns.log_prob).sum() / positive.sum().clamp(min=1)
    return loss, {"positive_log_prob": mean_log_prob.item()}
