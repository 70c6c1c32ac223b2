"""Chance by counter: what is drawn follows from a game's key and from how much it has drawn, and from nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from multiref_gym.compiled.chance import below, happens, uniform
from multiref_gym.compiled.compiling import entry
from multiref_gym.compiled.contexts import Drawing, begin_game
from multiref_gym.compiled.record import GAME, Records
from multiref_gym.contexts import Contexts
from multiref_gym.tangrams import load_tangrams

KEYS = st.integers(0, 2**64 - 1)


@entry
def _draw(games: Records, numbers: NDArray[np.float64]) -> None:
    """Draws the numbers of games by turns, float64 (draws, games)."""
    for row in numbers:
        for i in range(len(games)):
            row[i] = uniform(games[i])


@entry
def _choose(games: Records, count: int, numbers: NDArray[np.int64]) -> None:
    for i in range(len(numbers)):
        numbers[i] = below(games[0], count)


@entry
def _count(games: Records, rate: float, times: int) -> int:
    found = 0
    for _ in range(times):
        found += happens(games[0], rate)
    return found


@entry
def _begin(drawing: Drawing, games: Records) -> None:
    begin_game(drawing, games[0], False)


def games_of(*keys: int) -> Records:
    games = np.zeros(len(keys), GAME)
    games["key"] = np.array(keys, np.uint64)
    return games


def drawn(count: int, *keys: int) -> NDArray[np.float64]:
    numbers = np.empty((count, len(keys)))
    _draw(games_of(*keys), numbers)
    return numbers


@given(KEYS)
def test_a_key_gives_the_same_numbers_again_whatever_other_games_draw(key: int) -> None:
    assert (drawn(50, key)[:, 0] == drawn(50, 7, key, 3)[:, 1]).all()


@pytest.mark.parametrize("key", [0, 1, 2**63, 2**64 - 1])
def test_numbers_are_uniform_and_never_come_again(key: int) -> None:
    numbers = drawn(20_000, key)[:, 0]
    assert len(set(numbers)) == 20_000
    assert numbers.min() >= 0
    assert numbers.max() < 1
    shares = np.histogram(numbers, bins=10, range=(0, 1))[0] / 20_000
    assert np.abs(shares - 0.1).max() < 0.01
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.03


def test_keys_beside_each_other_have_nothing_in_common() -> None:
    numbers = drawn(2000, *range(10))
    assert len(np.unique(numbers)) == numbers.size
    assert np.abs(np.corrcoef(numbers.T) - np.eye(10)).max() < 0.1
    assert np.abs(np.histogram(numbers[0], bins=2, range=(0, 1))[0] - 5).max() < 5  # also those that come first


@given(KEYS, st.integers(1, 100))
def test_a_choice_is_one_of_the_choices(key: int, count: int) -> None:
    numbers = np.empty(50, np.int64)
    _choose(games_of(key), count, numbers)
    assert numbers.min() >= 0
    assert numbers.max() < count


def test_every_choice_is_made_as_often_as_any_other() -> None:
    numbers = np.empty(6000, np.int64)
    _choose(games_of(5), 6, numbers)
    assert np.abs(np.bincount(numbers) - 1000).max() < 120  # standard deviation 29


@pytest.mark.parametrize("rate", [0.0, 0.25, 1.0])
def test_what_has_a_rate_happens_as_often(rate: float) -> None:
    assert _count(games_of(1), rate, 4000) == pytest.approx(4000 * rate, abs=0 if rate in (0, 1) else 120)


def test_the_games_of_a_seed_have_keys_of_their_own() -> None:
    drawing, games, keys = Contexts(load_tangrams("figures")).drawing, np.zeros(1, GAME), set()
    for seed in range(100):
        games["seed"], games["number"] = seed, 0
        for _ in range(100):
            games["drawn"] = 9
            _begin(drawing, games)
            assert games["drawn"] == 0
            keys.add(int(games["key"][0]))
    assert len(keys) == 10_000
