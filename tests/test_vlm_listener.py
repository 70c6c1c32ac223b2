"""A vision-language model as a listener: exact probabilities of legal actions, in any company, by any shortcut."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from acting import act
from hypothesis import given, settings
from PIL import Image
from rounding import LOG_PROB
from small_views import ELSEWHERE, FIGURES, MIDDLE, OPENING, TEN, VIEWS, views
from tiny_vlm import chat_form, configured, every_architecture, listener, tiny_vlm
from transformers import AutoModelForImageTextToText, AutoProcessor

from multiref_gym.agents.listeners.lm.listener import VlmListener
from multiref_gym.agents.listeners.lm.memory import Game, Key, key_of
from multiref_gym.agents.listeners.lm.reader import Reader
from multiref_gym.agents.listeners.lm.vision import IMAGE_SIZE
from multiref_gym.chat import chat_turns
from multiref_gym.errors import UserError
from multiref_gym.game import Action, check_action
from multiref_gym.listener import View
from multiref_gym.tangrams import Atlas


def scores(vlm: VlmListener, batch: Sequence[View], actions: Sequence[Action]) -> list[float]:
    with torch.inference_mode():
        return vlm.score(batch, actions).log_prob.tolist()


def actions_of(view: View) -> list[Action]:
    size = len(view.tangrams)
    return [Action.clicking([i for i in range(size) if number >> i & 1], view.selected) for number in range(1, 2**size)]


@every_architecture
def test_the_probabilities_of_all_actions_add_up_to_one(architecture: str) -> None:
    for view in VIEWS:
        found = listener(architecture).distribution(view)
        assert list(found) == actions_of(view)
        assert np.exp(list(found.values())).sum() == pytest.approx(1, abs=LOG_PROB)


@every_architecture
def test_what_is_sampled_has_the_probability_that_it_is_scored_with(architecture: str) -> None:
    vlm = listener(architecture)
    batch = VIEWS * 4
    decisions = act(vlm, batch, 0)
    together = scores(vlm, batch, [decision.action for decision in decisions])
    distributions = {view: vlm.distribution(view) for view in VIEWS}
    for view, decision, scored in zip(batch, decisions, together, strict=True):
        assert decision.text == str(decision.action)
        assert decision.log_prob == pytest.approx(scored, abs=LOG_PROB)
        assert decision.log_prob == pytest.approx(distributions[view][decision.action], abs=LOG_PROB)
        assert scores(vlm, [view], [decision.action]) == pytest.approx([scored], abs=LOG_PROB)


@every_architecture
def test_nobody_else_in_the_batch_matters(architecture: str) -> None:
    vlm = listener(architecture)
    seeds = np.random.SeedSequence(1).spawn(len(VIEWS))
    together = act(vlm, VIEWS, 1)
    for view, decision, seed in zip(VIEWS, together, seeds, strict=True):
        (alone,) = vlm.act([view], [np.random.default_rng(seed)])
        assert alone.action == decision.action
        assert alone.log_prob == pytest.approx(decision.log_prob, abs=LOG_PROB)


@every_architecture
def test_a_thousand_sampled_actions_are_legal(architecture: str) -> None:
    rng = np.random.default_rng(2)
    selections = [frozenset(np.flatnonzero(rng.random(10) < share).tolist()) for share in np.linspace(0, 1, 20)]
    batch = [replace(OPENING, selected=selected) for selected in selections] * 50
    decisions = act(listener(architecture), batch)
    assert len(decisions) == 1000
    for view, decision in zip(batch, decisions, strict=True):
        check_action(decision.action, view.selected)
        assert decision.action.clicks


@settings(max_examples=5, deadline=None)
@given(views())
def test_any_view_is_understood(view: View) -> None:
    (decision,) = act(listener(), [view], 0)
    check_action(decision.action, view.selected)
    assert decision.log_prob == pytest.approx(listener().distribution(view)[decision.action], abs=LOG_PROB)


def test_actions_are_sampled_as_often_as_they_are_probable() -> None:
    view = View(TEN[:4], (("the bird", Action(select=frozenset({1}))),), "the house", frozenset({1}))
    draws = 2_000
    count = Counter(decision.action for decision in act(listener(), [view] * draws, 0))
    probabilities = {action: np.exp(log_prob) for action, log_prob in listener().distribution(view).items()}
    assert len(probabilities) == 15
    assert max(probabilities.values()) > 1.5 / 15  # the test would be a weak one for a uniform distribution
    for action, probability in probabilities.items():
        error = (probability * (1 - probability) / draws) ** 0.5
        assert count[action] / draws == pytest.approx(probability, abs=4 * error)


@every_architecture
@pytest.mark.parametrize(
    "other",
    [
        replace(OPENING, utterance="the house with no chimneys"),
        replace(OPENING, tangrams=(*TEN[:9], FIGURES.ids[50])),
        replace(OPENING, tangrams=TEN[::-1]),
        replace(OPENING, dialogue=(("the fish", Action(select=frozenset({3}))), ("undo", Action.clicking([3], {3})))),
    ],
)
def test_words_tangrams_their_order_and_the_past_all_matter(architecture: str, other: View) -> None:
    actions = [Action(select=frozenset({i})) for i in range(10)]
    here, there = (torch.tensor(scores(listener(architecture), [view] * 10, actions)) for view in (OPENING, other))
    assert (here - there).abs().max() > 1e-3


@pytest.mark.parametrize("size", [1, 3, 12])
def test_contexts_may_have_other_sizes(size: int) -> None:
    view = View(FIGURES.ids[:size], (), "the bird", frozenset({0}))
    for decision in act(listener(), [view] * 20, 0):
        check_action(decision.action, view.selected, size)


def naive_inputs(architecture: str, batch: Sequence[View]) -> tuple[Any, Any, Any]:
    """Returns the model, its processor, and what the processor makes of whole prompts: no memory, no shortcuts."""
    folder = tiny_vlm(architecture)
    model, processor = AutoModelForImageTextToText.from_pretrained(folder), AutoProcessor.from_pretrained(folder)
    atlas, form = Atlas(FIGURES, IMAGE_SIZE), chat_form(architecture)
    images = [[Image.fromarray(image).convert("RGB") for image in atlas.silhouettes(v.tangrams)] for v in batch]
    texts = [processor.apply_chat_template(form.messages(v), add_generation_prompt=True) for v in batch]
    begins = architecture == "gemma3"  # its template begins with the token that the tokenizer would add
    inputs = processor(text=texts, images=images, padding=True, add_special_tokens=not begins, return_tensors="pt")
    return model.eval(), processor, inputs


def test_prompts_have_the_words_of_every_chat() -> None:
    dialogue = (("the house", Action(frozenset({0}))), ("no", Action()), ("undo", Action(deselect=frozenset({0}))))
    messages = chat_form().messages(View(FIGURES.ids[:10], dialogue, "the bird", frozenset()))
    first, *turns = chat_turns(dialogue, "the bird", frozenset())
    assert [message["role"] for message in messages] == ["user", "assistant"] * 3 + ["user"]
    assert [message["content"][-1]["text"] for message in messages] == [f"J\n{first}", *turns]


@every_architecture
def test_prompts_are_those_of_the_processor(architecture: str) -> None:
    _, processor, inputs = naive_inputs(architecture, VIEWS)
    form = chat_form(architecture)
    for tokens, view in zip(inputs["input_ids"].tolist(), VIEWS, strict=True):
        ours = [*form.opening(TEN).tokens, *form.dialogue(view)]
        assert tokens[-len(ours) :] == ours
        assert set(tokens[: -len(ours)]) <= {processor.tokenizer.pad_token_id}


@every_architecture
def test_the_likeliest_tokens_are_those_that_plain_generation_finds(architecture: str, tmp_path: Path) -> None:
    model, _, inputs = naive_inputs(architecture, VIEWS)
    width = inputs["input_ids"].shape[1]
    form = chat_form(architecture)
    tries = [form.trie(view.selected, 10) for view in VIEWS]

    def allowed(row: int, tokens: torch.Tensor) -> list[int]:
        node = 0
        for token in tokens[width:].tolist():
            if not tries[row].allowed(node):
                break
            node = tries[row].step(node, token)
        return list(tries[row].allowed(node)) or [form.pad]

    generated = model.generate(
        **inputs, do_sample=False, max_new_tokens=max(t.longest for t in tries), prefix_allowed_tokens_fn=allowed
    )
    greedy = VlmListener.load(FIGURES, configured(tmp_path, architecture, greedy=True))
    decisions = act(greedy, VIEWS, 0)
    for row, trie, decision in zip(generated[:, width:].tolist(), tries, decisions, strict=True):
        written = list(trie.answer(decision.action).tokens)
        assert row[: len(written)] == written
    again = act(greedy, VIEWS, 1)
    assert [decision.action for decision in decisions] == [decision.action for decision in again]


def next_turn(view: View, action: Action) -> View:
    selected = (view.selected - action.deselect) | action.select
    return View(view.tangrams, (*view.dialogue, (view.utterance, action)), "no, the house", selected)


@pytest.mark.parametrize(("architecture", "sizes"), [("idefics2", {}), ("llava", {}), ("gemma3", {"window": 2048})])
def test_what_is_kept_of_a_game_changes_nothing_but_how_much_is_read(architecture: str, sizes: dict[str, int]) -> None:
    def count(module: Any, inputs: Any, output: Any) -> None:
        read.append(output.last_hidden_state.shape[1])

    def fresh() -> VlmListener:
        return VlmListener.load(FIGURES, tiny_vlm(architecture, **sizes))

    def tokens(view: View) -> int:
        return len(form.dialogue(view))

    form = chat_form(architecture)
    keeping, whole, read = fresh(), fresh(), list[int]()
    whole._reader._counts_one_by_one = False
    for vlm in (keeping, whole):
        vlm.model.get_base_model().model.get_decoder().register_forward_hook(count)
    opening, before = len(form.opening(TEN).tokens), [0, 0]
    batch = [MIDDLE, ELSEWHERE]
    for turn in range(3):
        read.clear()
        kept = act(keeping, batch, turn)
        new = max(tokens(view) - known for view, known in zip(batch, before, strict=True))
        assert read[: 2 if turn == 0 else 1] == ([opening, new] if turn == 0 else [new])
        read.clear()
        all_read = act(whole, batch, turn)
        assert read[0] == opening + max(map(tokens, batch))
        for others in (all_read, act(fresh(), batch, turn)):
            for decision, other in zip(kept, others, strict=True):
                assert decision.action == other.action
                assert decision.log_prob == pytest.approx(other.log_prob, abs=LOG_PROB)
        before = [*map(tokens, batch)]
        batch = [next_turn(view, decision.action) for view, decision in zip(batch, kept, strict=True)]


def test_another_game_with_the_same_tangrams_or_the_same_name_is_another_game() -> None:
    vlm = VlmListener.load(FIGURES, tiny_vlm("idefics2"))
    other, no_name = replace(MIDDLE, utterance="good, the bird", game_id="other"), replace(MIDDLE, utterance="ok")
    for view in (OPENING, MIDDLE, other, no_name, replace(no_name, tangrams=ELSEWHERE.tangrams), OPENING):
        (decision,), (alone,) = (
            act(vlm, [view]),
            act(VlmListener.load(FIGURES, tiny_vlm("idefics2")), [view]),
        )
        assert decision.action == alone.action
        assert decision.log_prob == pytest.approx(alone.log_prob, abs=LOG_PROB)


def test_nothing_is_kept_where_a_layer_sees_fewer_tokens_than_there_are() -> None:
    vlm = listener("gemma3", window=32)
    act(vlm, VIEWS, 0)
    assert not vlm._reader._games


def test_a_game_that_waits_is_kept_while_others_are_played(tmp_path: Path) -> None:
    vlm = VlmListener.load(FIGURES, tiny_vlm("llava"))
    act(vlm, VIEWS, 0)
    act(vlm, [ELSEWHERE], 0)
    assert {key_of(OPENING), key_of(ELSEWHERE)} <= vlm._reader._games.keys()


def test_games_that_are_not_played_now_make_room(tmp_path: Path) -> None:
    def kept(room: float, *calls: list[View]) -> dict[Key, Game]:
        vlm = VlmListener.load(FIGURES, configured(tmp_path, "llava", kept_gib=room / 2**30))
        for together in calls:
            act(vlm, together, 0)
        return vlm._reader._games

    room = max(game.bytes for game in kept(2**30, VIEWS).values())
    assert key_of(ELSEWHERE) in kept(room, [OPENING], [ELSEWHERE])
    assert key_of(OPENING) not in kept(room, [OPENING], [ELSEWHERE])


def test_no_more_games_are_kept_than_there_is_room_for(tmp_path: Path) -> None:
    def kept(room: float) -> list[int]:
        vlm = VlmListener.load(FIGURES, configured(tmp_path, "llava", kept_gib=room / 2**30))
        act(vlm, VIEWS, 0)
        return [game.bytes for game in vlm._reader._kept_of([key_of(OPENING), key_of(ELSEWHERE)]).values()]

    both = kept(2**30)
    assert len(both) == 2
    assert kept(0) == []
    assert len(kept(max(both))) == 1
    assert sorted(kept(sum(both))) == sorted(both)


def test_each_tangram_is_looked_at_once() -> None:
    vlm = VlmListener.load(FIGURES, tiny_vlm("llava"))
    looked: list[int] = []
    tower = vlm.model.get_base_model().model.vision_tower
    tower.register_forward_hook(lambda module, inputs, output: looked.append(len(output.last_hidden_state)))
    act(vlm, [OPENING, MIDDLE, replace(OPENING, tangrams=FIGURES.ids[5:15])], 0)
    assert sum(looked) == 15
    scores(vlm, [OPENING, OPENING], actions_of(OPENING)[:2])
    assert sum(looked) == 15


def test_the_same_seed_decides_the_same_and_the_global_generator_stays_as_it_was() -> None:
    state = torch.get_rng_state()
    batch = VIEWS * 5
    fresh = (VlmListener.load(FIGURES, tiny_vlm("idefics2")) for _ in range(3))
    first, again, other = (act(vlm, batch, s) for vlm, s in zip(fresh, (1, 1, 2), strict=True))
    assert first == again != other
    assert torch.equal(torch.get_rng_state(), state)


@every_architecture
@pytest.mark.parametrize(
    "utterance", ["", "?!", "日本の鳥", "\x00", "<image>", "<end_of_utterance>", "<start_of_image>"]
)
def test_any_words_are_heard_and_none_is_taken_for_an_image(architecture: str, utterance: str) -> None:
    (decision,) = act(listener(architecture), [replace(OPENING, utterance=utterance)], 0)
    assert np.isfinite(decision.log_prob)


def test_the_empty_action_has_no_probability() -> None:
    with pytest.raises(ValueError, match="empty action"):
        listener().score([OPENING, MIDDLE], [Action(select=frozenset({0})), Action()])


def test_a_step_is_a_choice() -> None:
    actions = [Action(select=frozenset({3})), Action(frozenset({1, 9}), frozenset({2}))]
    found = listener().score([OPENING, MIDDLE], actions)
    # A letter and whether another one follows; whether to deselect, whether there is more, two letters, none after J.
    assert found.steps.tolist() == [2, 4]
    assert (found.mean_log_prob < 0).all()


def test_a_dialogue_that_is_too_long_is_refused() -> None:
    vlm = listener(length=120)
    act(vlm, [OPENING], 0)
    long = replace(OPENING, utterance="the bird " * 30)
    with pytest.raises(UserError, match=r"takes \d+ tokens, and .* reads 120 at most"):
        act(vlm, [long], 0)
    with pytest.raises(UserError, match="reads 120 at most"):
        vlm.score([long], [Action(select=frozenset({0}))])


def test_a_batch_too_large_for_the_memory_is_halved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def scarce(reader: Reader, batch: Sequence[View], *rest: Any) -> Any:
        if len(batch) > room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return read(reader, batch, *rest)

    vlm = VlmListener.load(FIGURES, tiny_vlm("idefics2"))
    read, room = Reader.read, 16
    expected = [decision.action for decision in act(vlm, VIEWS * 11, 0)]
    monkeypatch.setattr(Reader, "read", scarce)
    with pytest.warns(UserWarning, match="out of memory with 32 views at once in play: from now on 16"):
        decisions = act(vlm, VIEWS * 11, 0)
    assert [decision.action for decision in decisions] == expected
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "out of memory")
        act(vlm, VIEWS * 11, 0)
    room = 8
    with pytest.raises(UserError, match="out of memory with 16 views"):
        act(vlm, VIEWS * 11, 0)
