"""Learns from a chat log: a decoder reads feedback from the users' next messages, and TRL's KTO trains a model on it.

    pip install "multiref-gym[datasets]" "trl>=1.16"
    python docs/examples/learn_from_chats.py --chats LOG.jsonl --decoder prompted:MODEL --model MODEL --out FOLDER

Without options, it takes the twelve made-up conversations beside it and a tiny model with random weights, on the CPU.
This shows the steps, but so few conversations teach nothing useful. The lexical decoder warns that it was made for the
game; these conversations are plain enough for it.
"""

from __future__ import annotations

import argparse
import sys
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from datasets import Dataset, load_dataset
from rich.console import Console
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM
from trl import KTOConfig, KTOTrainer

from multiref_gym import cli
from multiref_gym.agents.listeners.lm.random_model import byte_tokenizer

CHATS = Path(__file__).with_name("chats.jsonl")
TEMPLATE = (
    "{% for message in messages %}<bos>{{ message['role'] }}\n{{ message['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<bos>assistant\n{% endif %}"
)
SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


def tiny_model() -> tuple[Any, Any]:
    """Returns a model with random weights that reads bytes, and its tokenizer."""
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    config = LlamaConfig(**SIZES, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id)
    return LlamaForCausalLM(config), tokenizer


@torch.inference_mode()
def log_probability(model: Any, tokenizer: Any, row: dict[str, Any]) -> float:
    """Returns the mean log-probability of the tokens of a row's answer."""
    prompt = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True, return_dict=True)["input_ids"]
    whole = tokenizer.apply_chat_template(row["prompt"] + row["completion"], return_dict=True)["input_ids"]
    tokens = torch.tensor([whole], device=model.device)
    log_probs = torch.log_softmax(model(input_ids=tokens).logits[0, :-1].float(), dim=-1)
    of_tokens = log_probs.gather(1, tokens[0, 1:, None])[len(prompt) - 1 :]
    return float(of_tokens.mean())


def means(model: Any, tokenizer: Any, rows: Dataset) -> dict[bool, float]:
    """Returns the mean log-probability per token of the desirable answers (True) and the undesirable ones (False)."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for row in rows:
        found[row["label"]].append(log_probability(model.eval(), tokenizer, row))
    return {label: sum(values) / max(1, len(values)) for label, values in found.items()}


def main(argv: list[str] | None = None) -> dict[bool, float]:
    """Decodes a log and learns from it; returns the changes of the `means`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chats", type=Path, default=CHATS, help="the log")
    parser.add_argument("--decoder", default="lexical", help="the decoder, as for multiref decode")
    parser.add_argument("--model", help="the model that learns: a folder, or a model of the Hugging Face hub")
    parser.add_argument("--epochs", type=float, default=8, help="passes over the rows")
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="for a real model, 1e-6 to 1e-5")
    parser.add_argument("--out", type=Path, help="a folder for the rows and the model; they are not kept without it")
    options = parser.parse_args(argv)
    with TemporaryDirectory() as folder:
        kept = options.out or Path(folder)
        kept.mkdir(parents=True, exist_ok=True)
        out = kept / "rows.jsonl"
        words = ["decode", "--chats", options.chats, "--decoder", options.decoder, "--trl", "kto", "--out", out]
        if code := cli.main(list(map(str, words))):
            sys.exit(code)
        rows = load_dataset("json", data_files=str(out), split="train", cache_dir=folder)
        rows = rows.select_columns(["prompt", "completion", "label"])
        if options.model is None:
            model, tokenizer = tiny_model()
        else:
            model = AutoModelForCausalLM.from_pretrained(options.model)
            tokenizer = AutoTokenizer.from_pretrained(options.model)
        before = means(model, tokenizer, rows)
        desirable = sum(rows["label"])
        settings = KTOConfig(
            output_dir=folder,
            num_train_epochs=options.epochs,
            per_device_train_batch_size=4,
            learning_rate=options.learning_rate,
            beta=0.5,
            # The rarer kind of rows gets a larger weight, so that both kinds weigh the same.
            desirable_weight=max(1.0, (len(rows) - desirable) / max(1, desirable)),
            undesirable_weight=max(1.0, desirable / max(1, len(rows) - desirable)),
            max_length=None,  # TRL cuts a row at its end, where the answer is
            seed=0,
            report_to="none",
            save_strategy="no",
            disable_tqdm=True,
            use_cpu=not torch.cuda.is_available(),
            bf16=torch.cuda.is_available(),
        )
        # By default TRL loads the reference by the model's name, but a model that was just made has none.
        given = {"ref_model": deepcopy(model), "train_dataset": rows, "processing_class": tokenizer}
        trainer = KTOTrainer(model=model, args=settings, **given)
        trainer.train()
        if options.out:
            trainer.save_model(str(kept / "model"))
        after = means(model, tokenizer, rows)
    console = Console(highlight=False)
    for label, name in ((True, "desirable"), (False, "undesirable")):
        console.print(f"{name} answers: log-probability a token {before[label]:.2f} before, {after[label]:.2f} after")
    return {label: after[label] - before[label] for label in after}


if __name__ == "__main__":
    main()
