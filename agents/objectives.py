"""What a round minimises: pure functions of log-probabilities and feedback.

Each returns a loss for a batch of turns. All tensors are float32 (batch,).
"""

from __future__ import annotations

from torch import Tensor


def sup(
    log_prob: Tensor, mean_log_prob: Tensor, feedback: Tensor, weight: Tensor, label_smoothing: float = 0.0
) -> Tensor:
    """Supervised learning: cross-entropy on the positives, whatever else there is (arXiv 2410.13852, section 4).

    Args:
        log_prob: Log-probability of the action that was taken, under the current policy.
        mean_log_prob: The mean log-probability of all actions, which is what label smoothing pulls up.
        feedback: Decoded feedback, -1, 0 or +1.
        weight: The weight of each turn.
        label_smoothing: The share of the target distribution that is uniform over all actions; the paper has 0.1
            over the vocabulary of its language model.

    Returns:
        The mean loss over the positives' weights; 0 if the batch has none.
    """
    weight = weight * (feedback > 0)
    loss = -(1 - label_smoothing) * log_prob - label_smoothing * mean_log_prob
    return (weight * loss).sum() / weight.sum().clamp(min=1e-9)
