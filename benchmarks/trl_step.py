"""What TRL's supervised fine-tuning takes for the examples that a listener learns from, as it comes."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from time import perf_counter
from typing import Any

import torch
from peft import PeftModel
from PIL import Image

from multiref_gym.agents.learning.learn import Example
from multiref_gym.agents.listeners.vlm.prompt import ChatForm
from multiref_gym.agents.listeners.vlm.vision import IMAGE_SIZE
from multiref_gym.tangrams import Atlas, TangramSet


def trl_rate(
    model: PeftModel, processor: Any, tangrams: TangramSet, examples: Sequence[Example], batch_size: int
) -> float | None:
    """Returns how many examples a second TRL learns in one epoch, the model's adapter in place; None without TRL."""
    if find_spec("trl") is None:
        return None
    datasets: Any = import_module("datasets")
    trl: Any = import_module("trl")
    form, atlas = ChatForm(processor, "idefics2"), Atlas(tangrams, IMAGE_SIZE)
    rows = []
    for example in examples:
        answer = {"role": "assistant", "content": [{"type": "text", "text": str(example.action)}]}
        images = [Image.fromarray(image).convert("RGB") for image in atlas.silhouettes(example.view.tangrams)]
        rows.append({"images": images, "messages": [*form.messages(example.view), answer]})
    with tempfile.TemporaryDirectory() as folder:
        settings = trl.SFTConfig(
            output_dir=folder,
            per_device_train_batch_size=batch_size,
            num_train_epochs=1,
            max_length=None,
            use_cpu=not torch.cuda.is_available(),
            bf16=torch.cuda.is_available(),
            gradient_checkpointing=False,  # our step computes nothing twice either
            save_strategy="no",
            logging_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        trainer = trl.SFTTrainer(
            model=model, args=settings, train_dataset=datasets.Dataset.from_list(rows), processing_class=processor
        )
        start = perf_counter()
        trainer.train()
        return len(rows) / (perf_counter() - start)
