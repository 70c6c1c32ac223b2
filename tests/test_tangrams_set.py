"""Sets of tangrams: looking up, splitting, copying."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
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
