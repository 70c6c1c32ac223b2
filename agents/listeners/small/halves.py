"""Divides a batch between two threads, forward and backward.

The division does not depend on the machine, and the results are added in a fixed order: a seed gives the same outcome
on one core as on two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import Tensor

THREADS = ThreadPoolExecutor(2)

Part = TypeVar("Part")


def joined(run: Callable[[Part], Tensor], parts: Iterable[Part], weights: Iterable[Tensor]) -> Tensor:
    """Calls a function on each part, and joins the results into one tensor.

    Args:
        run: Returns a tensor (rows of the part, ...).
        parts: The parts, processed two at a time.
        weights: All tensors that gradients may flow to.
    """
    found: Tensor = _Joined.apply(run, parts, torch.is_grad_enabled(), *weights)  # type: ignore[no-untyped-call]
    return found


class _Joined(torch.autograd.Function):
    """Keeps a separate graph for each part, so that a thread can go back through it alone."""

    @staticmethod
    def forward(
        ctx: Any, run: Callable[[Any], Tensor], parts: Iterable[Any], learning: bool, *weights: Tensor
    ) -> Tensor:
        def found(part: Any) -> Tensor:
            with torch.set_grad_enabled(learning):  # each thread has its own switch
                return run(part)

        ctx.weights, ctx.found = weights, list(THREADS.map(found, parts))
        return torch.cat([found.detach() for found in ctx.found])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        def back(found: Tensor, of_part: Tensor) -> tuple[Tensor, ...]:
            return torch.autograd.grad(found, ctx.weights, of_part, materialize_grads=True)  # type: ignore[no-any-return]

        total, *others = THREADS.map(back, ctx.found, gradient.split([len(found) for found in ctx.found]))
        for gradients in others:
            for weight, more in zip(total, gradients, strict=True):
                weight += more
        return None, None, None, *total
