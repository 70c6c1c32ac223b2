"""The small listener: an exact distribution over legal actions, whoever else is in the batch, saved and loaded."""

from __future__ import annotations

import inspect
import math
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
import peft
import pytest
import torch
from acting import act
from hypothesis import given, settings
from hypothesis import strategies as st
from rounding import LOG_PROB
from safetensors.torch import load_file, save_file
from small_views import FIGURES, MIDDLE, OPENING, TEN, TINY, VIEWS, tiny_small_listener, views

from multiref_gym.agents.learning.learn import Example, Optimisation, learn
from multiref_gym.agents.learning.objectives import Sup
from multiref_gym.agents.listeners.baselines import RandomListener
from multiref_gym.agents.listeners.small import halves
from multiref_gym.agents.listeners.small.listener import CHECKPOINT, DECIMALS, SmallListener, new_model
from multiref_gym.agents.listeners.small.model import Attention, FeedForward, SmallConfig, SmallModel
from multiref_gym.agents.listeners.small.pretrain import literal_success
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.game import Action, check_action
from multiref_gym.listener import Decision, View

LISTENER = tiny_small_listener()
SILENT = View(TEN, (), "", frozenset())


def all_actions(view: View) -> list[Action]:
    """Returns every non-empty action, in the order of the model's outputs."""
    size = len(view.tangrams)
    return [Action.clicking([i for i in range(size) if number >> i & 1], view.selected) for number in range(1, 2**size)]


def distribution(listener: SmallListener, view: View) -> torch.Tensor:
    """Returns the log-probability of every action, by scoring them one by one as a learner would."""
    actions = all_actions(view)
    with torch.inference_mode():
        return listener.score([view] * len(actions), actions).log_prob


@settings(max_examples=10, deadline=None)
@given(views())
def test_the_probabilities_of_all_actions_add_up_to_one(view: View) -> None:
    log_probs = distribution(LISTENER, view)
    assert len(log_probs) == 1023
    assert log_probs.double().exp().sum().item() == pytest.approx(1, abs=LOG_PROB)


@settings(max_examples=10, deadline=None)
@given(st.lists(views(), min_size=1, max_size=5), st.integers(0, 9))
def test_decisions_are_legal_and_say_their_own_probability(batch: list[View], seed: int) -> None:
    decisions = act(LISTENER, batch, seed)
    rounded = LOG_PROB + 0.5 / 10**DECIMALS
    for view, decision in zip(batch, decisions, strict=True):
        check_action(decision.action, view.selected)
        assert decision.action.clicks
        assert decision.text == str(decision.action)
        number = sum(1 << position for position in decision.action.clicks) - 1
        alone = distribution(LISTENER, view)  # nobody else's words pad the batch
        assert decision.log_prob == pytest.approx(alone[number].item(), abs=rounded)


@settings(max_examples=10, deadline=None)
@given(st.lists(views(), min_size=2, max_size=5))
def test_nobody_else_in_the_batch_matters(batch: list[View]) -> None:
    with torch.inference_mode():
        together = LISTENER.model(LISTENER.collate(batch))
        alone = torch.cat([LISTENER.model(LISTENER.collate([view])) for view in batch])
    torch.testing.assert_close(together, alone, atol=LOG_PROB, rtol=0)


def test_actions_are_sampled_as_often_as_they_are_probable() -> None:
    view = View(TEN[:4], (("the bird", Action(select=frozenset({1}))),), "the house", frozenset({1}))
    draws = 20_000
    decisions = act(LISTENER, [view] * draws, 0)
    count = Counter(decision.action for decision in decisions)
    probabilities = distribution(LISTENER, view).exp().tolist()
    assert max(probabilities) > 1.5 / 15  # the test would be a weak one for a uniform distribution
    for action, probability in zip(all_actions(view), probabilities, strict=True):
        error = (probability * (1 - probability) / draws) ** 0.5
        assert count[action] / draws == pytest.approx(probability, abs=4 * error)


def test_dropout_is_in_the_feed_forward_networks_alone() -> None:
    config = SmallConfig(**{**TINY, "dropout": 0.5})
    tokens = torch.linspace(-1, 1, 5 * config.width).reshape(1, 5, config.width)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        attention, feed_forward = Attention(config).train(), FeedForward(config).train()
        assert torch.equal(attention(tokens), attention(tokens))
        assert not torch.equal(feed_forward(tokens), feed_forward(tokens))


@settings(max_examples=10, deadline=None)
@given(views(), st.permutations(range(10)), st.sets(st.integers(0, 9), min_size=1))
def test_letters_mean_nothing(view: View, order: list[int], clicks: set[int]) -> None:
    def moved(positions: set[int] | frozenset[int]) -> frozenset[int]:
        return frozenset(order.index(position) for position in positions)

    def moved_action(action: Action) -> Action:
        return Action(moved(action.select), moved(action.deselect))

    shuffled = View(
        tuple(view.tangrams[i] for i in order),
        tuple((said, moved_action(action)) for said, action in view.dialogue),
        view.utterance,
        moved(view.selected),
    )
    action = Action.clicking(clicks, view.selected)
    with torch.inference_mode():
        here = LISTENER.score([view], [action]).log_prob
        there = LISTENER.score([shuffled], [moved_action(action)]).log_prob
    assert here.item() == pytest.approx(there.item(), abs=LOG_PROB)


@pytest.mark.parametrize(
    "other",
    [
        replace(OPENING, utterance="the house with no chimneys"),
        replace(OPENING, tangrams=FIGURES.ids[10:20]),
        replace(OPENING, selected=frozenset({0})),
        replace(OPENING, dialogue=(("the fish", Action(select=frozenset({3}))), ("undo", Action.clicking([3], {3})))),
    ],
)
def test_words_tangrams_selection_and_past_all_matter(other: View) -> None:
    with torch.inference_mode():
        first, second = LISTENER.model(LISTENER.collate([OPENING, other])).exp()
    assert (first - second).abs().sum() > 0.001


def test_words_beyond_the_longest_utterance_are_not_read() -> None:
    words = ["a", "bird", "with", "its", "tail", "up"]
    most = LISTENER.model.config.max_words
    short, long = (replace(OPENING, utterance=" ".join(said)) for said in (words[:most], words * 50))
    torch.testing.assert_close(distribution(LISTENER, long), distribution(LISTENER, short), atol=LOG_PROB, rtol=0)


@pytest.mark.parametrize("utterance", ["", "   ", "?!", "qxqxqx zzyzx", "日本の鳥", "e" * 500, "\x00"])
def test_any_words_are_heard(utterance: str) -> None:
    (decision,) = act(LISTENER, [replace(OPENING, utterance=utterance)], 0)
    assert np.isfinite(decision.log_prob)


@pytest.mark.parametrize("size", [1, 3, 12])
def test_contexts_may_have_other_sizes(size: int) -> None:
    view = View(FIGURES.ids[:size], (), "the bird", frozenset({0}))
    decisions = act(LISTENER, [view] * 20, 0)
    for decision in decisions:
        check_action(decision.action, view.selected, size)
    assert distribution(LISTENER, view).exp().sum().item() == pytest.approx(1, abs=LOG_PROB)


def test_the_empty_action_has_no_probability() -> None:
    with pytest.raises(ValueError, match="empty action"):
        LISTENER.score([OPENING, MIDDLE], [Action(select=frozenset({0})), Action()])


def test_the_same_seed_decides_the_same() -> None:
    batch = [OPENING, MIDDLE, SILENT] * 5
    first, again, other = (act(LISTENER, batch, seed) for seed in (1, 1, 2))
    assert first == again != other


def test_a_new_model_is_its_seed_s_and_leaves_the_global_generator_alone() -> None:
    state = torch.get_rng_state()
    first, again, other = (new_model(SmallConfig(**TINY), seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["click_head.weight"], other["click_head.weight"])
    assert all(weights.isfinite().all() for weights in first.values())


def test_a_saved_policy_is_the_same_policy(tmp_path: Path) -> None:
    LISTENER.save(tmp_path / "policy")
    assert {path.name for path in (tmp_path / "policy").iterdir()} == {"config.json", "model.safetensors"}
    loaded, again = (SmallListener.load(FIGURES, tmp_path / "policy") for _ in range(2))
    weights = LISTENER.model.state_dict()
    assert all(torch.equal(weights[name], saved) for name, saved in loaded.model.state_dict().items())
    # Weights that are read from a file lie elsewhere in memory, and so may be added up in another order.
    torch.testing.assert_close(distribution(loaded, MIDDLE), distribution(LISTENER, MIDDLE), atol=LOG_PROB, rtol=0)
    assert torch.equal(distribution(loaded, MIDDLE), distribution(again, MIDDLE))


def test_a_folder_without_a_checkpoint_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(tmp_path)):
        SmallListener.load(FIGURES, tmp_path)


def changed(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    """Returns what changes the weights in a folder."""

    def damage(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        change(weights)
        save_file(weights, folder / "model.safetensors", {"format": "pt"})

    return damage


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "bert"}'), "its config.json is of 'bert'"),
        (lambda folder: (folder / "config.json").write_text('{"policy": {}}'), "its config.json is of None"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json: not JSON"),
        (lambda folder: os.truncate(folder / "model.safetensors", 10_000), "model.safetensors is broken"),
        (changed(lambda weights: weights.pop("board")), "board is missing there, and should be"),
        (changed(lambda weights: weights.update(more=torch.ones(2))), r"more is \[2\] there, and should be unknown"),
        (changed(lambda weights: weights.update(board=torch.ones(3))), r"board is \[3\] there, and should be"),
        (changed(lambda weights: weights["board"].fill_(math.nan)), "board has a number that is not finite"),
        (changed(lambda weights: weights.update(board=weights["board"].long())), "board is .* of torch.int64 there"),
    ],
)
def test_what_is_no_whole_policy_of_its_own_is_refused_in_one_line(
    damage: Callable[[Path], object], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    LISTENER.save(tmp_path)
    damage(tmp_path)
    capsys.readouterr()
    with pytest.raises((UserError, FileNotFoundError), match=complaint) as refused:
        SmallListener.load(FIGURES, tmp_path)
    assert str(tmp_path) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert capsys.readouterr().err == ""


def test_each_tangram_is_looked_at_once_by_all_listeners_with_the_same_vision() -> None:
    looked: list[int] = []

    def tiny(seed: int) -> SmallListener:
        listener = SmallListener(new_model(SmallConfig(**TINY), seed), figures)
        listener.model.vision.register_forward_hook(lambda module, images, features: looked.append(len(features)))
        return listener

    figures = FIGURES.split("dev")  # which no other test looks at
    opening = replace(OPENING, tangrams=figures.ids[:10])
    act(tiny(8), [opening, replace(MIDDLE, tangrams=figures.ids[:10])])
    assert sum(looked) == 10
    act(tiny(8), [replace(OPENING, tangrams=figures.ids[5:15])])
    assert sum(looked) == 15
    act(tiny(9), [opening])
    assert sum(looked) == 25


def test_learning_after_playing_leaves_the_vision_as_it_was() -> None:
    listener = tiny_small_listener()
    before = {name: weights.clone() for name, weights in listener.model.state_dict().items()}
    (decision,) = act(listener, [OPENING], 0)
    learn(listener, [Example(OPENING, decision.action, Feedback.POSITIVE)], Sup(), Optimisation(epochs=2), seed=0)
    after = listener.model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {"pieces.weight", "word_query.weight", "click_head.weight", "board"} <= changed
    assert not any(name.startswith("vision.") for name in changed)
    assert not any(weights.requires_grad for weights in listener.model.vision.parameters())


def test_adapters_can_be_learned_in_place_of_the_weights() -> None:
    listener = tiny_small_listener()
    before = {name: weights.clone() for name, weights in listener.model.state_dict().items()}
    base = distribution(listener, OPENING)
    lora = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        adapted = peft.get_peft_model(listener.model, lora)
    learner = SmallListener(cast(SmallModel, adapted), FIGURES)
    torch.testing.assert_close(
        distribution(learner, OPENING), base, atol=LOG_PROB, rtol=0
    )  # an adapter begins as no change

    wanted = Example(OPENING, Action(select=frozenset({3})), Feedback.POSITIVE)
    learn(learner, [wanted], Sup(), Optimisation(epochs=20, learning_rate=1e-2), seed=0)
    adapters = {name for name, weights in adapted.named_parameters() if weights.requires_grad}
    assert adapters
    assert all("lora_" in name for name in adapters)
    assert distribution(learner, OPENING)[7] > base[7] + 0.1  # action number 2**3 - 1 clicks position 3
    with adapted.disable_adapter():
        torch.testing.assert_close(distribution(learner, OPENING), base, atol=LOG_PROB, rtol=0)
    adapted.unload()
    assert all(torch.equal(before[name], weights) for name, weights in listener.model.state_dict().items())


def test_the_listener_is_small() -> None:
    model = new_model(SmallConfig(), 0)
    assert sum(weights.numel() for weights in model.parameters()) < 3_000_000


@cache
def base() -> SmallListener:
    return SmallListener.load(FIGURES)


def test_the_base_ships_in_files_without_code() -> None:
    names = {"SHA256SUMS", "config.json", "model.safetensors", "scores.json"}
    assert {path.name for path in CHECKPOINT.iterdir()} == names
    assert sum(path.stat().st_size for path in CHECKPOINT.iterdir()) < 10_000_000
    assert sum(weights.numel() for weights in base().model.parameters()) < 3_000_000


def test_the_base_is_the_network_as_it_is_now() -> None:
    saved, now = base().model.config.to_dict(), SmallConfig().to_dict()
    sizes = inspect.get_annotations(SmallConfig)
    assert "dropout" in sizes
    assert {name: saved[name] for name in sizes} == {name: now[name] for name in sizes}


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_base_understands_plain_words(split: str) -> None:
    tangrams = FIGURES.split("train" if split == "train" else "test")
    assert literal_success(base(), tangrams, games=40, seed=3) >= 0.6
    assert literal_success(RandomListener(), tangrams, games=40, seed=3) <= 0.1


def test_one_thread_learns_and_plays_what_two_do(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = [Example(view, Action.clicking([3], view.selected), Feedback.POSITIVE) for view in VIEWS * 4]

    def outcome() -> tuple[dict[str, torch.Tensor], list[Decision]]:
        listener = tiny_small_listener()
        learn(listener, examples, Sup(), Optimisation(epochs=2, batch=5), seed=0)
        return listener.model.state_dict(), act(listener, VIEWS * 4, 0)

    weights, decisions = outcome()
    with ThreadPoolExecutor(1) as thread:
        monkeypatch.setattr(halves, "THREADS", thread)
        of_one, decisions_of_one = outcome()
    assert all(torch.equal(weights[name], of_one[name]) for name in weights)
    assert decisions == decisions_of_one
