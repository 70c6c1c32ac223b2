"""TRL's trainers learn from what was decoded of chats, as the documentation shows it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from chat_logs import many_chats, read_lines, write_chats
from running import run

trl = pytest.importorskip("trl", reason="TRL is not installed")
datasets = pytest.importorskip("datasets", reason="the extra 'datasets' is not installed")

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLE = DOCS / "examples" / "learn_from_chats.py"


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLE))


def test_the_example_makes_desirable_answers_likelier_than_undesirable_ones(example: dict[str, Any]) -> None:
    gain = example["main"](["--epochs", "4"])
    assert gain[True] > 0.1
    assert gain[True] > gain[False] + 0.1


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_sft_takes_a_step_on_the_positives(example: dict[str, Any], tmp_path: Path, suffix: str) -> None:
    log, out = write_chats(tmp_path / "log.jsonl", many_chats(8)), tmp_path / f"rows.{suffix}"
    run("decode", "--chats", log, "--decoder", "chat_logs:NotingDecoder", "--trl", "sft", "--out", out)
    kind = "json" if suffix == "jsonl" else suffix
    rows = datasets.load_dataset(kind, data_files=str(out), split="train", cache_dir=str(tmp_path / "cache"))
    model, tokenizer = example["tiny_model"]()
    settings = {"max_steps": 1, "report_to": "none", "save_strategy": "no", "disable_tqdm": True, "use_cpu": True}
    args = trl.SFTConfig(output_dir=str(tmp_path), bf16=False, **settings)
    trainer = trl.SFTTrainer(model=model, args=args, train_dataset=rows, processing_class=tokenizer)
    before = [weights.detach().clone() for weights in model.parameters()]
    trainer.train()
    assert any((now != then).any() for now, then in zip(model.parameters(), before, strict=True))


def test_the_chats_of_the_documentation_are_decoded_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (DOCS / "chats.md").read_text(encoding="utf-8")
    before, after = re.findall(r"^```json\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)[:2]
    monkeypatch.chdir(tmp_path)
    Path("chats.jsonl").write_text(before, encoding="utf-8")
    run("decode", "--chats", "chats.jsonl", "--decoder", "chat_logs:NotingDecoder", "--out", "labelled.jsonl")
    Path("expected.jsonl").write_text(after, encoding="utf-8")
    assert read_lines(Path("labelled.jsonl")) == read_lines(Path("expected.jsonl"))
