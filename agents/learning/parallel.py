"""Learning in several processes, started by `torchrun`: one for each GPU; together they take the steps of one process.

Each process scores its share of a batch and gets the results of the others, so that each computes the loss of the whole
batch, and the gradients of the shares add up to the batch's gradient. The main process does everything else.
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
    atexit.register(state.destroy_process_group)  # otherwise its threads may abort the process at its end
    return state


def is_main() -> bool:
    """Whether this is the main process, or the only one."""
    return bool(_state().is_main_process)


def main_first() -> AbstractContextManager[None]:
    """Lets the main process run a block first; the others then find its results."""
    waiting: AbstractContextManager[None] = _state().main_process_first()
    return waiting


def share(size: int) -> Sequence[int]:
    """Returns the rows of a batch that this process scores: at least one, even if another process scores it too.

    The rows are consecutive, because turns of a game are, so that few games are read by two processes.
    """
    return _own(size) or range(1)


def _own(size: int) -> range:
    """Returns the rows of a batch that belong to this process only."""
    index, processes = _state().process_index, _state().num_processes
    return range(-(-size * index // processes), -(-size * (index + 1) // processes))


def gathered(values: Tensor, rows: Sequence[int], size: int) -> Tensor:
    """Returns the results of all processes for a batch, float32 (size,); gradients flow to this process's rows only.

    Args:
        values: This process's results, float32 (rows,).
        rows: Its share.
        size: The number of rows in the batch.
    """
    if _state().num_processes == 1:
        return values
    mine = bool(_own(size))  # otherwise another process has this row
    own = values.new_zeros(size).index_put((torch.tensor(rows),), values if mine else 0 * values)
    total: Tensor = reduce(own.detach().to(_state().device, copy=True), "sum").to(own.device)
    return total + own - own.detach()


def add_gradients(weights: Iterable[nn.Parameter]) -> None:
    """Replaces the gradient of each weight by the sum over all processes."""
    if _state().num_processes == 1:
        return
    for weight in weights:
        weight.grad = reduce(torch.zeros_like(weight) if weight.grad is None else weight.grad, "sum")
