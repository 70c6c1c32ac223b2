"""Listeners that do not learn."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_views import FIGURES, views

from multiref_gym.agents.listeners.baselines import HARD, ErringListener, OracleListener, RandomListener, is_hard
from multiref_gym.agents.play import Table
from multiref_gym.game import Action, Context, check_action
from multiref_gym.listener import View
from multiref_gym.simulators.scripted import ScriptedSpeaker


@settings(max_examples=30, deadline=None)
@given(st.lists(views(), max_size=4), st.integers(0, 99))
def test_chance_clicks_one_tangram(batch: list[View], seed: int) -> None:
    decisions = RandomListener().act(batch, np.random.default_rng(seed))
    assert len(decisions) == len(batch)
    for view, decision in zip(batch, decisions, strict=True):
        check_action(decision.action, view.selected)
        assert len(decision.action.clicks) == 1
        assert decision.text == str(decision.action)
    assert decisions == RandomListener().act(batch, np.random.default_rng(seed))


@pytest.mark.parametrize("size", [4, 10])
def test_chance_clicks_each_tangram_as_often_as_it_says(size: int) -> None:
    view = View(FIGURES.ids[:size], (), "the bird", frozenset({1}))
    decisions = RandomListener().act([view] * 5000, np.random.default_rng(0))
    count = Counter(decision.action for decision in decisions)
    assert len(count) == size
    for decision in decisions[:50]:
        assert decision.log_prob == pytest.approx(-math.log(size))
        assert count[decision.action] / 5000 == pytest.approx(math.exp(decision.log_prob), abs=0.03)


def test_the_oracle_does_what_each_speaker_wants() -> None:
    rng = np.random.default_rng(0)
    tables = [Table(Context.sample(FIGURES.draw(rng, 10), rng), ScriptedSpeaker(FIGURES), rng) for _ in range(5)]
    decisions = OracleListener(tables).act([table.view for table in reversed(tables)], rng)
    assert [decision.action for decision in decisions] == [table.speaker.wanted for table in reversed(tables)]
    assert all(decision.log_prob == 0 for decision in decisions)
    # It hears what was said last: after another action of somebody else it wants something else.
    table = tables[0]
    wrong = min(set(range(10)) - table.game.targets)
    table.take_turn(Action(select=frozenset({wrong})), None)
    assert OracleListener(tables).act([table.view], rng)[0].action == table.speaker.wanted


def erring_actions(mistakes: float, hard: float, seed: int) -> list[tuple[View, Action, Action]]:
    """Plays a game and returns each view with what was wanted and what was done."""
    rng = np.random.default_rng(seed)
    table = Table(Context.sample(FIGURES.draw(rng, 10), rng), ScriptedSpeaker(FIGURES), rng)
    listener, found = ErringListener([table], mistakes, hard), []
    while not table.game.over:
        view = table.view
        [decision] = listener.act([view], rng)
        found.append((view, listener.wanted[view.tangrams, len(view.dialogue)], decision.action))
        table.take_turn(decision.action, None)
    return found


def test_who_makes_no_mistakes_does_what_is_wanted() -> None:
    for seed in range(5):
        assert all(wanted == done for _, wanted, done in erring_actions(0.0, 0.0, seed))


def test_a_mistake_is_a_legal_click_on_what_was_not_meant() -> None:
    for seed in range(30):
        for view, wanted, done in erring_actions(1.0, 1.0, seed):
            check_action(done, view.selected)
            assert not done.select & wanted.select
            assert done.clicks


def test_only_hard_tangrams_are_mistaken_by_who_mistakes_no_others() -> None:
    done_right, mistaken = 0, 0
    for seed in range(40):
        for view, wanted, done in erring_actions(0.0, 1.0, seed):
            hard = wanted.select and all(is_hard(view.tangrams[position]) for position in wanted.select)
            assert (done != wanted) == bool(hard)
            mistaken += bool(hard)
            done_right += not hard
    assert min(done_right, mistaken) > 20
    assert np.mean([is_hard(name) for name in FIGURES.ids]) == pytest.approx(HARD, abs=0.05)
