"""Sets of tangrams: looking up, splitting, drawing the tangrams of a game."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest

from multiref_gym.tangrams import Tangram, TangramError, TangramSet, load_tangrams
from multiref_gym.tangrams.tangram_set import SplitName

TRIANGLE = (np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]]),)


def tangram(id: str, *facts: str) -> Tangram:
    return Tangram(id, TRIANGLE, frozenset(facts), (id,), ("",))


@pytest.fixture(scope="module")
def letters() -> TangramSet:
    """Sixty tangrams: each shares two facts with few others, one with many."""
    return TangramSet("letters", [tangram(f"t-{i}", f"a={i % 3}", f"b={i % 4}", f"c={i % 5}") for i in range(60)])


def mean_overlap(tangrams: TangramSet, ids: tuple[str, ...]) -> float:
    facts = [tangrams[id].facts for id in ids]
    return float(np.mean([len(p & q) / len(p | q) for p, q in combinations(facts, 2)]))


def test_a_set_is_looked_up_by_id_and_keeps_its_order(letters: TangramSet) -> None:
    assert letters.ids == tuple(tangram.id for tangram in letters)
    assert letters["t-7"] is letters.tangrams[7]
    assert "t-7" in letters
    assert "t-60" not in letters
    assert len(letters) == 60


def test_an_unknown_id_is_named_with_the_set(letters: TangramSet) -> None:
    with pytest.raises(TangramError, match=r"^no tangram 'dog' in letters: expected one of its 60 ids, such as 't-0'$"):
        letters["dog"]
    with pytest.raises(KeyError):
        letters["dog"]


def test_two_tangrams_with_one_id_are_refused() -> None:
    with pytest.raises(TangramError, match="share an id"):
        TangramSet("twins", [tangram("t"), tangram("t")])


@pytest.mark.parametrize(
    ("size", "similarity"), [(1, 0.0), (10, 0.0), (60, 0.0), (1, 0.5), (10, 0.5), (59, 0.5), (2, 1.0), (59, 1.0)]
)
def test_a_draw_has_distinct_ids_and_the_size_asked_for(letters: TangramSet, size: int, similarity: float) -> None:
    ids = letters.draw(np.random.default_rng(3), size, similarity)
    assert len(ids) == len(set(ids)) == size
    assert set(ids) <= set(letters.ids)


@pytest.mark.parametrize("similarity", [0.0, 0.5])
def test_the_same_seed_draws_the_same_tangrams(letters: TangramSet, similarity: float) -> None:
    def draws(seed: int) -> list[tuple[str, ...]]:
        rng = np.random.default_rng(seed)
        return [letters.draw(rng, 10, similarity) for _ in range(5)]

    assert draws(1) == draws(1) != draws(2)


def test_a_uniform_draw_gives_every_tangram_the_same_chance(letters: TangramSet) -> None:
    rng = np.random.default_rng(0)
    counts = dict.fromkeys(letters.ids, 0)
    for _ in range(1200):
        for id in letters.draw(rng, 10):
            counts[id] += 1
    # 200 expected, standard deviation 13.
    assert 140 < min(counts.values()) <= max(counts.values()) < 260


def test_more_similarity_makes_contexts_more_alike(letters: TangramSet) -> None:
    rng = np.random.default_rng(0)
    overlap = [
        np.mean([mean_overlap(letters, letters.draw(rng, 6, similarity)) for _ in range(200)])
        for similarity in (0.0, 0.5, 1.0)
    ]
    assert overlap[0] + 0.02 < overlap[1] < overlap[2] - 0.02


def test_full_similarity_draws_the_nearest_with_ties_broken_at_random(letters: TangramSet) -> None:
    rng = np.random.default_rng(0)
    seconds = set()
    for _ in range(300):
        anchor, second, *_ = letters.draw(rng, 3, similarity=1.0)
        shared = letters[anchor].facts & letters[second].facts
        assert len(shared) == 2
        if anchor == "t-0":
            seconds.add(second)
    assert len(seconds) > 1


def test_drawing_more_than_there_are_is_refused(letters: TangramSet) -> None:
    with pytest.raises(TangramError, match=r"cannot draw 61 distinct tangrams from letters: it has 60"):
        letters.draw(np.random.default_rng(0), 61)
    with pytest.raises(TangramError, match=r"similarity 1\.5: expected a number from 0 to 1"):
        letters.draw(np.random.default_rng(0), 5, 1.5)


def test_a_similarity_that_the_set_cannot_reach_is_refused(letters: TangramSet) -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(
        TangramError,
        match=r"^similarity 0\.5 cannot be reached in letters: a context of 60 is the whole set, and",
    ):
        letters.draw(rng, 60, 0.5)
    strangers = TangramSet("strangers", [tangram(f"t-{i}", f"a={i}") for i in range(9)])
    with pytest.raises(
        TangramError,
        match=r"^similarity 1\.0 cannot be reached in strangers: no two of its tangrams have a fact in common",
    ):
        strangers.draw(rng, 4, 1.0)
    assert len(strangers.draw(rng, 9)) == 9


def test_a_set_may_have_its_own_overlap_and_its_splits_keep_it() -> None:
    """By number: the neighbours of a tangram are the ones beside it."""

    def closeness(tangrams: Sequence[Tangram]) -> np.ndarray:
        numbers = np.array([int(tangram.id[2:]) for tangram in tangrams], np.float32)
        return 1 / (1 + np.abs(numbers[:, None] - numbers))

    numbered = TangramSet("numbered", [tangram(f"t-{i}", f"a={i}") for i in range(60)], "id", closeness)
    for tangrams in (numbered, numbered.split("train")):
        anchor, *others = tangrams.draw(np.random.default_rng(5), 3, 1.0)
        order = [tangrams.ids.index(id) for id in (anchor, *others)]
        assert max(abs(index - order[0]) for index in order) <= 2


@pytest.mark.parametrize("split_by", ["facts", "id"])
def test_splits_share_nothing_and_leave_nothing_out(split_by: str) -> None:
    figures = load_tangrams("figures")
    tangrams = TangramSet("figures", figures.tangrams, split_by=split_by)  # type: ignore[arg-type]
    names: tuple[SplitName, ...] = ("train", "dev", "test")
    parts = [tangrams.split(name) for name in names]
    assert sorted(id for part in parts for id in part.ids) == sorted(tangrams.ids)
    for one, other in combinations(parts, 2):
        assert not {t.facts for t in one} & {t.facts for t in other} or split_by == "id"
    shares = [len(part) / len(tangrams) for part in parts]
    assert shares == pytest.approx([0.70, 0.15, 0.15], abs=0.06)
    assert tangrams.split("all") is tangrams


def test_tangrams_with_the_same_facts_fall_in_the_same_split() -> None:
    twins = TangramSet("twins", [tangram(f"t-{i}", f"a={i // 2}") for i in range(80)])
    for part in (twins.split("train"), twins.split("dev"), twins.split("test")):
        assert len(part) % 2 == 0


def test_an_unknown_split_is_refused_with_the_known_ones(letters: TangramSet) -> None:
    with pytest.raises(ValueError, match="unknown split 'valid': expected one of train, dev, test, all"):
        letters.split("valid")  # type: ignore[arg-type]


def test_ids_and_splits_are_the_same_in_another_process() -> None:
    """Python's own hash of strings changes from process to process; nothing may depend on it."""
    code = (
        "from multiref_gym.tangrams import load_tangrams\n"
        "for t in load_tangrams('figures').split('test'): print(t.id, *sorted(t.facts), t.pieces[0].sum())"
    )
    here = "".join(
        f"{t.id} {' '.join(sorted(t.facts))} {t.pieces[0].sum()}\n" for t in load_tangrams("figures").split("test")
    )
    for hash_seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", code]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert run.stdout == here


@pytest.mark.parametrize("split", ["all", "dev"])
def test_copies_and_pickles_of_a_loaded_set_are_the_set_itself(split: SplitName) -> None:
    tangrams = load_tangrams("figures").split(split)
    pickled = pickle.dumps(tangrams)
    assert len(pickled) < 500
    assert pickle.loads(pickled) is copy.deepcopy(tangrams) is copy.copy(tangrams) is tangrams


def test_a_set_of_ones_own_is_pickled_whole_and_once(letters: TangramSet) -> None:
    split = letters.split("train")
    whole, part = pickle.loads(pickle.dumps((letters, split)))
    assert whole.ids == letters.ids
    assert whole.split("train") is part
    assert part.ids == split.ids
    assert copy.deepcopy(letters) is letters


def test_loading_twice_gives_the_same_object() -> None:
    assert load_tangrams("figures") is load_tangrams("figures")


@pytest.mark.parametrize("spec", ["figure", "kilogram", "kilogram:", "", "figures:all"])
def test_an_unknown_spec_is_refused_with_the_known_ones(spec: str) -> None:
    with pytest.raises(TangramError, match=rf"unknown tangrams '{spec}': expected 'figures' or 'kilogram:PATH'"):
        load_tangrams(spec)
