"""Random numbers, drawn in blocks."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.simulators.chance import BLOCK, Chance

SEEDS = st.integers(0, 10_000)


@given(SEEDS, st.lists(st.integers(), min_size=1))
def test_a_pick_is_one_of_the_choices(seed: int, choices: list[int]) -> None:
    assert Chance(np.random.default_rng(seed)).pick(choices) in choices


@given(SEEDS)
def test_a_seed_gives_the_same_numbers_again(seed: int) -> None:
    first, second = (Chance(np.random.default_rng(seed)) for _ in range(2))
    assert [first() for _ in range(2 * BLOCK + 1)] == [second() for _ in range(2 * BLOCK + 1)]


def test_numbers_are_uniform_and_never_come_again() -> None:
    chance = Chance(np.random.default_rng(0))
    drawn = [chance() for _ in range(5000)]
    assert len(set(drawn)) == 5000
    shares = np.histogram(drawn, bins=10, range=(0, 1))[0] / 5000
    assert np.abs(shares - 0.1).max() < 0.02
