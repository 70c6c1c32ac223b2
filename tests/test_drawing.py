"""Drawing the contexts of games: their tangrams, both orders and the targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.compiled.contexts import MOST_TANGRAMS
from multiref_gym.contexts import Contexts, shared_contexts
from multiref_gym.game import Context, Game
from multiref_gym.tangrams import Tangram, TangramError, TangramSet, load_tangrams


def tangram(id: str, *facts: str) -> Tangram:
    return Tangram(id, (), frozenset(facts), (), ())


LETTERS = TangramSet("letters", [tangram(f"t-{i}", f"a={i % 3}", f"b={i % 4}", f"c={i % 5}") for i in range(60)])
"""Each shares two facts with few others, one with many."""


def drawn(contexts: Contexts, count: int, seed: int = 0) -> list[Context]:
    rng = np.random.default_rng(seed)
    return [contexts.draw(rng) for _ in range(count)]


def mean_overlap(tangrams: TangramSet, ids: tuple[str, ...]) -> float:
    facts = [tangrams[id].facts for id in ids]
    return float(np.mean([len(p & q) / len(p | q) for p, q in combinations(facts, 2)]))


@pytest.mark.parametrize(
    ("size", "similarity"), [(1, 0.0), (10, 0.0), (26, 0.0), (1, 0.5), (10, 0.5), (26, 0.5), (2, 1.0), (26, 1.0)]
)
def test_a_context_has_distinct_tangrams_and_the_size_asked_for(size: int, similarity: float) -> None:
    for context in drawn(Contexts(LETTERS, size, (1, 1), similarity), 20):
        assert len(context.listener_order) == len(set(context.listener_order)) == size
        assert set(context.listener_order) <= set(LETTERS.ids)


@given(st.integers(0, 2**32), st.integers(5, 26))
def test_a_context_has_both_orders_and_as_many_targets_as_asked(seed: int, size: int) -> None:
    contexts = Contexts(LETTERS, size, (3, 5))
    context = contexts.draw(np.random.default_rng(seed))
    assert set(context.speaker_order) == set(context.listener_order)
    assert 3 <= len(context.targets) <= 5
    assert context == contexts.draw(np.random.default_rng(seed))


def test_every_number_of_targets_every_order_and_every_target_is_drawn() -> None:
    contexts = drawn(Contexts(LETTERS), 2000)
    assert {len(context.targets) for context in contexts} == {3, 4, 5}
    assert len({context.speaker_order for context in contexts}) == len({c.listener_order for c in contexts}) == 2000
    # Of 2,000 games, each third has 3, 4 or 5 targets, and each position is one of them in 800: deviation 22.
    counts = Counter(len(context.targets) for context in contexts)
    assert all(580 < count < 760 for count in counts.values())
    for order in ("speaker_order", "listener_order"):
        at = [[id in context.targets for id in getattr(context, order)] for context in contexts]
        assert np.abs(np.sum(at, axis=0) - 800).max() < 90


def test_the_two_orders_tell_nothing_of_each_other() -> None:
    contexts = drawn(Contexts(LETTERS), 2000)
    places = [
        (c.speaker_order.index(c.listener_order[0]), c.listener_order.index(c.speaker_order[9])) for c in contexts
    ]
    for column in np.transpose(places):
        assert 140 < min(np.bincount(column, minlength=10)) <= max(np.bincount(column, minlength=10)) < 260


@pytest.mark.parametrize("similarity", [0.0, 0.5])
def test_the_same_seed_draws_the_same_contexts(similarity: float) -> None:
    contexts = Contexts(LETTERS, similarity=similarity)
    assert drawn(contexts, 5, seed=1) == drawn(contexts, 5, seed=1) != drawn(contexts, 5, seed=2)


def test_a_uniform_draw_gives_every_tangram_the_same_chance() -> None:
    counts = Counter(id for context in drawn(Contexts(LETTERS), 1200) for id in context.listener_order)
    # 200 expected, standard deviation 13.
    assert len(counts) == 60
    assert 140 < min(counts.values()) <= max(counts.values()) < 260


def test_more_similarity_makes_contexts_more_alike() -> None:
    overlap = [
        np.mean(
            [
                mean_overlap(LETTERS, context.listener_order)
                for context in drawn(Contexts(LETTERS, 6, similarity=similarity), 200)
            ]
        )
        for similarity in (0.0, 0.5, 1.0)
    ]
    assert overlap[0] + 0.02 < overlap[1] < overlap[2] - 0.02


def test_full_similarity_draws_the_nearest_with_ties_broken_at_random() -> None:
    partners = set()
    for context in drawn(Contexts(LETTERS, 2, (1, 1), similarity=1.0), 600):
        one, other = context.listener_order
        assert len(LETTERS[one].facts & LETTERS[other].facts) == 2
        if "t-0" in (one, other):
            partners.add(other if one == "t-0" else one)
    assert len(partners) > 1


def test_a_set_may_have_its_own_overlap_and_its_splits_keep_it() -> None:
    """By number: the neighbours of a tangram are the ones beside it."""

    def closeness(tangrams: Sequence[Tangram]) -> np.ndarray:
        numbers = np.array([int(tangram.id[2:]) for tangram in tangrams], np.float32)
        return 1 / (1 + np.abs(numbers[:, None] - numbers))

    numbered = TangramSet("numbered", [tangram(f"t-{i}", f"a={i}") for i in range(60)], "id", closeness)
    for tangrams in (numbered, numbered.split("train")):
        for context in drawn(Contexts(tangrams, 3, (1, 1), 1.0), 20):
            places = [tangrams.place(id) for id in context.listener_order]
            assert max(places) - min(places) == 2


def test_a_split_is_drawn_from_by_its_own_tangrams() -> None:
    part = LETTERS.split("dev")
    contexts = Contexts(part, 4, (1, 2), numbered_in=LETTERS)
    assert {id for context in drawn(contexts, 200) for id in context.listener_order} == set(part.ids)


def test_a_context_may_be_the_whole_set() -> None:
    few = TangramSet("few", LETTERS.tangrams[:10])
    assert set(Contexts(few).draw(np.random.default_rng(0)).listener_order) == set(few.ids)


@pytest.mark.parametrize(
    ("count", "size", "similarity", "complaint"),
    [
        (9, 10, 0.0, "cannot draw 10 distinct tangrams from strangers: it has 9"),
        (9, 0, 0.0, "cannot draw 0 distinct tangrams from strangers: it has 9"),
        (60, 27, 0.0, "a context of 27 tangrams: allowed are 26, one for each letter"),
        (60, 5, 1.5, r"similarity 1\.5: expected a number from 0 to 1"),
        (60, 5, float("nan"), "similarity nan: expected a number from 0 to 1"),
        (
            10,
            10,
            0.5,
            "contexts of strangers cannot be made similar: a context of 10 is the whole set, and",
        ),
        (60, 4, 1.0, "contexts of strangers cannot be made similar: no two of its tangrams have a fact in common"),
        (MOST_TANGRAMS + 1, 4, 0.0, "strangers has 8,193 tangrams: allowed are 8,192"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_line(count: int, size: int, similarity: float, complaint: str) -> None:
    strangers = TangramSet("strangers", [tangram(f"t-{i}", f"a={i}") for i in range(count)])
    with pytest.raises(TangramError, match=f"^{complaint}") as error:
        Contexts(strangers, size, (1, 1), similarity)
    assert "\n" not in str(error.value)


def test_contexts_of_a_set_are_prepared_once() -> None:
    figures = load_tangrams("figures")
    assert shared_contexts(figures) is shared_contexts(figures)
    assert shared_contexts(figures, 0.5) is not shared_contexts(figures)
    context = shared_contexts(figures).draw(np.random.default_rng(0))
    assert Game(context).targets == context.target_positions
