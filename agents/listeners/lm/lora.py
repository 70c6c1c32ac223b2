"""Low-rank adapters (Hu et al. 2022; DoRA, Liu et al. 2024): the trained part of a language model."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from torch import nn
from transformers.pytorch_utils import Conv1D

from multiref_gym.agents.listeners.weights import read_weights
from multiref_gym.errors import UserError

TEXT = r".*\.{}\..*\.(q|k|v|o|gate|up|down)_proj"
"""The linear layers of a text model; the vision has layers of the same names, which stay unchanged."""

PATTERNS = {
    # arXiv 2410.13852: text and connector.
    "idefics2": (TEXT.format("text_model"), r".*\.connector\..*_proj"),
    "idefics3": (TEXT.format("text_model"), r".*\.connector\..*\.proj"),
    "smolvlm": (TEXT.format("text_model"), r".*\.connector\..*\.proj"),
    "llava": (TEXT.format("language_model"), r".*\.multi_modal_projector\.linear_\d"),
    "gemma3": (TEXT.format("language_model"),),  # its connector is not a linear layer
    "qwen2_5_vl": (TEXT.format("language_model"), r".*\.visual\.merger\.mlp\.\d"),
    "qwen3_vl": (TEXT.format("language_model"), r".*\.visual\.(deepstack_)?merger.*\.linear_fc\d"),
}
"""Regular expressions over the names of the layers to adapt, by architecture of vision-language models; each one has
to match some."""


def adapted_layers(model: Any, architecture: str, pattern: str | None = None) -> list[str]:
    """Returns the names of the linear layers that get an adapter: in a text-only model, all but its head.

    Args:
        model: The model.
        architecture: Its `model_type`.
        pattern: A regular expression in place of the architecture's known ones.

    Raises:
        UserError: If there is no pattern for the architecture, or one finds no layer.
    """
    reads = model.config.get_text_config() is model.config
    if pattern is None and architecture not in PATTERNS and not reads:
        raise UserError(
            f"no layers to adapt are known for {architecture!r}: known are {', '.join(PATTERNS)}; for another "
            "architecture name them by a regular expression, 'layers' in vlm.json or llm.json"
        )
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear | Conv1D)]
    expressions = (rf"{model.base_model_prefix}\..*",) if reads else PATTERNS.get(architecture, ())
    found: list[str] = []
    for expression in expressions if pattern is None else (pattern,):
        layers = [name for name in linear if re.fullmatch(expression, name)]
        if not layers:
            raise UserError(f"no linear layer of {architecture!r} is called {expression!r}; there is {linear[0]!r}")
        found += layers
    return found


def adapt(model: Any, layers: list[str], *, rank: int, alpha: int, dropout: float, dora: bool) -> PeftModel:
    """Returns the model with a new adapter, always the same one, which does not change the model's behaviour yet."""
    config = LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        use_dora=dora,
        init_lora_weights="gaussian",
        target_modules=layers,
    )
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)  # of peft to transformers
        warnings.filterwarnings("ignore", "fan_in_fan_out is set to False", UserWarning)  # and then to what is right
        torch.manual_seed(0)
        return get_peft_model(model, config)


def read_adapter(model: PeftModel, file: Path) -> None:
    """Loads saved weights into the model's adapter.

    Raises:
        UserError: If they cannot be read, or belong to another adapter.
    """
    own = get_peft_model_state_dict(model, save_embedding_layers=False)
    saved = read_weights(file, own, "the base and the adapter that the settings beside it name")
    set_peft_model_state_dict(model, saved)
