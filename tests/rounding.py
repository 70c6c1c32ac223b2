"""How far apart two results may lie that are one in exact arithmetic.

Another shape of a batch, another number of processes or threads and other instructions of the processor all add up the
same numbers in another order. That changes a sum of n numbers by at most n * eps times the sum of their magnitudes
(Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 4.2), where eps is 2**-23 for float32.

What is compared is one step: scores, or the gradients of one batch. After a step of Adam there is no such bound, as it
divides a gradient by its own size, so that where gradients cancel out a change of the last bit becomes a whole step.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

EPS = torch.finfo(torch.float32).eps

# The longest way through a tiny model: in each of two layers of each of two towers, sums over at most 512 tokens and
# three times over at most 64 hidden values, and one over as many for each of at most 8 logits.
TERMS = 2 * 2 * (512 + 3 * 64) + 8 * 64

LOG_PROB = TERMS * EPS
"""For the log-probability of an action under a tiny model, as sums of terms of magnitude 1: 4e-4."""


def assert_same_gradients(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Compares gradients of one batch under a tiny model.

    The way back is as long as the way there. The largest gradient of all weights stands for the magnitude of the terms:
    where it is small in a tensor, large terms have cancelled out.
    """
    largest = max(gradient.abs().max().item() for gradient in expected.values())
    assert largest > 0
    torch.testing.assert_close(dict(found), dict(expected), atol=2 * TERMS * EPS * largest, rtol=0)


# Adam divides by a gradient's size plus 1e-8, so that it changes a weight by a share of the learning rate (at most 1)
# of 1e8 times the rounding of the gradient. In float64, for sums of a few hundred terms, that is
# 1e8 * 300 * 2**-52 = 7e-6 for a step that is all rounding; in float32 it would be a whole step.
EXACT = 1e8 * 300 * torch.finfo(torch.float64).eps
"""For what was learned in float64, as by `ExactListener`."""
