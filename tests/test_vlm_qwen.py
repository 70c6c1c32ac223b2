"""Qwen's models count positions of images in three directions, and what is read on goes on from there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from acting import act
from rounding import LOG_PROB
from small_views import FIGURES, VIEWS
from tiny_vlm import PATCH_SIZE, TEXT, randomise
from transformers import AutoModelForImageTextToText, PreTrainedConfig, Qwen2_5_VLConfig, Qwen3VLConfig
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from multiref_gym.agents.language_model import LanguageModel
from multiref_gym.agents.listeners.lm.listener import VlmListener
from multiref_gym.agents.listeners.lm.loading import VlmConfig
from multiref_gym.agents.listeners.lm.lora import adapt, adapted_layers
from multiref_gym.agents.listeners.lm.random_model import byte_tokenizer

MARKS = {
    "vision_start_token": "<|vision_start|>",
    "vision_end_token": "<|vision_end|>",
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
}
CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in message['content'] %}"
    "{{ '<|vision_start|><|image_pad|><|vision_end|>' if part['type'] == 'image' else part['text'] }}{% endfor %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
EYES = {
    "depth": 2,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_heads": 2,
    "out_hidden_size": 32,
    "patch_size": PATCH_SIZE,
}
ITS_OWN = {
    "qwen2_5_vl": (Qwen2_5_VLConfig, {"window_size": 28, "fullatt_block_indexes": [1]}),
    "qwen3_vl": (Qwen3VLConfig, {"num_position_embeddings": 16, "deepstack_visual_indexes": [0]}),
}


class Processor:
    """Does what Qwen's own does, which needs torchvision for its videos."""

    chat_template = CHAT

    def __init__(self) -> None:
        self.tokenizer = byte_tokenizer("<|im_start|>", "<|im_end|>", **MARKS)
        side = (4 * PATCH_SIZE) ** 2
        self.image_processor = Qwen2VLImageProcessorPil(min_pixels=side, max_pixels=side, patch_size=PATCH_SIZE)

    def apply_chat_template(self, messages: Any, **options: Any) -> Any:
        return self.tokenizer.apply_chat_template(messages, chat_template=CHAT, **options)

    def __call__(self, text: list[str], images: Any, add_special_tokens: bool) -> dict[str, Any]:
        one = self.tokenizer.convert_tokens_to_ids("<|image_pad|>")
        (tokens,) = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        counts = [int(grid.prod()) // 4 for grid in self.image_processor(images, return_tensors="pt")["image_grid_thw"]]
        assert len(set(counts)) == 1
        whole = [token for token in tokens for _ in range(counts[0] if token == one else 1)]
        return {"input_ids": [whole], "mm_token_type_ids": [[int(token == one) for token in whole]]}


def listener(architecture: str) -> VlmListener:
    processor = Processor()
    words = processor.tokenizer
    make, eyes = ITS_OWN[architecture]
    rope = {"rope_type": "default", "mrope_section": [1, 1, 2]}
    config: PreTrainedConfig = make(
        text_config={**TEXT, "vocab_size": len(words), "head_dim": 8, "rope_parameters": rope, "pad_token_id": 0},
        vision_config={**EYES, **eyes},
        **{f"{name}_id": words.convert_tokens_to_ids(mark) for name, mark in MARKS.items()},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForImageTextToText.from_config(config)
        randomise(model)
    model.requires_grad_(False)
    layers = adapted_layers(model, architecture)
    policy = adapt(model, layers, rank=2, alpha=2, dropout=0.0, dora=False).eval()
    return VlmListener(policy, processor, FIGURES, VlmConfig(architecture))


@pytest.mark.parametrize("architecture", ITS_OWN)
def test_what_is_sampled_has_the_probability_that_it_is_scored_with(architecture: str) -> None:
    vlm = listener(architecture)
    batch = VIEWS * 3
    decisions = act(vlm, batch, 0)
    together = vlm.score(batch, [decision.action for decision in decisions]).log_prob
    assert together.requires_grad
    distributions = [vlm.distribution(view) for view in VIEWS]
    for row, (view, decision) in enumerate(zip(batch, decisions, strict=True)):
        assert decision.log_prob == pytest.approx(together[row].item(), abs=LOG_PROB)
        assert decision.log_prob == pytest.approx(distributions[row % 3][decision.action], abs=LOG_PROB)
        alone = vlm.score([view], [decision.action]).log_prob
        assert alone.item() == pytest.approx(decision.log_prob, abs=LOG_PROB)


@pytest.mark.parametrize("architecture", ITS_OWN)
def test_what_it_saw_shifts_no_question(architecture: str) -> None:
    vlm, words = listener(architecture), Processor().tokenizer

    def asked() -> list[list[float]]:
        return LanguageModel(vlm.model, words)(["the bird?"], ["No", "Yes"], "the dog: Yes\n\n").tolist()

    before = asked()
    act(vlm, VIEWS, 0)
    np.testing.assert_allclose(asked(), before, atol=1e-4)
