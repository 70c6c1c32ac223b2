"""Learning in several processes, as `torchrun` starts them: one for each GPU, and together they take the steps of one.

Each process scores its share of a batch. What the others found is put beside it, so that each has the loss of the whole
batch, and the gradients of the shares add up to its gradient. All else is done by the main process alone.
"""

from __future__ import annotations

import atexit
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import cache

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from torch import Tensor, nn

PATIENCE = timedelta(days=1)
"""How long the others wait while the main process plays."""


@cache
def _state() -> PartialState:
    state = PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)
    atexit.register(state.destroy_process_group)  # its threads may abort a process that ends before them
    return state


def is_main() -> bool:
    """Whether this is the main process, or the only one."""
    return bool(_state().is_main_process)


def main_first() -> AbstractContextManager[None]:
    """Has the main process go through a block before the others, who find then what it left."""
    waiting: AbstractContextManager[None] = _state().main_process_first()
    return waiting


def share(size: int) -> Sequence[int]:
    """Returns the rows of a batch that this process scores: at least one, be it the first that another scores too.

    They stand beside each other, as turns of a game do, so that few games are read by two processes.
    """
    return _own(size) or range(1)


def _own(size: int) -> range:
    """Returns the rows of a batch that are those of this process alone."""
    index, processes = _state().process_index, _state().num_processes
    return range(-(-size * index // processes), -(-size * (index + 1) // processes))


def of_all(values: Tensor, rows: Sequence[int], size: int) -> Tensor:
    """Returns what all processes found for a batch, float32 (size,); the gradient is that of the own rows.

    Args:
        values: What this one found, float32 (rows,).
        rows: Its share.
        size: Rows of the batch.
    """
    if _state().num_processes == 1:
        return values
    mine = bool(_own(size))  # else the row is scored by another
    own = values.new_zeros(size).index_put((torch.tensor(rows),), values if mine else 0 * values)
    total: Tensor = reduce(own.detach().to(_state().device, copy=True), "sum").to(own.device)
    return total + own - own.detach()


def add_gradients(weights: Iterable[nn.Parameter]) -> None:
    """Puts the sum over all processes in place of the gradient of each weight."""
    if _state().num_processes == 1:
        return
    for weight in weights:
        weight.grad = reduce(torch.zeros_like(weight) if weight.grad is None else weight.grad, "sum")
