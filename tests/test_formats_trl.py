"""Rows for TRL: they say what the store says, and TRL's trainers learn from them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from acting import games_of
from peft import LoraConfig
from running import run
from tiny_vlm import tiny_vlm
from transformers import LlamaConfig, LlamaForCausalLM

from multiref_gym.agents.listeners.baselines import RandomListener
from multiref_gym.agents.listeners.lm.random_model import byte_tokenizer
from multiref_gym.agents.play import play
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.formats.trl import summary
from multiref_gym.game import Action
from multiref_gym.interaction import Interaction, Turn
from multiref_gym.messages import Messages
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import Atlas, load_tangrams

datasets = pytest.importorskip("datasets", reason="datasets is an extra")

ATLAS = Atlas(load_tangrams("figures"))
CHAT = (
    "{% for message in messages %}{{ message['role'] + '\n' + message['content'] + '</s>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant\n' }}{% endif %}"
)
FEW = {
    "per_device_train_batch_size": 2,
    "max_steps": 1,
    "use_cpu": True,
    "bf16": False,
    "report_to": [],
    "disable_tqdm": True,
    "save_strategy": "no",
    "learning_rate": 1e-2,
}
"""Settings of a trainer that takes one small step."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two decoded rounds, one of which another decoder has read too, and one that nobody has."""
    path = tmp_path_factory.mktemp("store") / "interactions.db"
    values = cycle([Feedback.POSITIVE, Feedback.NEGATIVE, Feedback.NEUTRAL, Feedback.NEGATIVE])
    with InteractionStore(path) as opened:
        for round in range(3):
            started = games_of(ATLAS.tangrams, 2, round, name=f"game-{round}")
            opened.add(play(RandomListener(), started, policy="random", round=round), "SUP")
        for round in range(2):
            games = opened.interactions("SUP", round)
            opened.add_feedback("SUP", round, "ours", [[next(values) for _ in game.exchanges()] for game in games])
        games = opened.interactions("SUP", 1)
        opened.add_feedback("SUP", 1, "theirs", [[Feedback.POSITIVE for _ in game.exchanges()] for game in games])
    return path


def export(store: Path, out: Path, *options: str) -> Path:
    run("export", "--store", store, "--out", out, "--decoder", "ours", *options)
    return out


def loaded(path: Path) -> Any:
    kind = "json" if path.suffix == ".jsonl" else "parquet"
    return datasets.load_dataset(kind, data_files=str(path), split="train", cache_dir=str(path.parent / "cache"))


def decoded_turns(store: Path) -> Iterator[tuple[Interaction, int, Feedback]]:
    """Yields each turn that has feedback, as the store has it."""
    with InteractionStore(store, create=False) as opened:
        for round in range(2):
            games, feedback = opened.interactions("SUP", round), opened.feedback("ours", "SUP", round)
            for game, values in zip(games, feedback, strict=True):
                yield from ((game, number, value) for number, value in enumerate(values))


@pytest.mark.parametrize("name", ["rows.parquet", "text.parquet", "text.jsonl"])
@pytest.mark.parametrize("kind", ["sft", "kto"])
def test_the_rows_are_the_decoded_turns_of_the_store(store: Path, tmp_path: Path, kind: str, name: str) -> None:
    words = name.startswith("text")
    rows = loaded(export(store, tmp_path / name, "--trl", kind, *["--text"] * words))
    form = Messages(ATLAS, "words" if words else "tangrams", part=lambda image: {"type": "image", "text": None})
    expected = [
        (game, number, value)
        for game, number, value in decoded_turns(store)
        if value is Feedback.POSITIVE or (kind == "kto" and value is Feedback.NEGATIVE)
    ]
    assert len(rows) == len(expected) > 5
    for row, (game, number, value) in zip(rows, expected, strict=True):
        assert (row["game_id"], row["round"], row["turn"], row["system"]) == (game.game_id, game.round, number, "SUP")
        assert row["log_prob"] == game.turns[number].log_prob
        assert row.get("label") == (value is Feedback.POSITIVE if kind == "kto" else None)
        assert row["prompt"] == form.of(game.views()[number])  # what the listener saw
        action = str(game.turns[number].action)
        said = action if words else [{"type": "text", "text": action}]
        assert row["completion"] == [{"role": "assistant", "content": said}]
        if not words:
            shown = np.stack([np.asarray(image) for image in row["images"]])
            assert (shown == ATLAS.silhouettes(game.context.listener_order)[..., None]).all()
    assert ("images" in rows.column_names) == (not words)


def test_a_turn_without_clicks_is_a_row_with_the_words_for_it(tmp_path: Path) -> None:
    [episode] = games_of(ATLAS.tangrams, 1)
    turns = Turn("the bird", Action(), -1.0), Turn("no, the bird", Action(frozenset({0})), None)
    with InteractionStore(tmp_path / "games.db") as opened:
        opened.add([Interaction("g", episode.game.context, turns)], "S")
        opened.add_feedback("S", 0, "ours", [[Feedback.NEGATIVE]])
    [line] = export(tmp_path / "games.db", tmp_path / "rows.jsonl", "--trl", "kto", "--text").read_text().splitlines()
    row = json.loads(line)
    assert row["completion"] == [{"role": "assistant", "content": "no click"}]
    assert not row["label"]
    with pytest.raises(UserError, match="there is nothing for --trl sft to learn from in 2 turns"):
        export(tmp_path / "games.db", tmp_path / "none.jsonl", "--trl", "sft", "--text")
    assert not (tmp_path / "none.jsonl").exists()


def test_what_was_left_out_is_told(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export(store, tmp_path / "rows.jsonl", "--trl", "kto", "--text", "--round", "0")
    values = [value for game, _, value in decoded_turns(store) if game.round == 0]
    counts = [f"{values.count(value)} {value.name.lower()}" for value in reversed(Feedback)]
    assert f"turns by the feedback of ours: {', '.join(counts)}, 2 without" in capsys.readouterr().out


def test_the_weights_of_kto_balance_the_labels() -> None:
    counts = Counter({Feedback.POSITIVE: 30, Feedback.NEGATIVE: 40, None: 3})
    assert summary("kto", counts, "d").endswith("; KTOConfig(undesirable_weight=0.75) weighs both alike")
    assert "KTOConfig" not in summary("sft", counts, "d")
    assert "KTOConfig" not in summary("kto", Counter({Feedback.POSITIVE: 3}), "d")


def test_the_one_decoder_that_is_there_need_not_be_named(store: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    command = "export", "--store", store, "--trl", "kto", "--text", "--out", out, "--round"
    run(*command, 0)
    assert {json.loads(line)["round"] for line in out.read_text().splitlines()} == {0}
    with pytest.raises(UserError, match="choose one by --decoder; the store has feedback by: 'ours', 'theirs'"):
        run(*command, 1, "--force")
    with pytest.raises(UserError, match="decode the games by `multiref decode`; the store has feedback by: no decoder"):
        run(*command, 2, "--force")
    with pytest.raises(UserError, match=r"'ours' has decoded none of these games; .* by: no decoder"):
        run(*command, 2, "--force", "--decoder", "ours")
    assert {json.loads(line)["round"] for line in out.read_text().splitlines()} == {0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--trl", "kto", "--out", "rows.csv"], "allowed is a file whose name ends in .jsonl or .parquet"),
        (["--trl", "kto", "--out", "rows.jsonl"], "name a .parquet file, or add --text for words"),
        (["--trl", "kto", "--minari", "games-v0"], "--trl and --inspect are forms of --out, not of --minari"),
        (["--trl", "kto", "--out", "r.jsonl", "--text", "--format", "jsonl"], "Mutually exclusive"),
        (["--trl", "kto", "--out", "r.parquet", "--image", "board"], "--image applies to --minari only, not to --trl"),
        (["--out", "rows.jsonl", "--text"], "--text applies to --trl and --inspect only, not to --out"),
        (["--trl", "sft", "--out", "games.jsonl", "--text"], "it exists already; --force replaces rows for TRL"),
        (["--trl", "sft", "--out", "games.jsonl", "--text", "--force"], "--force only replaces rows for TRL"),
    ],
)
def test_rows_that_cannot_be_written_so_are_refused(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("games.jsonl").write_text('{"game_id": 1}\n')
    with pytest.raises(UserError, match=message):
        run("export", "--store", store, *options)
    assert [path.name for path in tmp_path.iterdir()] == ["games.jsonl"]


def test_rows_are_replaced_if_that_is_asked_for(store: Path, tmp_path: Path) -> None:
    for name in "rows.jsonl", "rows.parquet":
        out = export(store, tmp_path / name, "--trl", "kto", "--text")
        before = out.read_bytes()
        export(store, out, "--trl", "kto", "--text", "--round", "0", "--force")
        assert out.read_bytes() != before


def test_games_with_other_tangrams_are_named_or_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [known, other] = (episode.game.context for episode in games_of(ATLAS.tangrams, 2))
    strange = tuple(f"strange-{name}" for name in other.listener_order)
    turns = Turn("the bird", Action(frozenset({0}))), Turn("yes", Action(frozenset({1})))
    with InteractionStore(tmp_path / "games.db") as opened:
        unknown = type(other)(strange, strange, frozenset(strange[:3]))
        opened.add([Interaction("g", known, turns), Interaction("h", unknown, turns)], "S")
        opened.add_feedback("S", 0, "ours", [[Feedback.POSITIVE]] * 2)
    with pytest.raises(UserError, match=r"game 'h', field 'context': no tangram 'strange-.*' in figures"):
        export(tmp_path / "games.db", tmp_path / "rows.jsonl", "--trl", "sft", "--text")
    out = export(tmp_path / "games.db", tmp_path / "rows.jsonl", "--trl", "sft", "--text", "--skip-bad")
    assert [json.loads(line)["game_id"] for line in out.read_text().splitlines()] == ["g"]
    assert "1 bad games skipped:" in capsys.readouterr().out


def tiny_words() -> tuple[Any, Any]:
    """Returns a language model of a few thousand random weights, and its tokenizer."""
    words = byte_tokenizer()
    words.chat_template = CHAT
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(**sizes, vocab_size=len(words), pad_token_id=words.pad_token_id)), words


@pytest.mark.parametrize("kind", ["sft", "kto"])
def test_a_trainer_of_trl_learns_the_actions_from_words(store: Path, tmp_path: Path, kind: str) -> None:
    trl = pytest.importorskip("trl", reason="TRL is not installed")
    rows = loaded(export(store, tmp_path / "rows.jsonl", "--trl", kind, "--text", "--round", "0"))
    torch.manual_seed(0)
    model, words = tiny_words()
    config, trainer_of = getattr(trl, f"{kind.upper()}Config"), getattr(trl, f"{kind.upper()}Trainer")
    trainer = trainer_of(
        model=model,
        args=config(str(tmp_path / "out"), max_length=None, **FEW),
        train_dataset=rows,
        processing_class=words,
        peft_config=LoraConfig(r=4, target_modules=["q_proj", "v_proj"]),
    )
    batch = next(iter(trainer.get_train_dataloader()))
    learned = batch["labels"] != -100 if kind == "sft" else batch["completion_mask"].bool()
    actions = {str(row["completion"][0]["content"]) for row in rows}
    for tokens, of_action in list(zip(batch["input_ids"], learned, strict=True))[:2]:
        assert words.decode(tokens[of_action]).removesuffix("</s>") in actions
    before = [weights.clone() for weights in trainer.model.parameters()]
    assert np.isfinite(trainer.train().training_loss)
    assert any(not torch.equal(*pair) for pair in zip(before, trainer.model.parameters(), strict=True))


def test_the_example_learns_from_pictures(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("trl", reason="TRL is not installed")
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "docs" / "examples"))
    from trl_kto import train

    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    rows = export(store, tmp_path / "rows.parquet", "--trl", "kto", "--round", "0")
    trainer = train(str(rows), str(tiny_vlm("idefics2", length=4096)), str(tmp_path / "out"), **FEW)
    assert np.isfinite(trainer.state.log_history[-1]["train_loss"])
    assert (tmp_path / "out" / "adapter_model.safetensors").exists()


def test_sft_learns_the_actions_from_pictures(store: Path, tmp_path: Path) -> None:
    trl = pytest.importorskip("trl", reason="TRL is not installed")
    rows = loaded(export(store, tmp_path / "rows.parquet", "--trl", "sft", "--round", "0"))
    trainer = trl.SFTTrainer(
        str(tiny_vlm("idefics2", length=4096)),
        args=trl.SFTConfig(str(tmp_path / "out"), max_length=None, **FEW),
        train_dataset=rows,
        peft_config=LoraConfig(r=4, target_modules=["q_proj", "v_proj"]),
    )
    batch = next(iter(trainer.get_train_dataloader()))
    assert batch["pixel_values"].shape[:2] == (2, 10)
    actions = {row["completion"][0]["content"][0]["text"] for row in rows}
    for labels in batch["labels"]:
        learned = trainer.processing_class.tokenizer.decode(labels[labels != -100], skip_special_tokens=True)
        assert learned.removesuffix("<end_of_utterance>\n").strip() in actions
    assert np.isfinite(trainer.train().training_loss)
