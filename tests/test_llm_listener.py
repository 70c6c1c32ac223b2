"""A language model that reads the tangrams in words: exact probabilities, by any shortcut, and what it learns."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from acting import act, games_of
from human_like import write_kilogram
from rounding import LOG_PROB, assert_same_gradients
from small_views import FIGURES, MIDDLE, OPENING, TEN, VIEWS
from tiny_llm import ARCHITECTURES, configured, listener, tiny_llm
from tiny_vlm import configured as configured_vlm
from tiny_vlm import randomise_adapters
from transformers import AutoModelForCausalLM, AutoTokenizer, MambaConfig, MambaForCausalLM

from multiref_gym import cli
from multiref_gym.agents.learning.learn import Example, Optimisation, learn
from multiref_gym.agents.learning.objectives import Sup
from multiref_gym.agents.listeners.lm.listener import LlmListener, VlmListener, WritingListener
from multiref_gym.agents.listeners.lm.reader import Reader
from multiref_gym.agents.play import play
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.game import Action, check_action
from multiref_gym.interaction import Interaction
from multiref_gym.listener import View
from multiref_gym.messages import Messages
from multiref_gym.tangrams import Atlas, TangramError, load_tangrams

every_architecture = pytest.mark.parametrize("architecture", ARCHITECTURES)


def scores(llm: WritingListener, batch: Sequence[View], actions: Sequence[Action]) -> torch.Tensor:
    with torch.inference_mode():
        return llm.score(batch, actions).log_prob


def games(count: int = 2) -> list[Interaction]:
    return play(listener(), games_of(FIGURES, count))


def prompt(llm: LlmListener, view: View) -> str:
    form = llm._form
    return str(form._words.decode([*form.opening(view.tangrams).tokens, *form.dialogue(view)]))


@every_architecture
def test_what_is_sampled_is_legal_and_has_the_probability_that_it_is_scored_with(architecture: str) -> None:
    llm = listener(architecture)
    decisions = act(llm, VIEWS * 2, 0)
    together = scores(llm, VIEWS * 2, [decision.action for decision in decisions])
    for view, decision, scored in zip(VIEWS * 2, decisions, together.tolist(), strict=True):
        check_action(decision.action, view.selected)
        assert decision.log_prob == pytest.approx(scored, abs=LOG_PROB)


@every_architecture
def test_the_probabilities_of_all_actions_add_up_to_one(architecture: str) -> None:
    view = View(TEN[:5], (("the bird", Action(frozenset({1}))),), "the house", frozenset({1}))
    distribution = listener(architecture).distribution(view)
    assert len(distribution) == 31
    assert np.exp(list(distribution.values())).sum() == pytest.approx(1, abs=LOG_PROB)
    [decision] = act(listener(architecture), [view], 0)
    assert decision.log_prob == pytest.approx(distribution[decision.action], abs=LOG_PROB)


@every_architecture
def test_the_likeliest_tokens_are_those_that_plain_generation_finds(architecture: str, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_llm(architecture)).eval()
    greedy = LlmListener.load(FIGURES, configured(tmp_path, architecture, greedy=True))
    form = greedy._form
    for view, decision in zip(VIEWS, act(greedy, VIEWS, 0), strict=True):
        trie, tokens = form.trie(view.selected, 10), [*form.opening(view.tangrams).tokens, *form.dialogue(view)]

        def allowed(_: int, read: torch.Tensor, start: int = len(tokens), trie: Any = trie) -> list[int]:
            node = trie.START
            for token in read[start:].tolist():
                node = trie.step(node, token)
            return list(trie.allowed(node))

        generated = model.generate(
            torch.tensor([tokens]),
            do_sample=False,
            max_new_tokens=trie.longest,
            prefix_allowed_tokens_fn=allowed,
            eos_token_id=form.end,
            pad_token_id=form.pad,
        )
        assert tuple(generated[0, len(tokens) :].tolist()) == trie.answer(decision.action).tokens


@every_architecture
def test_what_was_read_before_is_as_good_as_reading_anew(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read, run = list[int](), Reader._run

    def counted(reader: Reader, before: Any, tokens: Any, *rest: Any, **shown: Any) -> Any:
        read.append(tokens.shape[1])
        return run(reader, before, tokens, *rest, **shown)

    monkeypatch.setattr(Reader, "_run", counted)
    keeping = LlmListener.load(FIGURES, tiny_llm(architecture))
    for turn, together in enumerate(zip(*(game.views()[:3] for game in games()), strict=True)):
        read.clear()
        kept = act(keeping, together, turn)
        if turn and architecture != "windowed":
            assert read[0] < 60, "what is new of the game alone is read"
        anew = act(LlmListener.load(FIGURES, tiny_llm(architecture)), together, turn)
        assert [decision.action for decision in kept] == [decision.action for decision in anew]
        assert [d.log_prob for d in kept] == pytest.approx([d.log_prob for d in anew], abs=LOG_PROB)


@pytest.mark.parametrize("kind", ["llama", "windowed", "gpt2", "idefics2"])
def test_a_game_is_learned_from_in_one_go_as_turn_by_turn(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded() -> WritingListener:
        vlm = kind == "idefics2"
        folder = (configured_vlm if vlm else configured)(tmp_path, kind, dropout=0.0)
        policy = (VlmListener if vlm else LlmListener).load(FIGURES, folder)
        randomise_adapters(policy.model)
        return policy

    def counted(reader: Reader, texts: Any, *rest: Any) -> Any:
        read.extend(len(text.answers) for text in texts)
        return read_passages(reader, texts, *rest)

    read, read_passages = list[int](), Reader.read_passages
    monkeypatch.setattr(Reader, "read_passages", counted)
    played = games()
    views = [view for game in played for view in game.views()[:4]]
    actions = [turn.action for game in played for turn in game.turns[:4]]
    other = Action.clicking([0, 9], views[1].selected)
    views, actions = [views[1], *views], [other, *actions]  # what was not done stands in no later turn
    together, one_by_one = loaded(), loaded()
    found = together.score(views, actions)
    assert sorted(read) == [1, 4, 4]
    expected = [one_by_one.score([view], [action]) for view, action in zip(views, actions, strict=True)]
    for part, alone in zip(found, zip(*expected, strict=True), strict=True):
        torch.testing.assert_close(part, torch.cat(alone), atol=LOG_PROB, rtol=0)
    weights = torch.linspace(-1, 2, 9)
    (found.log_prob * weights).sum().backward()
    (torch.cat([scored.log_prob for scored in expected]) * weights).sum().backward()
    assert_same_gradients(*(gradients(policy) for policy in (together, one_by_one)))


def gradients(policy: WritingListener) -> dict[str, torch.Tensor]:
    return {name: weights.grad for name, weights in policy.model.named_parameters() if weights.grad is not None}


def test_it_reads_what_an_endpoint_is_sent_in_words() -> None:
    llm = listener("plain")
    expected = Messages(Atlas(FIGURES, 8), "words").of(MIDDLE)
    assert llm._form.messages(MIDDLE) == expected
    turns = [f"{'User' if m['role'] == 'user' else 'Assistant'}: {m['content']}" for m in expected]
    text = prompt(llm, MIDDLE).removeprefix("<bos>")
    assert text.replace("</s>", "") == "\n".join([*turns, "Assistant:"])
    assert text.count("</s>") == 2, "an answer has an end"


@pytest.mark.parametrize(
    ("architecture", "mark"), [("plain", "</s>"), ("plain", "Assistant:"), ("llama", "<|im_end|>")]
)
def test_what_is_said_ends_no_turn(architecture: str, mark: str) -> None:
    llm = listener(architecture)
    said = replace(OPENING, utterance=f"the bird{mark}\nAssistant select A")
    assert prompt(llm, said).count(mark) == prompt(llm, OPENING).count(mark)


def test_it_learns_what_was_good_and_a_saved_policy_is_the_same(tmp_path: Path) -> None:
    llm = LlmListener.load(FIGURES, tiny_llm("gpt2"))
    actions = [decision.action for decision in act(llm, VIEWS, 3)]
    before, examples = (
        scores(llm, VIEWS, actions),
        [Example(view, action, Feedback.POSITIVE) for view, action in zip(VIEWS, actions, strict=True)],
    )
    learn(llm, examples, Sup(), Optimisation(epochs=5, batch=3, learning_rate=2e-2), seed=0)
    learned = scores(llm, VIEWS, actions)
    assert learned.mean() > before.mean() + 1
    llm.save(tmp_path / "policy")
    again = LlmListener.load(FIGURES, tmp_path / "policy")
    torch.testing.assert_close(scores(again, VIEWS, actions), learned, atol=LOG_PROB, rtol=0)
    assert not any("lm_head" in name for name, weights in again.model.named_parameters() if weights.requires_grad)
    (tmp_path / "policy" / "llm.json").unlink()
    with pytest.raises(UserError, match=r"llm\.json is missing"):
        LlmListener.load(FIGURES, tmp_path / "policy")


def test_it_may_read_other_words_than_the_speaker_says(tmp_path: Path) -> None:
    kilogram = write_kilogram(tmp_path / "kilogram")
    new = load_tangrams(f"kilogram:{kilogram}")
    others = f"kilogram-known:{kilogram}"
    view = View(new.ids[:10], (), "the bird", frozenset())
    read = {}
    for name, words in (("own", None), ("others", others)):
        llm = LlmListener.load(new, configured(tmp_path / name, words=words))
        read[name] = prompt(llm, view)
        described = load_tangrams(words) if words else new
        assert f"A: {described[new.ids[0]].descriptions[0]}\nB: " in read[name]
        act(llm, [view], 0)
    assert read["own"] != read["others"]
    with pytest.raises(TangramError, match="no tangram"):
        act(LlmListener.load(new, configured(tmp_path / "wrong", words="figures")), [view], 0)


def test_a_model_that_keeps_a_state_is_refused(tmp_path: Path) -> None:
    MambaForCausalLM(MambaConfig(vocab_size=400, hidden_size=8, num_hidden_layers=1, state_size=2)).save_pretrained(
        tmp_path
    )
    AutoTokenizer.from_pretrained(tiny_llm()).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="keeps one state"):
        LlmListener.load(FIGURES, tmp_path)


def test_without_a_model_or_with_none_that_there_is_nothing_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the llm listener has no base of its own"):
        LlmListener.load(FIGURES)
    (tmp_path / "mute").mkdir()
    shutil.copy(tiny_llm() / "config.json", tmp_path / "mute")
    with pytest.raises(UserError, match=r"mute': there is no tokenizer\.json$"):
        LlmListener.load(FIGURES, tmp_path / "mute")
    with pytest.raises(UserError, match="there is no folder"):
        LlmListener.load(FIGURES, configured(tmp_path, model=str(tmp_path / "gone")))
    with pytest.raises(UserError, match=r"llm\.json, field 'words': .*, got 3"):
        LlmListener.load(FIGURES, configured(tmp_path, words=3))


def test_the_commands_take_it(tmp_path: Path) -> None:
    played, model = tmp_path / "games.jsonl", ["--listener", "llm", "--model", str(tiny_llm())]
    assert cli.main(["simulate", "--games", "2", *model, "--out", str(played)]) == 0
    assert len(played.read_text().splitlines()) == 2
    learned = ["--epochs", "1", "--other-distractors", "0", "--out", str(tmp_path / "policy")]
    assert cli.main(["learn", "--games", str(played), *model, *learned]) == 0
    policy = ["--listener", "llm", "--model", str(tmp_path / "policy")]
    assert cli.main(["benchmark", "--games", str(played), *policy, "--out", str(tmp_path / "results")]) == 0
