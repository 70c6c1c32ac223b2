"""Listeners that do not learn."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from acting import act, games_of
from hypothesis import given, settings
from hypothesis import strategies as st
from small_views import FIGURES, views

from multiref_gym.agents.listeners.baselines import HARD, ErringListener, OracleListener, RandomListener, is_hard
from multiref_gym.game import Action, check_action
from multiref_gym.listener import View


@settings(max_examples=30, deadline=None)
@given(st.lists(views(), max_size=4), st.integers(0, 99))
def test_chance_clicks_one_tangram(batch: list[View], seed: int) -> None:
    decisions = act(RandomListener(), batch, seed)
    assert len(decisions) == len(batch)
    for view, decision in zip(batch, decisions, strict=True):
        check_action(decision.action, view.selected)
        assert len(decision.action.clicks) == 1
        assert decision.text == str(decision.action)
    assert decisions == act(RandomListener(), batch, seed)


@pytest.mark.parametrize("size", [4, 10])
def test_chance_clicks_each_tangram_as_often_as_it_says(size: int) -> None:
    view = View(FIGURES.ids[:size], (), "the bird", frozenset({1}))
    decisions = act(RandomListener(), [view] * 5000, 0)
    count = Counter(decision.action for decision in decisions)
    assert len(count) == size
    for decision in decisions[:50]:
        assert decision.log_prob == pytest.approx(-math.log(size))
        assert count[decision.action] / 5000 == pytest.approx(math.exp(decision.log_prob), abs=0.03)


def test_the_oracle_does_what_each_speaker_wants() -> None:
    games = games_of(FIGURES, 5)
    decisions = act(OracleListener(games), [game.view for game in reversed(games)])
    assert [decision.action for decision in decisions] == [game.speaker.wanted for game in reversed(games)]
    assert all(decision.log_prob == 0 for decision in decisions)
    # It hears what was said last: after another action of somebody else it wants something else.
    game = games[0]
    wrong = min(set(range(10)) - game.game.targets)
    game.take(Action(select=frozenset({wrong})))
    assert act(OracleListener(games), [game.view])[0].action == game.speaker.wanted


def test_the_oracle_tells_games_with_the_same_tangrams_apart() -> None:
    one, other = games_of(FIGURES, 1, name="one")[0], games_of(FIGURES, 1, name="other")[0]
    assert one.view.tangrams == other.view.tangrams
    one.take(one.speaker.wanted)
    wanted = [decision.action for decision in act(OracleListener([one, other]), [one.view, other.view])]
    assert wanted == [one.speaker.wanted, other.speaker.wanted]
    assert wanted[0] != wanted[1]
    with pytest.raises(ValueError, match="same name"):
        OracleListener([one, one])


def erring_actions(mistakes: float, hard: float, seed: int) -> list[tuple[View, Action, Action]]:
    """Plays a game and returns each view with what was wanted and what was done."""
    (game,) = games_of(FIGURES, 1, seed)
    listener, found = ErringListener([game], mistakes, hard), []
    while not game.game.over:
        view = game.view
        [decision] = listener.act([view], [game.listener_rng])
        assert decision.action is not None
        found.append((view, listener.wanted[view.game_id, len(view.dialogue)], decision.action))
        game.take(decision.action)
    return found


def test_who_makes_no_mistakes_does_what_is_wanted() -> None:
    for seed in range(5):
        assert all(wanted == done for _, wanted, done in erring_actions(0.0, 0.0, seed))


def test_a_mistake_is_a_legal_click_on_what_was_not_meant() -> None:
    for seed in range(30):
        for view, wanted, done in erring_actions(1.0, 1.0, seed):
            check_action(done, view.selected)
            assert not done.select & wanted.select
            assert done.clicks or not wanted.clicks


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
