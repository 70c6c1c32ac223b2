"""The state of learning after an epoch, in a safetensors file; interrupted learning continues from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from multiref_gym.errors import UserError
from multiref_gym.files import whole

Curve = list[dict[str, float]]


def write_state(
    path: Path, trained: Sequence[Tensor], optimizer: torch.optim.Optimizer, order: np.random.Generator, curve: Curve
) -> None:
    """Writes the weights, the optimiser, all random states and each epoch's figures, in place of the old file."""
    tensors = {f"weights.{number}": weights.detach() for number, weights in enumerate(trained)}
    for number, of_weights in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": values for name, values in of_weights.items()}
    rest = {"order": order.bit_generator.state, "curve": curve}
    with whole(path) as unfinished:
        tensors["chance"] = torch.get_rng_state()
        save_file(
            {name: values.contiguous() for name, values in tensors.items()}, unfinished, {"told": json.dumps(rest)}
        )


def read_state(
    path: Path, trained: Sequence[Tensor], optimizer: torch.optim.Optimizer, order: np.random.Generator
) -> Curve:
    """Restores the state in the file, and returns the figures of each epoch.

    Raises:
        UserError: If the file is damaged, or belongs to other weights.
    """
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            rest = json.loads(file.metadata()["told"])
        state: dict[int, dict[str, Tensor]] = {}
        for name, values in tensors.items():
            if name.startswith("optimizer."):
                _, number, part = name.split(".", 2)
                state.setdefault(int(number), {})[part] = values
        with torch.no_grad():
            for number, weights in enumerate(trained):
                weights.copy_(tensors[f"weights.{number}"])
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        order.bit_generator.state = rest["order"]
        torch.set_rng_state(tensors["chance"])
    except (SafetensorError, OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"{path} is not a state of this learning: {error}; delete it to start again") from error
    curve: Curve = rest["curve"]
    return curve
