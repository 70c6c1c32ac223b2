"""Vision-language models of a few thousand random weights, with their processors, made without any download."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from small_views import FIGURES
from transformers import (
    AutoProcessor,
    CLIPVisionConfig,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3Processor,
    Gemma3TextConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedModel,
    ProcessorMixin,
    SiglipVisionConfig,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

from multiref_gym.agents.listeners.lm.listener import VlmListener
from multiref_gym.agents.listeners.lm.pictures import PictureForm
from multiref_gym.agents.listeners.lm.random_model import SIZES, byte_tokenizer, random_idefics2

IMAGE_SIZE, PATCH_SIZE = 28, 7
LATENTS = 4
"""Tokens of an image, in all of them."""

TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
VISION = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": IMAGE_SIZE,
    "patch_size": PATCH_SIZE,
}
# Like that of LLaVA 1.5: all images come before all words, and nothing but the end of the text ends an answer.
LLAVA_CHAT = (
    "{% for message in messages %}{{ message['role'].upper() + ': ' }}"
    "{% for part in message['content'] if part['type'] == 'image' %}{{ '<image>\n' }}{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] + ' ' }}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
GEMMA3_CHAT = (
    "<bos>{% for message in messages %}"
    "<start_of_turn>{{ 'model' if message['role'] == 'assistant' else message['role'] }}\n"
    "{% for part in message['content'] %}"
    "{{ '<start_of_image>' if part['type'] == 'image' else part['text'] | trim }}{% endfor %}"
    "<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def idefics2(length: int = 2048) -> tuple[PreTrainedModel, ProcessorMixin]:
    """Returns an Idefics2 that can read `length` tokens, and its processor."""
    return random_idefics2(SIZES["tiny"], length)


def llava(length: int = 2048) -> tuple[PreTrainedModel, ProcessorMixin]:
    """Returns a LLaVA that can read `length` tokens, and its processor."""
    side = IMAGE_SIZE // 2
    images = CLIPImageProcessorPil(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    words = byte_tokenizer("<image>")
    processor = LlavaProcessor(
        images,
        words,
        patch_size=PATCH_SIZE,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=LLAVA_CHAT,
    )
    config = LlavaConfig(
        text_config=LlamaConfig(
            **TEXT, vocab_size=len(words), max_position_embeddings=length, pad_token_id=words.pad_token_id
        ),
        vision_config=CLIPVisionConfig(**{**VISION, "image_size": side}),
        image_token_id=processor.image_token_id,
        image_seq_length=LATENTS,
    )
    return LlavaForConditionalGeneration(config), processor


def gemma3(length: int = 2048, window: int = 32) -> tuple[PreTrainedModel, ProcessorMixin]:
    """Returns a Gemma 3, whose first layer sees the last `window` tokens and whose images see all of themselves."""
    marks = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    words = byte_tokenizer("<start_of_turn>", "<end_of_turn>", **marks)
    images = Gemma3ImageProcessorPil(size={"height": IMAGE_SIZE, "width": IMAGE_SIZE})
    processor = Gemma3Processor(images, words, image_seq_length=LATENTS, chat_template=GEMMA3_CHAT)
    config = Gemma3Config(
        text_config=Gemma3TextConfig(
            **TEXT,
            head_dim=8,
            vocab_size=len(words),
            max_position_embeddings=length,
            sliding_window=window,
            layer_types=["sliding_attention", "full_attention"],
            pad_token_id=words.pad_token_id,
        ),
        vision_config=SiglipVisionConfig(**VISION),
        mm_tokens_per_image=LATENTS,
        image_token_id=words.convert_tokens_to_ids("<image_soft_token>"),
        boi_token_id=words.convert_tokens_to_ids("<start_of_image>"),
        eoi_token_id=words.convert_tokens_to_ids("<end_of_image>"),
    )
    return Gemma3ForConditionalGeneration(config), processor


ARCHITECTURES: dict[str, Callable[..., tuple[PreTrainedModel, ProcessorMixin]]] = {
    "idefics2": idefics2,
    "llava": llava,
    "gemma3": gemma3,
}
every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)


@functools.cache
def tiny_vlm(architecture: str, seed: int = 0, **sizes: int) -> Path:
    """Returns a folder with a model of random weights, large enough to be opinionated, and its processor."""
    folder = Path(tempfile.mkdtemp(prefix=f"{architecture}-"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model, processor = ARCHITECTURES[architecture](**sizes)
        randomise(model)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@functools.cache
def listener(architecture: str = "idefics2", **sizes: int) -> VlmListener:
    """Returns a listener that all tests share, so none may train it."""
    return VlmListener.load(FIGURES, tiny_vlm(architecture, **sizes))


@functools.cache
def chat_form(architecture: str = "idefics2") -> PictureForm:
    """Returns how views and actions are written for a tiny model."""
    return PictureForm(AutoProcessor.from_pretrained(tiny_vlm(architecture)), architecture)


def configured(folder: Path, architecture: str = "idefics2", **settings: Any) -> Path:
    """Returns the folder, which now names a tiny model as a base and how it is run."""
    (folder / "vlm.json").write_text(json.dumps({"model": str(tiny_vlm(architecture)), **settings}))
    return folder


def randomise(model: torch.nn.Module, spread: float = 0.3) -> None:
    """Makes weights so large that the model is opinionated."""
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.normal_(0, spread)


def randomise_adapters(model: torch.nn.Module) -> None:
    """Gives the adapters the same random weights each time, so that they matter and have gradients everywhere."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.requires_grad:
                weights.normal_(0, 0.1, generator=generator)
