"""PPO: what the policy reads, that it treats tangrams alike, learning, saving, and the command."""

from __future__ import annotations

import csv
import importlib
import importlib.util
import json
import math
from functools import cache, partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from acting import act, games_of
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from rounding import LOG_PROB
from safetensors.torch import load_file, save_file
from small_views import FIGURES, views
from terse_speaker import TerseSpeaker

from multiref_gym import cli
from multiref_gym.agents.commands import ppo
from multiref_gym.agents.listeners.ppo import training
from multiref_gym.agents.listeners.ppo.games import heard_vocabulary, literal_games, rewarded_games
from multiref_gym.agents.listeners.ppo.listener import CONFIG, VOCABULARY, WEIGHTS, PPOListener, new_policy
from multiref_gym.agents.listeners.ppo.observation import readable, shared_encoder
from multiref_gym.agents.listeners.ppo.training import literal_success, train
from multiref_gym.agents.listeners.ppo.vec_env import GymnasiumVecEnv
from multiref_gym.agents.listeners.small.listener import CHECKPOINT, SmallListener
from multiref_gym.agents.play import play
from multiref_gym.errors import UserError
from multiref_gym.formats import write_games
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.game import Action
from multiref_gym.listener import View
from multiref_gym.simulators.scripted import literal_speaker
from multiref_gym.vocabulary import Vocabulary
from multiref_gym.wrappers.vector import ImplicitReward

ENCODER = shared_encoder(FIGURES)
WORDS = Vocabulary.of(["yes now the bird , undo that"], 20)


@cache
def untrained(seed: int = 0) -> PPOListener:
    """Returns a listener whose random weights make it opinionated."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        policy = new_policy(10, 10, WORDS, ENCODER)
        for weights in policy.parameters():
            torch.nn.init.normal_(weights, std=0.3)
    policy.set_training_mode(False)
    return PPOListener(policy, WORDS, ENCODER)


def view(utterance: str = "the bird") -> View:
    return View(FIGURES.ids[:10], (), utterance, frozenset())


def test_games_are_as_the_policy_has_them() -> None:
    envs = readable(literal_games(2), WORDS)
    assert envs.single_observation_space == untrained().policy.observation_space
    assert envs.single_action_space == untrained().policy.action_space == spaces.Discrete(11)


def test_stable_baselines_is_told_of_the_end_of_a_game_and_of_the_next_one() -> None:
    game = {"speaker": TerseSpeaker, "image": None, "max_turns": 2}
    envs, expected = (readable(gym.make_vec("MultiRef-v0", 3, autoreset_mode="SameStep", **game), WORDS) for _ in "ab")
    told = GymnasiumVecEnv(envs)
    told.seed(7)
    np.testing.assert_equal(told.reset(), expected.reset(seed=7)[0])
    for turn in range(2):
        observations, rewards, dones, infos = told.step(np.array([10, 0, 1]))
        seen, earned, over, _, of_games = expected.step(np.array([10, 0, 1]))
        np.testing.assert_equal(observations, seen)
        assert rewards.tolist() == earned.tolist()
        assert dones.tolist() == over.tolist() == [turn == 1] * 3
    assert not any(info["TimeLimit.truncated"] for info in infos)
    np.testing.assert_equal([info["terminal_observation"] for info in infos], list(of_games["final_obs"]))
    assert infos[1]["terminal_observation"] in told.observation_space
    assert told.get_attr("num_envs", [0, 2]) == [3, 3]


def test_stable_baselines_takes_games_that_begin_again_in_the_same_step() -> None:
    with pytest.raises(ValueError, match=r"Stable-Baselines3 has .*SAME_STEP only"):
        GymnasiumVecEnv(gym.make_vec("MultiRef-v0", 2, image=None))


def test_a_view_is_read_as_the_environment_shows_it() -> None:
    env, envs = gym.make("MultiRef-v0", image=None, speaker=literal_speaker), readable(literal_games(1), WORDS)
    rng = np.random.default_rng(0)
    for seed in range(3):
        observations, _ = envs.reset(seed=seed)
        env.reset(seed=seed)
        over = False
        while not over:
            np.testing.assert_equal(untrained().observe([env.unwrapped.episode.view]), observations)
            action = rng.integers(11)
            observations, *_ = envs.step(np.array([action]))
            _, _, over, *_ = env.step(np.eye(11, 10, dtype=np.int8)[action])


@settings(max_examples=30, deadline=None)
@given(views(), st.permutations(range(10)))
def test_tangrams_are_treated_alike(seen: View, order: list[int]) -> None:
    place = {old: new for new, old in enumerate(order)}

    def moved(action: Action) -> Action:
        return Action(frozenset(map(place.get, action.select)), frozenset(map(place.get, action.deselect)))

    shuffled = View(
        tuple(seen.tangrams[i] for i in order),
        tuple((said, moved(action)) for said, action in seen.dialogue),
        seen.utterance,
        frozenset(map(place.get, seen.selected)),
    )
    clicks = [Action.clicking([i], seen.selected) for i in range(10)]
    here = untrained().score([seen] * 10, clicks).log_prob
    there = untrained().score([shuffled] * 10, [moved(action) for action in clicks]).log_prob
    assert here.std() > 0
    torch.testing.assert_close(here, there, atol=LOG_PROB, rtol=0)


@settings(max_examples=30, deadline=None)
@given(views())
def test_actions_are_legal_and_have_the_probability_that_is_told(seen: View) -> None:
    all_actions = [Action(), *(Action.clicking([i], seen.selected) for i in range(10))]
    log_probs = untrained().score([seen] * 11, all_actions).log_prob
    assert log_probs.exp().sum().item() == pytest.approx(1, abs=LOG_PROB)
    for decision in act(untrained(), [seen] * 5, 0):
        [log_prob] = log_probs[all_actions.index(decision.action)][None].tolist()
        assert decision.log_prob == pytest.approx(log_prob, abs=LOG_PROB)
        assert decision.text == str(decision.action)


def test_draws_as_often_as_it_says() -> None:
    decisions = act(untrained(), [view()] * 4000, 0)
    actions = [decision.action for decision in decisions]
    for decision in {d.action: d for d in decisions}.values():
        assert actions.count(decision.action) / 4000 == pytest.approx(math.exp(decision.log_prob), abs=0.03)


def test_several_clicks_at_once_are_impossible() -> None:
    log_prob = untrained().score([view()] * 2, [Action(frozenset({1, 2})), Action(frozenset({1}))]).log_prob
    assert log_prob[0] == -math.inf
    assert log_prob[1].isfinite()


def test_nothing_said_is_nothing_to_stumble_over() -> None:
    assert untrained().score([view("")], [Action()]).log_prob.isfinite().all()


def test_another_context_size_is_refused() -> None:
    with pytest.raises(UserError, match="a context of 6 tangrams: this policy clicks on 10"):
        act(untrained(), [View(FIGURES.ids[:6], (), "the bird", frozenset())], 0)


def test_a_saved_policy_is_the_same_and_nothing_of_it_is_pickled(tmp_path: Path) -> None:
    untrained().save(tmp_path, {"reward": "true"})
    assert {path.name for path in tmp_path.iterdir()} == {CONFIG, VOCABULARY, WEIGHTS}
    assert json.loads((tmp_path / CONFIG).read_text())["reward"] == "true"
    again = PPOListener.load(FIGURES, tmp_path)
    decisions = [act(one, [view()] * 20, 3) for one in (untrained(), again)]
    assert decisions[0] == decisions[1]


def test_a_saved_policy_plays_with_one_split_alone(tmp_path: Path) -> None:
    untrained().save(tmp_path, {})
    dev = FIGURES.split("dev")
    [decision] = act(PPOListener.load(dev, tmp_path), [View(dev.ids[:10], (), "the bird", frozenset())], 0)
    assert len(decision.action.clicks) <= 1


def test_a_saved_policy_enters_the_benchmark(tmp_path: Path) -> None:
    untrained().save(tmp_path / "policy", {})
    games = play(untrained(), games_of(FIGURES, 3), policy="ppo")
    write_games("jsonl", tmp_path / "games.jsonl", map(LoggedGame, games))
    done = cli.main(
        [
            *("benchmark", "--games", str(tmp_path / "games.jsonl"), "--out", str(tmp_path / "results")),
            *(
                "--listener",
                "multiref_gym.agents.listeners.ppo.listener:PPOListener",
                "--model",
                str(tmp_path / "policy"),
            ),
        ]
    )
    figures = json.loads((tmp_path / "results" / "results.json").read_text())["figures"]
    assert done == 0
    assert figures["legality"]["mean"] == 1
    assert figures["log_prob_corrected"]["mean"] < 0


def test_a_folder_that_holds_no_such_policy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="train one by `multiref ppo`"):
        PPOListener.load(FIGURES)
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors is missing"):
        PPOListener.load(FIGURES, tmp_path)
    untrained().save(tmp_path, {})

    def refused(file: str, text: str, message: str) -> None:
        kept = (tmp_path / file).read_bytes()
        (tmp_path / file).write_text(text)
        with pytest.raises(UserError, match=message):
            PPOListener.load(FIGURES, tmp_path)
        (tmp_path / file).write_bytes(kept)

    config = json.loads((tmp_path / CONFIG).read_text())
    config["policy"]["vision"] = "0123"
    refused(CONFIG, json.dumps(config), "the vision of another base")
    refused(CONFIG, "[]", "holds no policy of PPO")
    refused(WEIGHTS, "nonsense", "holds no policy of PPO")
    refused(VOCABULARY, json.dumps({"words": ["bird"]}), "holds no policy of PPO")
    refused(VOCABULARY, json.dumps({"words": WORDS.words[::-1]}), "was trained with other words")
    PPOListener.load(FIGURES, tmp_path)

    weights = load_file(tmp_path / WEIGHTS)
    name = min(weights)
    for others, message in (
        ({name: torch.full_like(weights[name], math.nan)}, "has a number that is not finite"),
        ({"more": torch.ones(2)}, "holds no policy of PPO"),
    ):
        save_file(weights | others, tmp_path / WEIGHTS)
        with pytest.raises(UserError, match=message):
            PPOListener.load(FIGURES, tmp_path)
    with pytest.raises(UserError, match=f"{tmp_path} holds no checkpoint of a small listener"):
        SmallListener.load(FIGURES, tmp_path)
    with pytest.raises(UserError, match=f"{CHECKPOINT}/vocabulary.json: No such file"):
        PPOListener.load(FIGURES, CHECKPOINT)


def test_rewards_are_success_progress_and_decoded_feedback() -> None:
    for reward, values in (("true", {0, 1}), ("implicit", {-1, 0, 1})):
        envs = rewarded_games(20, reward, "lexical")
        assert isinstance(envs, ImplicitReward) == (reward == "implicit")
        envs.reset(seed=0)
        rewards = set[float]()
        for _ in range(10):
            wanted = [envs.unwrapped.games.speaker(i).wanted.bits(10) for i in range(20)]
            rewards |= set(envs.step(np.stack(wanted))[1].tolist())
        assert {1.0} < rewards <= values
    envs = rewarded_games(1, "progress", "lexical")
    envs.reset(seed=0)
    [target, *_] = envs.unwrapped.games.game(0).targets
    assert 0 < envs.step(np.eye(10, dtype=np.int8)[[target]])[1] < 1


def test_speakers_are_literal() -> None:
    heard = set(heard_vocabulary().words)
    assert {"yes", "deselect", "the"} < heard
    figurative = gym.make("MultiRef-v0", image=None)
    said = Vocabulary.of((figurative.reset(seed=seed)[0]["utterance"] for seed in range(300)), 1000)
    assert len(set(said.words) - heard) > 100


def test_it_learns_something_else_with_each_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    # How many games it wins after a whole run is measured by `multiref_gym.benchmarks.rewards`.
    monkeypatch.setattr(training, "ENVS", 32)
    monkeypatch.setattr(training, "BATCH", 64)
    make_games = partial(rewarded_games, reward="implicit", decoder="lexical")
    evaluations: list[training.Evaluation] = []

    def trained(seed: int) -> PPOListener:
        listener, _ = train(make_games, 256, seed, games=4, every=256, on_evaluation=evaluations.append)
        return listener

    one, same, other = (trained(seed).policy.state_dict() for seed in (1, 1, 2))
    assert [evaluation.steps for evaluation in evaluations[:2]] == [0, 256]
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_an_evaluation_plays_the_same_games_each_time() -> None:
    seed = np.random.SeedSequence(5)
    [first, second] = (literal_success(untrained(), "test", 20, seed) for _ in range(2))
    assert first == second


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "ENVS", 16)
    monkeypatch.setattr(training, "BATCH", 64)
    monkeypatch.setattr(ppo, "GAMES", 4)
    monkeypatch.setattr(ppo, "FINAL_GAMES", 4)


def run(*arguments: object) -> int:
    return cli.main(["ppo", *map(str, arguments)])


@pytest.mark.usefixtures("quick")
def test_the_command_leaves_a_policy_that_listens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "policy"
    assert run("--reward", "implicit", "--ternary", "--steps", 256, "--out", out) == 0
    assert "of 4 games won" in capsys.readouterr().out
    results = json.loads((out / "results.json").read_text())
    assert results["config"] == {"reward": "implicit", "decoder": "lexical, ternary", "steps": 256, "seed": 0}
    assert [evaluation["steps"] for evaluation in results["evaluations"]] == [0, 256]
    with (out / "progress.csv").open() as file:
        rows = list(csv.DictReader(file))
    measured = [row for row in rows if row["evaluation/success"]]
    assert [(int(row["time/total_timesteps"]), float(row["evaluation/success"])) for row in measured] == [
        (evaluation["steps"], evaluation["success"]["mean"]) for evaluation in results["evaluations"]
    ]
    assert any(row["rollout/ep_rew_mean"] for row in rows)
    if importlib.util.find_spec("tensorboard"):
        assert list(out.glob("events.*"))
    assert act(PPOListener.load(FIGURES, out), [view()], 0)
    assert run("--out", out) == 2
    assert f"cannot write to {out}: it is not empty" in capsys.readouterr().err


@pytest.mark.usefixtures("quick")
def test_without_tensorboard_it_says_so_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ppo, "find_spec", lambda name: None)
    assert run("--steps", 128, "--out", tmp_path / "policy") == 0
    assert "pip install multiref-gym[tensorboard]" in capsys.readouterr().out
    assert not list((tmp_path / "policy").glob("events.*"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ternary"], "--ternary needs --reward implicit, not true"),
        (["--decoder", "lexical"], "--decoder needs --reward implicit, not true"),
        (["--reward", "implicit", "--decoder", "none"], "unknown decoder 'none'"),
        (["--out", __file__], "cannot write to"),
    ],
)
def test_the_command_refuses_what_makes_no_sense(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.rglob(WEIGHTS))


def test_the_single_file_example_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "docs" / "examples"))
    example: Any = importlib.import_module("ppo_cleanrl")
    monkeypatch.setattr(example, "ENVS", 4)
    agent, successes = example.train("implicit", steps=4 * example.TURNS * 2, seed=0)
    assert len(successes) == 2
    assert all(0 <= success <= 1 for success in successes)
    assert all(weights.isfinite().all() for weights in agent.parameters())
