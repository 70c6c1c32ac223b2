"""The retrieval listener, on a handful of described tangrams and on real games where they are at hand."""

from __future__ import annotations

import math
import sys
import warnings
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from acting import act
from human_like import People
from hypothesis import given, settings
from hypothesis import strategies as st
from small_views import FIGURES, views

from multiref_gym.agents.decoders.lexical import rejects
from multiref_gym.agents.listeners.retrieval import RetrievalListener, described
from multiref_gym.errors import UserError
from multiref_gym.formats import read_interactions
from multiref_gym.game import Action, check_action
from multiref_gym.listener import View
from multiref_gym.tangrams import Tangram, TangramSet, TangramWarning, load_tangrams

CALLED = {
    "bird": ("a bird with wings", "flying eagle"),
    "swan": ("a swan swimming", "a swan on the lake"),
    "house": ("a house with a chimney", "old cottage"),
    "boat": ("a sailing boat", "a ship at sea"),
    "dog": ("a dog barking", "a puppy"),
    "lamp": ("a lamp", "a light on a desk"),
}
NAMES = tuple(CALLED)
BIRD, SWAN, HOUSE, BOAT, DOG, LAMP = range(6)


def tangram_set(called: dict[str, tuple[str, ...]]) -> TangramSet:
    return TangramSet("handful", [Tangram(name, (), frozenset(), texts, ()) for name, texts in called.items()])


LISTENER = RetrievalListener(tangram_set(CALLED))
FAMILIAR = RetrievalListener(TangramSet("some figures", FIGURES.tangrams[:200]))


def view(*turns: tuple[str, Action], says: str, tangrams: tuple[str, ...] = NAMES) -> View:
    selected: frozenset[int] = frozenset()
    for _, action in turns:
        selected = (selected - action.deselect) | action.select
    return View(tangrams, turns, says, selected)


def select(*positions: int) -> Action:
    return Action(select=frozenset(positions))


def deselect(*positions: int) -> Action:
    return Action(deselect=frozenset(positions))


def swap(old: int, new: int) -> Action:
    return Action(frozenset({new}), frozenset({old}))


def distribution(view: View, listener: RetrievalListener = LISTENER) -> dict[Action, float]:
    (found,) = listener.distributions([view])
    return found


def likeliest(view: View, listener: RetrievalListener = LISTENER) -> Action:
    found = distribution(view, listener)
    return max(found, key=found.__getitem__)


@pytest.mark.parametrize(
    ("says", "position"),
    [
        ("the old cottage", HOUSE),
        ("Select the SHIP!", BOAT),
        ("looks like two puppies", DOG),
        ("total 3. first is a swna swiming", SWAN),
        ("a light", LAMP),
    ],
)
def test_what_is_described_is_selected(says: str, position: int) -> None:
    assert likeliest(view(says=says)) == select(position)


def test_praise_is_no_description_and_the_next_tangram_is_selected() -> None:
    found = distribution(view(("the ship", select(BOAT)), says="yes, correct. now the puppy"))
    assert max(found, key=found.__getitem__) == select(DOG)
    assert all(len(action.select) == 1 and not action.deselect for action in found)


def test_after_a_no_the_last_choice_gives_way_to_what_is_described() -> None:
    before = (("the ship", select(BOAT)), ("yes, a puppy", select(LAMP)))
    assert likeliest(view(*before, says="no, a dog barking")) == swap(LAMP, DOG)


@pytest.mark.parametrize("says", ["no", "no, the other one", "undo that, the other one", "Wrong!"])
def test_where_only_another_one_is_asked_for_the_description_before_still_holds(says: str) -> None:
    assert likeliest(view(("it sails at sea", select(LAMP)), says=says)) == swap(LAMP, BOAT)


@pytest.mark.parametrize(
    ("says", "undone"),
    [
        ("undo", {LAMP}),
        ("deselect the last object", {LAMP}),
        ("no, de-select that!", {LAMP}),
        ("remove the last two", {LAMP, DOG}),
        ("wrong, deselect both", {LAMP, DOG}),
        ("deselect all", {LAMP, DOG, BOAT}),
    ],
)
def test_an_undo_alone_deselects_and_does_no_more(says: str, undone: set[int]) -> None:
    turns = (("the ship", select(BOAT)), ("puppy", select(DOG)), ("the cottage", select(LAMP)))
    assert distribution(view(*turns, says=says)) == {deselect(*undone): 1.0}


def test_an_older_choice_is_deselected_by_its_description() -> None:
    turns = (("the ship", select(BOAT)), ("a light", select(LAMP)), ("puppy", select(DOG)))
    assert likeliest(view(*turns, says="good, now remove the lamp")) == deselect(LAMP)
    assert likeliest(view(*turns, says="yes. Deselect the first one")) == deselect(BOAT)
    assert distribution(view(*turns[1:], says="Correct. Remove the prior choice.")) == {deselect(LAMP): 1.0}


def test_what_was_to_be_removed_is_not_looked_for() -> None:
    turns = (("the ship", select(BOAT)), ("a light", select(LAMP)))
    removed = view(*turns, ("yes, now remove the ship", deselect(BOAT)), says="good. an animal")
    undone = view(*turns, ("undo that", deselect(BOAT)), says="good. an animal")
    assert distribution(removed) == distribution(undone)


def test_what_was_rejected_as_a_tangram_is_not_picked_again_as_the_same() -> None:
    tried = (("a bird", select(BIRD)), ("deselect", deselect(BIRD)))
    assert select(BIRD) not in distribution(view(*tried, says="a flying eagle"))
    accepted = (*tried, ("a flying eagle", select(SWAN)))
    assert likeliest(view(*accepted, says="yes, now the bird")) == select(BIRD)


def test_tangrams_that_nobody_described_are_all_equally_likely() -> None:
    strangers = ("stranger", "nobody", *NAMES[1:])
    found = distribution(view(says="the eagle", tangrams=strangers))
    assert found[select(0)] == found[select(1)] > found[select(2)]
    found = distribution(view(says="the swan", tangrams=strangers))
    assert found[select(2)] > 0.5 > found[select(0)]


@settings(max_examples=60, deadline=None)
@given(st.lists(views(), max_size=4), st.integers(0, 99))
def test_whatever_is_said_the_action_is_legal_and_has_the_probability_it_says(batch: list[View], seed: int) -> None:
    decisions = act(FAMILIAR, batch, seed)
    assert decisions == act(FAMILIAR, batch, seed)
    for view, decision, found in zip(batch, decisions, FAMILIAR.distributions(batch), strict=True):
        assert sum(found.values()) == pytest.approx(1)
        for action in found:
            check_action(action, view.selected)
            assert action.clicks
        assert decision.log_prob == pytest.approx(math.log(found[decision.action]))
        assert decision.text == str(decision.action)
        (alone,) = FAMILIAR.distributions([view])
        assert alone == pytest.approx(found)


def test_actions_are_as_frequent_as_they_are_probable() -> None:
    vague = view(("the ship", select(BOAT)), says="no, a light at sea")
    found = distribution(vague)
    count = Counter(decision.action for decision in act(LISTENER, [vague] * 4000, 0))
    assert all(count[action] / 4000 == pytest.approx(share, abs=0.03) for action, share in found.items())
    assert len(count) > 3


def test_any_encoder_may_compare_the_texts() -> None:
    meanings = {"feline": 0, "kitten": 0, "vessel": 1, "ship": 1}

    def encode(texts: Sequence[str]) -> np.ndarray:
        return np.array([np.eye(3, dtype=np.float32)[meanings.get(text, 2)] for text in texts])

    listener = RetrievalListener(tangram_set({"cat": ("kitten",), "boat": ("ship",), "x": ("cross",)}), encode)
    assert likeliest(view(says="the feline", tangrams=("boat", "x", "cat")), listener) == select(2)
    assert likeliest(view(says="a vessel", tangrams=("boat", "x", "cat")), listener) == select(0)


def test_a_sentence_encoder_is_loaded_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Encoder:
        def __init__(self, name: str) -> None:
            if name == "nowhere":
                raise OSError("no such model")

        def encode(self, texts: Sequence[str]) -> np.ndarray:
            return np.array([np.eye(3)[{"feline": 0, "kitten": 0, "ship": 1}.get(text, 2)] for text in texts])

    monkeypatch.setitem(sys.modules, "sentence_transformers", SimpleNamespace(SentenceTransformer=Encoder))
    tangrams = tangram_set({"cat": ("kitten",), "boat": ("ship",)})
    listener = RetrievalListener.load(tangrams, "some/model")
    assert likeliest(view(says="the feline", tangrams=("boat", "cat")), listener) == select(1)
    with pytest.raises(UserError, match="cannot load a sentence encoder from 'nowhere': no such model"):
        RetrievalListener.load(tangrams, "nowhere")
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(UserError, match=r"pip install multiref-gym\[sentences\]"):
        RetrievalListener.load(tangrams, "some/model")


@pytest.mark.parametrize("texts", [(), ("the one", "")])
def test_a_set_without_descriptions_is_refused(texts: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match="no tangram of handful has a description"):
        RetrievalListener.load(tangram_set({"bird": texts, "boat": ()}))


def test_the_extra_is_named_where_scikit_learn_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.preprocessing", None)
    with pytest.raises(UserError, match=r"pip install multiref-gym\[retrieval\]"):
        RetrievalListener.load(tangram_set(CALLED))


@pytest.mark.parametrize(
    ("utterance", "words"),
    [
        ("No, that's not it. Please deselect the bird’s nest", "bird's nest"),
        ("Good! Next, pick the boat with a flag", "boat flag"),
        ("undo the last one", ""),
        ("", ""),
    ],
)
def test_only_words_that_may_describe_are_compared(utterance: str, words: str) -> None:
    assert described(utterance) == words


def test_people_are_understood_three_times_as_often_as_by_chance(people: People) -> None:
    described = people.kilogram / "dataset" / "partial.json"  # of more tangrams than there are full descriptions of
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TangramWarning)
        tangrams = load_tangrams(f"kilogram:{described if described.exists() else people.kilogram}")
    listener = RetrievalListener.load(tangrams)
    understood, by_chance = [], []
    for game in read_interactions(people.games)[1::2]:
        turns = [turn.utterance for turn in game.turns]
        for found, turn, (_, reply) in zip(
            listener.distributions(game.views()), game.turns, pairwise(turns), strict=False
        ):
            clicked = [game.context.listener_order[position] for position in turn.action.clicks]
            if clicked and not rejects(reply) and all(name in tangrams for name in clicked):
                understood.append(found.get(turn.action, 0.0))
                by_chance.append(0.1 if len(clicked) == 1 else 0.0)
    assert len(understood) > 50
    assert np.mean(understood) >= 3 * np.mean(by_chance)
