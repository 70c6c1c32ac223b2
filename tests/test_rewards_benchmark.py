"""The benchmark of rewards: what each rewards, its runs, and its table and figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image
from terse_speaker import TerseSpeaker

from multiref_gym import cli
from multiref_gym.benchmarks import rewards
from multiref_gym.benchmarks.rewards import (
    CONDITIONS,
    FlippedDecoder,
    MixedReward,
    games,
    read_run,
    run_one,
    sheet,
    summaries,
)
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.game import Action
from multiref_gym.registry import new_decoder
from multiref_gym.simulators.scripted import literal_speaker
from multiref_gym.wrappers.vector import ImplicitReward

BY_NAME = {condition.name: condition for condition in CONDITIONS}
POSITIVE, NEUTRAL, NEGATIVE = Feedback.POSITIVE, Feedback.NEUTRAL, Feedback.NEGATIVE


class Constant:
    """Decodes everything as the same feedback."""

    def __init__(self, feedback: Feedback) -> None:
        self.feedback = feedback

    def decode(self, exchanges: list[Exchange]) -> list[Feedback]:
        return [self.feedback] * len(exchanges)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_of_the_labels_is_flipped(share: float) -> None:
    exchanges = [Exchange(None, "the bird", Action(), "no")] * 2000
    for label, opposite in ((POSITIVE, NEGATIVE), (NEGATIVE, POSITIVE)):
        labels = FlippedDecoder(Constant(label), share, np.random.default_rng(0)).decode(exchanges)
        assert labels.count(opposite) / 2000 == pytest.approx(share, abs=0.04)
        assert labels.count(NEUTRAL) == 0
    assert set(FlippedDecoder(Constant(NEUTRAL), share, np.random.default_rng(0)).decode(exchanges)) == {NEUTRAL}


def test_a_mixed_reward_counts_both() -> None:
    envs = gym.make_vec("MultiRef-v0", 1, speaker=TerseSpeaker, image=None)
    envs = MixedReward(ImplicitReward(envs, Constant(NEGATIVE)), 0.25)
    envs.reset(seed=0)
    clicks = np.isin(range(10), list(envs.unwrapped.games.game(0).targets)).astype(np.int8)
    assert envs.step(np.zeros((1, 10), np.int8))[1] == -0.75
    assert envs.step(clicks[None])[1] == 0.25  # won: no feedback on the last action


def rewards_of(name: str, number: int = 30) -> list[float]:
    """Returns the rewards of clicking one target after the other."""
    envs = games(number, BY_NAME[name], np.random.default_rng(0))
    envs.reset(seed=0)
    targets = [sorted(envs.unwrapped.games.game(i).targets) for i in range(number)]
    values = []
    for turn in range(max(map(len, targets))):
        clicks = np.zeros((number, 10), np.int8)
        for row, wanted in zip(clicks, targets, strict=True):
            row[wanted[turn : turn + 1]] = 1
        values += [value for value, wanted in zip(envs.step(clicks)[1], targets, strict=True) if turn < len(wanted)]
    return values


def test_conditions_reward_as_they_say() -> None:
    assert [condition.name for condition in CONDITIONS][:2] == ["true", "binary"]
    assert sum(rewards_of("true")) == 30
    assert set(rewards_of("binary")) == {-1, 0, 1}
    by_flips = [np.mean(np.array(rewards_of(name)) < 0) for name in ("binary", "flipped-10", "flipped-30")]
    assert by_flips == sorted(by_flips)
    assert by_flips[2] > by_flips[0] + 0.1
    assert set(rewards_of("half")) == {-0.5, 0.5}


def test_to_single_clicks_a_ternary_decoder_says_the_same() -> None:
    binary, ternary = (new_decoder("lexical", ternary) for ternary in (False, True))
    env = gym.make("MultiRef-v0", image=None, speaker=literal_speaker)
    rng = np.random.default_rng(0)
    exchanges = []
    for seed in range(20):
        env.reset(seed=seed)
        over = False
        while not over:
            _, _, over, *_ = env.step(np.eye(10, dtype=np.int8)[rng.integers(10)])
            utterance, action = env.unwrapped.dialogue[-1]
            exchanges.append(Exchange(None, utterance, action, env.unwrapped.utterance))
    assert binary.decode(exchanges) == ternary.decode(exchanges)


def made_run(name: str, seed: int, success: list[float]) -> dict[str, Any]:
    return {
        "condition": name,
        "seed": seed,
        "steps": 2000,
        "evaluations": [
            {"steps": 1000 * i, "success": {"mean": mean}, "cpu_seconds": 2.5 * i} for i, mean in enumerate(success)
        ],
        "seen": {"mean": success[-1]},
        "unseen": {"mean": success[-1] / 2},
        "cpu_seconds": 1.0,
    }


def made_results() -> dict[str, Any]:
    runs = [
        made_run(condition.name, seed, [0.0, 0.9 if seed else 0.5, 1.0 if seed else 0.7])
        for condition in CONDITIONS
        for seed in (1, 0)
    ]
    return {"steps": 2000, "seeds": 2, "shown": [900], "conditions": summaries(runs)}


def test_summaries_are_over_seeds() -> None:
    summary = made_results()["conditions"]["binary"]
    assert summary["seeds"] == [0, 1]
    assert [point["mean"] for point in summary["curve"]] == pytest.approx([0.0, 0.7, 0.85])
    assert (summary["curve"][1]["low"], summary["curve"][1]["high"]) == pytest.approx((0.5, 0.9))
    assert summary["steps_to_learn"] == [None, 1000]
    [row, *_] = sheet(made_results()).rows
    assert row == [BY_NAME["true"].meaning, "70 (50–90)", "85 (70–100)", "42 (35–50)", "1k, 1 never", "2"]


def test_the_figure_is_a_picture(tmp_path: Path) -> None:
    rewards.draw(made_results(), tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.width > 800
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]


def test_a_run_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiref_gym.agents.listeners.ppo.training.ENVS", 32)
    monkeypatch.setattr("multiref_gym.agents.listeners.ppo.training.BATCH", 64)
    monkeypatch.setattr(rewards, "GAMES", 4)
    monkeypatch.setattr(rewards, "FINAL_GAMES", 4)
    path = tmp_path / "half-0.json"
    run = run_one(BY_NAME["half"], 0, 256, path)
    assert [evaluation["steps"] for evaluation in run["evaluations"]] == [0, 256]
    assert {"versions", "machine"} < run.keys()
    assert read_run(path, 256) == run
    with pytest.raises(UserError, match="holds a run of 256 steps, not 512"):
        read_run(path, 512)
    path.write_text("{")
    with pytest.raises(UserError, match="holds no run"):
        read_run(path, 256)


def test_a_command_with_all_runs_there_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for condition in CONDITIONS:
        run = made_run(condition.name, 0, [0.0, 0.5, 0.9])
        (tmp_path / f"{condition.name}-0.json").write_text(json.dumps(run))
    options = ["bench", "rewards", "--seeds", "1", "--jobs", "1", "--out", str(tmp_path)]
    assert cli.main([*options, "--steps", "2000"]) == 0
    assert "90 (90–90)" in (tmp_path / "table.md").read_text()
    assert json.loads((tmp_path / "results.json").read_text())["conditions"]["half"]["runs"] == [[0.0, 0.5, 0.9]]

    assert cli.main([*options, "--steps", "3000"]) == 2
    assert "holds a run of 2000 steps, not 3000: choose another --out" in capsys.readouterr().err
