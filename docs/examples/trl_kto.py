"""KTO in TRL: a vision-language model learns from the decoded feedback in a run's games.

    multiref export --store runs/respect-0/interactions.db --system SUP --trl kto --out rows.parquet
    python docs/examples/trl_kto.py rows.parquet MODEL FOLDER

For SFT, export with `--trl sft` and use SFTConfig and SFTTrainer.
"""

from __future__ import annotations

import argparse
from typing import Any

from datasets import load_dataset
from peft import LoraConfig
from transformers.utils import is_torch_bf16_gpu_available
from trl import KTOConfig, KTOTrainer


def train(rows: str, model: str, out: str, **settings: Any) -> KTOTrainer:
    """Trains adapters of a model and saves them in a folder; the settings are passed to KTOConfig."""
    data = load_dataset("parquet", data_files=rows, split="train")
    positive = sum(data["label"])
    weight = positive / max(1, len(data) - positive)  # so that positive and negative turns weigh the same
    # By default TRL cuts a row after 1,024 tokens, where the action is.
    settings = {"bf16": is_torch_bf16_gpu_available()} | settings
    config = KTOConfig(out, max_length=None, undesirable_weight=weight, **settings)
    adapters = LoraConfig(r=16, target_modules=["q_proj", "v_proj"])
    trainer = KTOTrainer(model, args=config, train_dataset=data, peft_config=adapters)
    trainer.train()
    trainer.save_model()
    return trainer


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", help="the file that `multiref export --trl kto` wrote")
    parser.add_argument("model", help="a vision-language model: a folder, or a model of the Hugging Face hub")
    parser.add_argument("out", help="the folder for the adapters")
    given = parser.parse_args()
    train(given.rows, given.model, given.out, learning_rate=1e-5)
