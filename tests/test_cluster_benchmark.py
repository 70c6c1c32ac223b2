"""The plan of `multiref bench cluster`: what more workers, blocks and networks do to a round."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.benchmarks.cluster import LARGE_BLOCK, Costs, epoch, large_costs, planned, views_of
from multiref_gym.cli import COMMANDS

COSTS = Costs(call=0.5, view=0.01, game=0.02)
TURNS = st.lists(st.integers(1, 10), min_size=1, max_size=200)
WORKERS = st.integers(1, 20)
BLOCKS = st.one_of(st.none(), st.integers(1, 64))


def test_the_command_is_listed() -> None:
    assert COMMANDS["bench cluster"].entry_point.endswith("cluster:ClusterBenchmark")


def test_a_block_goes_on_until_its_last_game_is_over() -> None:
    assert views_of([1, 3, 2], None) == [3, 2, 1]
    assert views_of([1, 3, 2], 2) == [2, 1, 1, 1, 1]


@given(TURNS, BLOCKS)
def test_one_worker_takes_the_sum_of_what_it_does(turns: list[int], block: int | None) -> None:
    costs = replace(COSTS, load=3.0, image=0.1, images=10)  # all of which are in the first game
    calls = len(views_of(turns, block))
    expected = 3.0 + 0.1 * 10 + 0.02 * len(turns) + 0.5 * calls + 0.01 * sum(turns)
    plan = planned(costs, turns, 1, block)
    assert plan.seconds == pytest.approx(expected)
    assert plan.work == pytest.approx(expected)
    assert plan.losses["too few blocks"] == pytest.approx(0.0, abs=1e-9)


@given(TURNS, WORKERS, st.integers(1, 64))
def test_blocks_are_as_much_work_for_many_workers_as_for_one(turns: list[int], workers: int, block: int) -> None:
    one, many = planned(COSTS, turns, 1, block), planned(COSTS, turns, workers, block)
    assert many.work == pytest.approx(one.work)
    assert one.seconds / workers <= many.seconds * (1 + 1e-9)
    assert many.seconds <= one.seconds * (1 + 1e-9)


@given(TURNS, WORKERS, BLOCKS)
def test_twice_as_many_workers_are_never_slower(turns: list[int], workers: int, block: int | None) -> None:
    some, twice = (planned(COSTS, turns, count, block).seconds for count in (workers, 2 * workers))
    assert twice <= some * (1 + 1e-9)


@given(TURNS, WORKERS, st.integers(1, 64))
def test_no_round_is_shorter_than_its_longest_block(turns: list[int], workers: int, block: int) -> None:
    blocks = (turns[start : start + block] for start in range(0, len(turns), block))
    floor = max(planned(COSTS, games, 1, block).seconds for games in blocks)
    assert planned(COSTS, turns, workers, block).seconds >= floor * (1 - 1e-9)


@pytest.mark.parametrize("games", [64, 320])
def test_more_workers_than_blocks_change_nothing(games: int) -> None:
    seconds = [planned(COSTS, [7] * games, workers, 32).seconds for workers in range(1, 15)]
    assert seconds == sorted(seconds, reverse=True)
    assert len(set(seconds[games // 32 - 1 :])) == 1


def test_a_policy_is_sent_to_one_worker_after_the_other() -> None:
    costs = replace(COSTS, sent=2e9, network=1e9)
    for workers in (1, 3):
        before, after = (planned(each, [5] * 96, workers, 32) for each in (COSTS, costs))
        assert after.seconds - before.seconds == pytest.approx(2.0 * workers)
    assert after.limit == "weights"


def test_workers_that_share_cores_slow_each_other() -> None:
    costs = replace(COSTS, cores=1.5)
    alone, shared = (planned(costs, [5] * 96, 2, 32, cores).seconds for cores in (None, 2))
    assert shared == pytest.approx(1.5 * alone)
    assert planned(costs, [5] * 96, 2, 32, 3).seconds == alone


@pytest.mark.parametrize(
    ("costs", "turns", "limit"),
    [
        (COSTS, [5] * 96, "–"),
        (replace(COSTS, load=60.0), [5] * 96, "weights"),
        (replace(COSTS, image=1.0), [5] * 96, "images"),
        (COSTS, [10] + [1] * 31, "few games left"),
    ],
)
def test_a_plan_says_what_limits_it(costs: Costs, turns: list[int], limit: str) -> None:
    assert planned(costs, turns, 1, 32).limit == limit


def test_too_few_blocks_limit_many_workers() -> None:
    assert planned(COSTS, [5] * 64, 8, 32).limit == "too few blocks"


def test_learners_share_the_examples_and_exchange_gradients() -> None:
    costs = replace(COSTS, example=0.1, batch=50, gradients=3e9, network=1e9)
    assert epoch(costs, 1000, 1) == pytest.approx(100)
    assert epoch(costs, 1000, 2) == pytest.approx(50 + 20 * 3)
    assert epoch(costs, 1000, 4) == pytest.approx(25 + 20 * 4.5)


@pytest.mark.parametrize("turns", [5.0, 9.0])
def test_a_large_model_takes_no_less_than_was_counted(turns: float) -> None:
    costs = large_costs(turns, 1e9)
    assert planned(costs, [int(turns)] * 330, 1, LARGE_BLOCK).seconds > 6.0
    assert epoch(costs, round(330 * turns), 1) == pytest.approx(57.0)
