"""What a round minimises: pure functions of what is known of some turns, each a loss and named statistics of it."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

NEGATIVE_REWARD = -0.1
"""What REINFORCE rewards a negative with (arXiv 2410.13852, section 4)."""

LEAST_BEHAVIOUR = 0.01
"""The floor of a behaviour probability that is divided by (arXiv 2410.13852, section 4)."""


class ScoredTurns(NamedTuple):
    """A batch of turns as objectives see it; each a float32 tensor (batch,).

    Attributes:
        log_prob: Log-probability of the action under the policy that is learned.
        mean_log_prob: The mean of the log-probabilities of all that could have been done.
        steps: In how many steps the action was chosen, with log-probabilities that add up: the tokens of a text, and 1
            where a whole action is chosen at once.
        behaviour_log_prob: Log-probability of the action under the policy that acted; where that is unknown, under the
            reference, and NaN where there is no reference either.
        mismatched: Log-ratio of the policy that is learned to its reference, for an action of another turn; NaN where
            there is no reference. No gradient flows through it.
        feedback: Decoded feedback, -1, 0 or +1.
        weight: How much each turn counts beside the others.
    """

    log_prob: Tensor
    mean_log_prob: Tensor
    steps: Tensor
    behaviour_log_prob: Tensor
    mismatched: Tensor
    feedback: Tensor
    weight: Tensor

    def smoothed(self, smoothing: float) -> Tensor:
        """Returns the log-probability a step of labels that are smoothed over all that could have been done."""
        return ((1 - smoothing) * self.log_prob + smoothing * self.mean_log_prob) / self.steps


def sup(turns: ScoredTurns, smoothing: float = 0.0) -> tuple[Tensor, dict[str, float]]:
    """Supervised learning: cross-entropy on the positives, whatever else there is (arXiv 2410.13852, section 4).

    The paper smooths labels by 0.1 over the vocabulary of its language model. By default there is no smoothing: over
    all 1,023 actions it flattens a policy that is then sampled from.

    Returns:
        The mean loss over the positives, 0 if the batch has none, and their mean log-probability.
    """
    weight = turns.weight * (turns.feedback > 0)
    loss = -(weight * turns.smoothed(smoothing)).sum() / weight.sum().clamp(min=1)
    return loss, {"positive_log_prob": _mean(turns.log_prob, weight)}


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
    loss = -(positive * turns.smoothed(0.0) + negative * unlikelihood).sum() / (positive + negative).sum().clamp(min=1)
    return loss, {"positive_log_prob": _mean(turns.log_prob, positive)}


def reinforce(turns: ScoredTurns, smoothing: float = 0.0) -> tuple[Tensor, dict[str, float]]:
    """Off-policy REINFORCE on decoded feedback (arXiv 2410.13852, section 4).

    The reward is +1, 0 or `NEGATIVE_REWARD`. Negatives alone carry an importance weight, the action's probability now
    over that when it was done, the latter no less than `LEAST_BEHAVIOUR`: as a negative becomes unlikely its gradient
    goes to 0, and without that the log-probability would be pushed down without end. An action whose probability when
    it was done is unknown, as of demonstrations, has a weight of 1.

    Args:
        turns: The batch.
        smoothing: Of the labels; the paper takes 0.1, over the vocabulary of its language model.

    Returns:
        The mean loss over all turns, by weight, and the mean log-probabilities of positives and of negatives.
    """
    positive, negative = turns.weight * (turns.feedback > 0), turns.weight * (turns.feedback < 0)
    ratio = (turns.log_prob.detach() - turns.behaviour_log_prob.clamp(min=math.log(LEAST_BEHAVIOUR))).exp()
    reward = positive + NEGATIVE_REWARD * negative * ratio.nan_to_num(nan=1.0)
    loss = -(reward * turns.smoothed(smoothing)).sum() / turns.weight.sum().clamp(min=1)
    return loss, {
        "positive_log_prob": _mean(turns.log_prob, positive),
        "negative_log_prob": _mean(turns.log_prob, negative),
    }


def kto(turns: ScoredTurns, beta: float = 0.5) -> tuple[Tensor, dict[str, float]]:
    """Kahneman-Tversky optimisation on decoded feedback (Ethayarajh et al. 2024; arXiv 2410.13852, section 4).

    With r the log-ratio of the policy to the one that acted, and z how far the policy is from its reference on the
    whole, positives are to have r above z and negatives below it. z is the mean log-ratio of mismatched actions, no
    less than 0, over the batch, and is taken as given. Neutral turns are left out; positives and negatives count alike.

    Args:
        turns: The batch.
        beta: How soon a log-ratio is far enough; 0.5 is the paper's.

    Returns:
        The mean loss over positives and negatives, by weight, z, and the mean log-probabilities of both.
    """
    positive, negative = turns.weight * (turns.feedback > 0), turns.weight * (turns.feedback < 0)
    z = turns.mismatched.mean().clamp(min=0).detach()
    margin = beta * (turns.log_prob - turns.behaviour_log_prob - z)
    loss = positive * torch.sigmoid(-margin) + negative * torch.sigmoid(margin)
    return loss.sum() / (positive + negative).sum().clamp(min=1), {
        "z": z.item(),
        "positive_log_prob": _mean(turns.log_prob, positive),
        "negative_log_prob": _mean(turns.log_prob, negative),
    }


def _mean(log_prob: Tensor, weight: Tensor) -> float:
    return ((weight * log_prob).sum() / weight.sum().clamp(min=1)).item()
