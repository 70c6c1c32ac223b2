"""Which layers of each architecture are adapted, and what is said where that is unknown."""

from __future__ import annotations

import re

import pytest
import torch
from tiny_vlm import TEXT, VISION, tiny_vlm
from torch import nn
from transformers import (
    AutoModelForImageTextToText,
    Idefics3Config,
    PreTrainedConfig,
    Qwen2_5_VLConfig,
    Qwen3VLConfig,
    SmolVLMConfig,
)

from multiref_gym.agents.listeners.lm.lora import PATTERNS, adapted_layers
from multiref_gym.errors import UserError

LLAMA = {**TEXT, "model_type": "llama", "vocab_size": 64, "pad_token_id": 0}
QWEN = {
    **TEXT,
    "vocab_size": 64,
    "head_dim": 8,
    "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2]},
}
EYES = {"depth": 2, "hidden_size": 16, "intermediate_size": 24, "num_heads": 2, "out_hidden_size": 32, "patch_size": 7}

# With how many layers of the connector.
CONFIGS: dict[str, tuple[PreTrainedConfig, int]] = {
    "idefics3": (Idefics3Config(text_config=LLAMA, vision_config=VISION, scale_factor=2, image_token_id=1), 1),
    "smolvlm": (SmolVLMConfig(text_config=LLAMA, vision_config=VISION, scale_factor=2, image_token_id=1), 1),
    "qwen2_5_vl": (Qwen2_5_VLConfig(text_config=QWEN, vision_config=EYES), 2),
    "qwen3_vl": (Qwen3VLConfig(text_config=QWEN, vision_config={**EYES, "deepstack_visual_indexes": [0]}), 4),
}
IN_TEXT = 2 * 7
OFFLINE = {"idefics2": 3 + 7, "llava": 2, "gemma3": 0}


def model_of(architecture: str) -> nn.Module:
    if architecture in OFFLINE:
        return AutoModelForImageTextToText.from_pretrained(tiny_vlm(architecture))
    with torch.device("meta"):
        return AutoModelForImageTextToText.from_config(CONFIGS[architecture][0])


@pytest.mark.parametrize("architecture", PATTERNS)
def test_text_and_connector_are_adapted_and_the_vision_is_not(architecture: str) -> None:
    model = model_of(architecture)
    assert model.config.model_type == architecture
    layers = adapted_layers(model, architecture)
    in_text = [name for name in layers if re.search(r"\.(text_model|language_model)\.layers\.", name)]
    elsewhere = set(layers) - set(in_text)
    assert len(layers) == len(set(layers))
    assert len(in_text) == IN_TEXT
    assert len(elsewhere) == (OFFLINE[architecture] if architecture in OFFLINE else CONFIGS[architecture][1])
    assert all(re.search("connector|projector|merger", name) for name in elsewhere)
    assert "lm_head" not in layers


def test_an_architecture_without_a_pattern_is_refused_and_can_be_given_one() -> None:
    model = model_of("llava")
    with pytest.raises(
        UserError, match=r"no layers to adapt are known for 'paligemma': known are idefics2, .*vlm\.json"
    ):
        adapted_layers(model, "paligemma")
    assert adapted_layers(model, "paligemma", r".*linear_1") == ["model.multi_modal_projector.linear_1"]


def test_a_pattern_that_finds_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="no linear layer of 'gemma3' is called"):
        adapted_layers(model_of("idefics2"), "gemma3")
    with pytest.raises(UserError, match="no linear layer of 'llava' is called 'q_proj'"):
        adapted_layers(model_of("llava"), "llava", "q_proj")
