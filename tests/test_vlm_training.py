"""Training a vision-language model: what is adapted, what stays, and what a saved policy is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from acting import act
from rounding import LOG_PROB, assert_same_gradients
from small_views import FIGURES, MIDDLE, VIEWS
from tiny_vlm import configured, every_architecture, randomise_adapters, tiny_vlm

from multiref_gym.agents.learning.learn import Example, Optimisation, Scores, learn
from multiref_gym.agents.learning.objectives import Sup
from multiref_gym.agents.listeners.lm.listener import VlmListener
from multiref_gym.agents.listeners.lm.reader import Passage, Reader
from multiref_gym.agents.listeners.lm.vision import Vision
from multiref_gym.feedback import Feedback
from multiref_gym.game import Action

ACTIONS = [Action(select=frozenset({3})), Action(frozenset({5}), frozenset({2})), Action(frozenset({0, 7}))]
EXAMPLES = [Example(view, action, Feedback.POSITIVE) for view, action in zip(VIEWS, ACTIONS, strict=True)]
SOME_STEPS = Optimisation(epochs=8, batch=3, learning_rate=2e-2)
VISION = {"idefics2": "vision_model", "llava": "vision_tower", "gemma3": "vision_tower"}
CONNECTOR = {"idefics2": ".connector.", "llava": ".multi_modal_projector."}


def scores(listener: VlmListener) -> torch.Tensor:
    with torch.inference_mode():
        return listener.score(VIEWS, ACTIONS).log_prob


def trained(architecture: str = "idefics2", seed: int = 0, path: Path | None = None) -> VlmListener:
    listener = VlmListener.load(FIGURES, path or tiny_vlm(architecture))
    learn(listener, EXAMPLES, Sup(), SOME_STEPS, seed)
    return listener


def gradients_of(listener: VlmListener) -> dict[str, torch.Tensor]:
    """Returns the gradients of a loss in which all scores count, away from where the adapters are zero."""
    randomise_adapters(listener.model)
    trained = {name: values for name, values in listener.model.named_parameters() if values.requires_grad}
    listener.model.train()
    found = listener.score(VIEWS, ACTIONS)
    (found.log_prob * torch.tensor([1.0, 2.0, -1.0]) + found.mean_log_prob).sum().backward()
    assert all(values.grad is not None for values in trained.values())
    return {name: values.grad for name, values in trained.items() if values.grad is not None}


def weights(listener: VlmListener) -> dict[str, torch.Tensor]:
    return {name: values.detach().clone() for name, values in listener.model.named_parameters()}


@every_architecture
def test_what_was_good_becomes_likely_and_the_base_stays_as_it_was(architecture: str) -> None:
    fresh = VlmListener.load(FIGURES, tiny_vlm(architecture))
    before, base = scores(fresh), weights(fresh)
    listener = trained(architecture)
    assert scores(listener).mean() > before.mean() + 1
    assert not listener.model.training
    after = weights(listener)
    changed = {name for name in base if not torch.equal(base[name], after[name])}
    assert changed
    assert all(".lora_" in name for name in changed)
    assert not any(VISION[architecture] in name for name in changed)
    assert architecture not in CONNECTOR or any(CONNECTOR[architecture] in name for name in changed)
    torch.testing.assert_close(scores(fresh), before, atol=0, rtol=0)


def test_without_its_adapter_a_policy_is_the_base() -> None:
    listener = trained()
    base = scores(VlmListener.load(FIGURES, tiny_vlm("idefics2")))
    learned = scores(listener)
    acted = act(listener, VIEWS)
    with listener.model.disable_adapter():
        torch.testing.assert_close(scores(listener), base, atol=LOG_PROB, rtol=0)
        as_base = act(listener, VIEWS, 0)
    base_acted = act(VlmListener.load(FIGURES, tiny_vlm("idefics2")), VIEWS, 0)
    assert [decision.action for decision in as_base] == [decision.action for decision in base_acted]
    assert [d.log_prob for d in as_base] == pytest.approx([d.log_prob for d in base_acted], abs=LOG_PROB)
    assert [d.log_prob for d in as_base] != pytest.approx([d.log_prob for d in acted], abs=1e-2)
    torch.testing.assert_close(scores(listener), learned, atol=LOG_PROB, rtol=0)
    assert act(listener, VIEWS, 0) == acted


@pytest.mark.parametrize("settings", [{}, {"dora": True}, {"rank": 2, "alpha": 4}])
def test_a_saved_policy_is_the_same_policy(tmp_path: Path, settings: dict[str, object]) -> None:
    listener = trained(path=configured(tmp_path, **settings))
    listener.save(tmp_path / "policy")
    assert not list((tmp_path / "policy").glob("*.bin"))
    assert (tmp_path / "policy" / "adapter_model.safetensors").stat().st_size < 100_000  # the base is not in it
    again = VlmListener.load(FIGURES, tmp_path / "policy")
    assert all(torch.equal(values, weights(again)[name]) for name, values in weights(listener).items())
    torch.testing.assert_close(scores(again), scores(listener), atol=LOG_PROB, rtol=0)
    assert {n for n, p in again.model.named_parameters() if p.requires_grad} == {
        n for n, p in listener.model.named_parameters() if p.requires_grad
    }
    learn(again, EXAMPLES, Sup(), SOME_STEPS, seed=1)
    assert not torch.equal(scores(again), scores(listener))


def test_dora_begins_as_the_base_and_learns_lengths(tmp_path: Path) -> None:
    base = scores(VlmListener.load(FIGURES, tiny_vlm("idefics2")))
    dora = VlmListener.load(FIGURES, configured(tmp_path, dora=True))
    torch.testing.assert_close(scores(dora), base, atol=LOG_PROB, rtol=0)
    assert any("magnitude" in name and values.requires_grad for name, values in dora.model.named_parameters())


def test_all_policies_share_the_frozen_weights_and_none_an_adapter() -> None:
    first, second = (VlmListener.load(FIGURES, tiny_vlm("llava")) for _ in range(2))
    for (name, one), (_, other) in zip(first.model.named_parameters(), second.model.named_parameters(), strict=True):
        assert (one is other) == (".lora_" not in name)
        assert torch.equal(one, other)  # a fresh adapter is always the same


def test_the_same_seed_learns_the_same_and_another_one_does_not() -> None:
    first, again, other = (weights(trained(seed=seed)) for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_what_was_read_before_learning_is_not_used_after_it(tmp_path: Path) -> None:
    listener = VlmListener.load(FIGURES, tiny_vlm("idefics2"))
    before = act(listener, VIEWS, 0)
    scores(listener)
    learn(listener, EXAMPLES, Sup(), SOME_STEPS, seed=0)
    listener.save(tmp_path)
    fresh = VlmListener.load(FIGURES, tmp_path)
    after, anew = (act(each, VIEWS, 0) for each in (listener, fresh))
    assert after != before
    assert [decision.action for decision in after] == [decision.action for decision in anew]
    assert [d.log_prob for d in after] == pytest.approx([d.log_prob for d in anew], abs=LOG_PROB)


def test_a_batch_in_parts_has_the_gradient_of_the_whole(tmp_path: Path) -> None:
    gradients = []
    for at_once in (1, 3):
        listener = VlmListener.load(FIGURES, configured(tmp_path, trained_at_once=at_once, dropout=0.0))
        gradients.append(gradients_of(listener))
    assert_same_gradients(*gradients)


def test_a_batch_of_training_too_large_for_the_memory_is_halved_before_gradients_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def scarce(reader: Reader, texts: list[Passage], *rest: Any) -> Any:
        read.append(len(texts))
        held = torch._C._autograd._top_saved_tensors_default_hooks(True) is None  # type: ignore[attr-defined]
        if held and len(texts) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return read_passages(reader, texts, *rest)

    listener, read = VlmListener.load(FIGURES, configured(tmp_path, trained_at_once=4, dropout=0.0)), list[int]()
    read_passages = Reader.read_passages
    views = [replace(view, utterance=f"{view.utterance} {number}") for number in range(4) for view in VIEWS]
    expected = listener.score(views[:9], ACTIONS * 3).log_prob.detach()
    monkeypatch.setattr(Reader, "read_passages", scarce)
    with pytest.warns(UserWarning, match="out of memory with 4 views at once in training: from now on 2"):
        found = listener.score(views, ACTIONS * 4).log_prob
    torch.testing.assert_close(found[:9].detach(), expected, atol=LOG_PROB, rtol=0)
    assert read == [4, 4, 4, *[2] * 6]
    read.clear()
    found.sum().backward()
    assert read == [2] * 5, "all but the last are read again"


def test_where_the_text_alone_learns_what_was_seen_in_play_is_learned_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured(tmp_path, layers=r".*text_model.*_proj", dropout=0.0)
    played, fresh = VlmListener.load(FIGURES, tmp_path), VlmListener.load(FIGURES, tmp_path)
    act(played, VIEWS, 0)
    with monkeypatch.context() as unable:
        unable.setattr(Vision, "_look", lambda self, names: pytest.fail("looked again"))
        learn(played, EXAMPLES, Sup(), SOME_STEPS, seed=0)
        played.model.zero_grad()
        gradients = gradients_of(played)
    assert_same_gradients(gradients, gradients_of(fresh))


def test_training_reads_as_play_does() -> None:
    listener = VlmListener.load(FIGURES, tiny_vlm("gemma3"))
    with_gradients: Scores = listener.score(VIEWS, ACTIONS)
    assert with_gradients.log_prob.requires_grad
    torch.testing.assert_close(with_gradients.log_prob.detach(), scores(listener), atol=LOG_PROB, rtol=0)
    distribution = listener.distribution(MIDDLE)
    assert with_gradients.log_prob[1].item() == pytest.approx(distribution[ACTIONS[1]], abs=LOG_PROB)
