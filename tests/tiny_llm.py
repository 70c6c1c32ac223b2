"""Language models of a few thousand random weights that read text alone, made without any download."""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from small_views import FIGURES
from tiny_vlm import TEXT, randomise
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM
from transformers import PreTrainedModel as Model

from multiref_gym.agents.listeners.lm.listener import LlmListener
from multiref_gym.agents.listeners.lm.random_model import TEXTS, byte_tokenizer
from multiref_gym.chat import rules

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LENGTH = 2048


def llama(**sizes: Any) -> Model:
    """Returns a model with the positions of most of today's."""
    return LlamaForCausalLM(LlamaConfig(**TEXT, **sizes, max_position_embeddings=LENGTH))


def windowed(**sizes: Any) -> Model:
    """Returns a model whose layers see no more than the last 64 tokens."""
    return MistralForCausalLM(MistralConfig(**TEXT, **sizes, max_position_embeddings=LENGTH, sliding_window=64))


def gpt2(**sizes: Any) -> Model:
    """Returns a model with an embedding for each position, and with layers that are no `Linear`."""
    return GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=LENGTH, **sizes))


ARCHITECTURES: dict[str, tuple[Callable[..., Model], str | None]] = {
    "llama": (llama, CHATML),
    "plain": (llama, None),
    "windowed": (windowed, CHATML),
    "gpt2": (gpt2, None),
}
"""What makes a model, and its chat template."""


@functools.cache
def tiny_llm(architecture: str = "llama") -> Path:
    """Returns a folder with a model of random weights, large enough to be opinionated, and its tokenizer."""
    folder = Path(tempfile.mkdtemp(prefix=f"{architecture}-"))
    make, template = ARCHITECTURES[architecture]
    described = [tangram.descriptions[0] for tangram in FIGURES.tangrams[:50]]
    words = byte_tokenizer("<|im_start|>", "<|im_end|>", texts=[*TEXTS, rules(10), *described], words=800)
    words.chat_template = template
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = make(vocab_size=len(words), pad_token_id=words.pad_token_id)
        randomise(model)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


@functools.cache
def listener(architecture: str = "llama") -> LlmListener:
    """Returns a listener that all tests share, so none may train it."""
    return LlmListener.load(FIGURES, tiny_llm(architecture))


def configured(folder: Path, architecture: str = "llama", **settings: Any) -> Path:
    """Returns the folder, which now names a tiny model as a base and how it is run."""
    folder.mkdir(exist_ok=True)
    (folder / "llm.json").write_text(json.dumps({"model": str(tiny_llm(architecture)), **settings}))
    return folder
