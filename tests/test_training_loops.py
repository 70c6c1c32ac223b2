"""The game in the training loops of language models: verifiers, OpenEnv, SkyRL-gym, TRL."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import cycle, pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from stub_endpoint import Body, Reply, completion, failure, serving
from torch import Tensor
from transformers import Qwen3Config, Qwen3ForCausalLM

from multiref_gym import Feedback
from multiref_gym.agents.listeners.lm.random_model import byte_tokenizer
from multiref_gym.chat_game import ChatGame
from multiref_gym.errors import UserError

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ROOT / "environments"
VF_EVAL = ROOT / ".venv-verifiers" / ("Scripts" if os.name == "nt" else "bin") / "vf-eval"

needs_verifiers = pytest.mark.skipif(not VF_EVAL.exists(), reason="verifiers is not installed: run `make verifiers`")

Answer = Callable[[str], str]


@dataclass(frozen=True)
class Played:
    """A game as a loop saw it: what the model read, and the reward of each turn."""

    words: list[str]
    rewards: list[float]


def answer(words: str) -> str:
    """A model without a memory: what it writes follows from what it read last. Not all of it is an action."""
    found = re.search(r"^([A-J ]+) currently selected$", words, re.MULTILINE)
    selected = found[1].split() if found else []
    free = [letter for letter in "ABCDEFGHIJ" if letter not in selected]
    if len(words) % 7 == 0:
        return "Hm, that is hard to say."
    if len(selected) > 4:
        return f"**Action:** deselect {selected[len(words) % len(selected)]}"
    return f"select {free[len(words) % len(free)]}"


def played(game: ChatGame, seed: int) -> Played:
    """Plays a game by `reset` and `step` alone."""
    [message] = game.reset(seed)
    words, over = [message["content"]], False
    while not over:
        message, _, over, _ = game.step(answer(words[-1]))
        words.append(message["content"])
    return Played(words[:-1], game.rewards)


@pytest.fixture
def environments(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Imports a module of one of the environments, which is forgotten after the test."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(ENVIRONMENTS / "openenv")
    monkeypatch.syspath_prepend(ENVIRONMENTS)
    yield import_module
    for name in ("client", "models", "server", "server.app", "skyrl", "trl_grpo"):
        if name in sys.modules.keys() - before:
            del sys.modules[name]


def in_openenv(url: str, client: ModuleType, models: ModuleType, seeds: list[int]) -> list[Played]:
    """Plays games in sessions of a server, all at once."""

    async def play(seed: int) -> Played:
        async with client.MultiRefClient(base_url=url) as session:
            result = await session.reset(seed=seed)
            found = Played([], [])
            while not result.done:
                found.words.append(result.observation.message["content"])
                result = await session.step(models.MultiRefAction(text=answer(found.words[-1])))
                found.rewards.append(result.reward)
            state = await session.state()
            assert state.model_dump() == {"episode_id": None, "step_count": len(found.rewards)}  # no target is public
            assert result.observation.reward_sum == sum(found.rewards)
            return found

    async def play_all() -> list[Played]:
        return await asyncio.gather(*map(play, seeds))

    return asyncio.run(play_all())


def in_skyrl(skyrl: ModuleType, seed: int) -> Played:
    env = skyrl.MultiRef({"split": "train"}, {"seed": seed})
    system = {"role": "system", "content": "Play well."}
    [first, message], _ = env.init([system])
    assert first == system
    found, done = Played([message["content"]], []), False
    while not done:
        out = env.step(answer(found.words[-1]))
        done = out["done"]
        found.rewards.append(out["reward"])
        found.words.extend(message["content"] for message in out["observations"])
    assert env.get_metrics()["turns"] == len(found.rewards)
    return found


def in_trl(trl_grpo: ModuleType, seed: int) -> Played:
    env = trl_grpo.MultiRef()
    words = [env.reset(seed=seed, prompt="of no use here")]
    while words[-1] != "The game is over.":
        words.append(env.click(answer(words[-1])))
    assert env.get_reward() == sum(env._game.rewards)
    return Played(words[:-2], env._game.rewards)


def completed(body: Body) -> Reply:
    """What an endpoint answers, with the fields that strict clients want."""
    reply = completion(answer(body["messages"][-1]["content"]))
    assert isinstance(reply.body, dict)
    return Reply({**reply.body, "id": "chat-0", "created": 0, "model": "stub"})


def vf_eval(endpoint: str, out: Path, *options: str) -> list[dict[str, Any]]:
    """Runs verifiers' command, and returns the traces that it wrote."""
    command = [VF_EVAL, "multiref", "-m", "stub", "--no-push", "-o", out, "--client.base-url", endpoint, *options]
    environment = os.environ | {"OPENAI_API_KEY": "none", "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    command += ["--client.api-key-var", "OPENAI_API_KEY"]
    done = subprocess.run(command, env=environment, cwd=out, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [file] = out.rglob("traces.jsonl")
    episodes = [json.loads(line) for line in file.read_text().splitlines()]
    return [
        trace | {"errors": [*trace["errors"], *episode["errors"]]}
        for episode in episodes
        for trace in episode["traces"]
    ]


def in_verifiers(trace: dict[str, Any]) -> Played:
    messages = [node["message"] for node in trace["nodes"]]
    assert [message["role"] for message in messages] == ["user", "assistant"] * (len(messages) // 2)
    assert trace["rewards"]["implicit"]["score"] == sum(trace["info"]["turn_rewards"])
    return Played([message["content"] for message in messages[::2]], trace["info"]["turn_rewards"])


@pytest.fixture(scope="module")
def openenv() -> Iterator[str]:
    """The address of an OpenEnv server of the game."""
    pytest.importorskip("openenv", reason="OpenEnv is not installed: run `pip install multiref-gym[openenv]`")
    import uvicorn

    folder = str(ENVIRONMENTS / "openenv")
    sys.path.insert(0, folder)
    try:
        app = import_module("server.app").app
    finally:
        sys.path.remove(folder)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@needs_verifiers
def test_a_game_is_the_same_in_every_loop(
    openenv: str, environments: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    pytest.importorskip("skyrl_gym", reason="SkyRL-gym is not installed")
    game, seeds = ChatGame(), [3, 4, 5]
    wanted = [played(game, seed) for seed in seeds]
    assert {reward for one in wanted for reward in one.rewards} == {-1.0, 0.0, 1.0}
    [ill_fated] = game.reset(6)
    calls: list[list[Body]] = []

    def fails_in_one_game(body: Body) -> Reply:
        if body["messages"][0] != ill_fated:
            return completed(body)
        calls.append(body["messages"])
        return completed(body) if len(calls) < 3 else failure(400, "the model is gone")

    with serving(fails_in_one_game) as endpoint:
        traces = vf_eval(endpoint.url, tmp_path, "-n", "4", "--env.taskset.first-seed", "3")
    *good, failed = sorted(traces, key=lambda trace: trace["task"]["data"]["seed"])
    assert list(map(in_verifiers, good)) == wanted
    # What fails is an error of the rollout, and no reward.
    assert "the model is gone" in str(failed["errors"])
    assert failed["rewards"] == {}
    # Nothing that was sent changes later.
    assert [len(messages) for messages in calls[:3]] == [1, 3, 5]
    assert all(later[: len(before)] == before for before, later in pairwise(calls[:3]))

    assert in_openenv(openenv, environments("client"), environments("models"), seeds) == wanted
    assert [in_skyrl(environments("skyrl"), seed) for seed in seeds] == wanted
    assert [in_trl(environments("trl_grpo"), seed) for seed in seeds] == wanted


def test_openenv_finds_nothing_wrong(openenv: str) -> None:
    from openenv.cli.__main__ import app
    from typer.testing import CliRunner

    for command in ["validate", str(ENVIRONMENTS / "openenv"), "--level", "static"], ["validate", "--url", openenv]:
        found = CliRunner().invoke(app, command)
        assert (found.exit_code, "Verdict: PASS" in found.output) == (0, True), found.output


def test_the_openenv_package_can_be_installed_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openenv", reason="OpenEnv is not installed: run `pip install multiref-gym[openenv]`")
    (tmp_path / "multiref_openenv").symlink_to(ENVIRONMENTS / "openenv")
    monkeypatch.syspath_prepend(tmp_path)
    assert callable(import_module("multiref_openenv.server.app").main)
    assert import_module("multiref_openenv.client").MultiRefClient.__module__ == "multiref_openenv.client"


def test_a_wrong_setting_of_openenv_is_told_when_the_server_starts(
    environments: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openenv", reason="OpenEnv is not installed: run `pip install multiref-gym[openenv]`")
    monkeypatch.setenv("MULTIREF_SPLIT", "nope")
    for name in "server", "server.app":
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(UserError, match="unknown split 'nope'"):
        environments("server.app")


@needs_verifiers
def test_a_wrong_name_is_told_before_the_first_rollout(tmp_path: Path) -> None:
    wrong = {"tangrams": "circles", "speaker": "mute", "decoder": "deaf"}
    options = [text for name, value in wrong.items() for text in (f"--env.taskset.{name}", value)]
    command = [VF_EVAL, "multiref", "-m", "stub", "--no-push", "-o", tmp_path, *options]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "300"}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    for name, value in wrong.items():
        assert f"--env.taskset.{name}" in done.stderr + done.stdout
        assert f"unknown {name} {value!r}" in done.stderr + done.stdout


class Failing:
    """A decoder that cannot be reached."""

    def decode(self, exchanges: Any) -> list[Feedback]:
        raise UserError("the decoder is gone")


def test_in_trl_a_decoder_that_fails_is_no_reward(environments: Callable[[str], ModuleType]) -> None:
    env = environments("trl_grpo").MultiRef()
    env._game = ChatGame(Failing())
    env.reset(seed=1)
    for _ in range(2):
        with pytest.raises(UserError):
            env.click("select A")
    with pytest.raises(UserError, match="the decoder is gone"):
        env.get_reward()
    env.reset(seed=1)
    assert env.get_reward() == -10  # of ten turns that were not taken


def test_in_trl_a_call_with_anything_but_a_text_is_a_turn_without_a_click(
    environments: Callable[[str], ModuleType],
) -> None:
    env = environments("trl_grpo").MultiRef()
    env.reset(seed=1)
    assert "no action in '3'" in env.click(3)
    assert env.get_reward() == sum(env._game.rewards) - 9


def test_grpo_plays_each_group_in_one_game(
    environments: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trl = pytest.importorskip("trl", reason="TRL is not installed")
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")
    words = byte_tokenizer("<|im_start|>", "<|im_end|>")
    words.chat_template = (Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja").read_text()
    words.eos_token = "<|im_end|>"
    sizes = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "head_dim": 8,
    }
    ids = {"eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id, "vocab_size": len(words)}
    model = Qwen3ForCausalLM(Qwen3Config(**sizes, **ids, num_key_value_heads=1, max_position_embeddings=1 << 14))
    call = '<tool_call>\n{"name": "click", "arguments": {"action": "select %s"}}\n</tool_call><|im_end|>'
    clicks = cycle("ABCDEFGHIJ")

    def generate(input_ids: Tensor, **others: Any) -> Tensor:
        """Writes in place of the model, which has learned nothing, a call of the tool."""
        texts = [call % next(clicks) for _ in input_ids]
        return torch.cat([input_ids, words(texts, add_special_tokens=False, return_tensors="pt")["input_ids"]], 1)

    model.generate = generate
    trl_grpo = environments("trl_grpo")
    started: list[str] = []

    class Watched(trl_grpo.MultiRef):  # type: ignore[misc, name-defined]
        def reset(self, seed: int, **columns: object) -> str:
            started.append(super().reset(seed, **columns))
            return started[-1]

    trainer = trl.GRPOTrainer(
        model=model,
        train_dataset=trl_grpo.games(range(4)),
        processing_class=words,
        environment_factory=Watched,
        args=trl.GRPOConfig(
            output_dir=str(tmp_path),
            per_device_train_batch_size=4,
            num_generations=2,
            max_completion_length=1000,
            max_tool_calling_iterations=2,
            max_steps=1,
            use_cpu=True,
            bf16=False,
            report_to=[],
            save_strategy="no",
            disable_tqdm=True,
            gradient_checkpointing=False,
        ),
    )
    trainer.train()
    assert started[0] == started[1] != started[2] == started[3]
    [log, *_] = trainer.state.log_history
    assert log["rewards/Watched/mean"] == pytest.approx(sum(env.get_reward() for env in trainer.environments) / 4)
