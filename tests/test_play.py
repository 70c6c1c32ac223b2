"""Many games at once are the same games as one at a time, and their records are true."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiref_gym.agents.listeners.baselines import OracleListener, RandomListener
from multiref_gym.agents.play import Table, play, set_tables
from multiref_gym.game import MAX_TURNS, Action, Context, Game
from multiref_gym.interaction import Interaction
from multiref_gym.listener import Decision, Listener, View
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import load_tangrams

FIGURES = load_tangrams("figures")
seeds = st.integers(0, 10_000)


class ClickyListener:
    """Clicks any number of tangrams, or none."""

    def act(self, views: Sequence[View], rng: np.random.Generator) -> list[Decision]:
        actions = [Action.clicking(np.flatnonzero(rng.random(10) < 0.2).tolist(), view.selected) for view in views]
        return [Decision(action, -1.0, str(action)) for action in actions]


def tables(seed: int, count: int = 5) -> list[Table]:
    rng = np.random.default_rng(seed)
    contexts = [Context.sample(FIGURES.draw(rng, 10), rng) for _ in range(count)]
    return set_tables(contexts, partial(ScriptedSpeaker, FIGURES), np.random.SeedSequence(seed))


def played(listener: Listener, seed: int, count: int = 5) -> list[Interaction]:
    return play(listener, tables(seed, count), np.random.default_rng(seed), policy="P", round=3)


@settings(max_examples=15, deadline=None)
@given(seeds, st.sampled_from([RandomListener, ClickyListener]))
def test_a_record_tells_the_game_again(seed: int, listener: type[Listener]) -> None:
    for interaction in played(listener(), seed):
        game = Game(interaction.context)
        for turn, selected in zip(interaction.turns, interaction.selections, strict=False):
            assert not game.over
            assert game.selected == selected
            game.apply(turn.action)
        assert game.over
        assert game.success == interaction.success
        assert game.turn == len(interaction.turns) <= MAX_TURNS


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_the_same_seeds_play_the_same_games(seed: int) -> None:
    assert played(ClickyListener(), seed) == played(ClickyListener(), seed)
    assert played(ClickyListener(), seed) != played(ClickyListener(), seed + 1)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_games_do_not_know_of_one_another(seed: int) -> None:
    together = tables(seed)
    play(OracleListener(together), together, np.random.default_rng(0), policy="P")
    for first, again in zip(together, tables(seed), strict=True):
        play(OracleListener([again]), [again], np.random.default_rng(0), policy="P")
        assert first.interaction("game", "P", 0) == again.interaction("game", "P", 0)


def test_what_was_said_and_done_is_on_record() -> None:
    (table,) = tables(seed=1, count=1)
    heard: list[View] = []

    class Recorder(RandomListener):
        def act(self, views: Sequence[View], rng: np.random.Generator) -> list[Decision]:
            heard.extend(views)
            return super().act(views, rng)

    (interaction,) = play(Recorder(), [table], np.random.default_rng(0), policy="P", round=3)
    assert [view.utterance for view in heard] == [turn.utterance for turn in interaction.turns]
    assert [view.selected for view in heard] == interaction.selections[:-1]
    assert heard[-1].dialogue == tuple((turn.utterance, turn.action) for turn in interaction.turns[:-1])
    assert all(turn.log_prob == pytest.approx(-np.log(10)) for turn in interaction.turns)
    assert (interaction.game_id, interaction.policy, interaction.round) == ("P-3-0000", "P", 3)
    assert interaction.speaker == table.speaker.name
    assert interaction.closing == table.utterance


def test_progress_counts_the_games_that_are_over() -> None:
    over: list[int] = []
    play(RandomListener(), tables(0), np.random.default_rng(0), policy="P", on_turn=over.append)
    assert over == sorted(over)
    assert over[-1] == 5
    assert len(over) == MAX_TURNS


def test_no_games_are_no_interactions() -> None:
    assert play(RandomListener(), [], np.random.default_rng(0), policy="P") == []


def test_understanding_wins_and_chance_hardly_ever_does() -> None:
    understood = tables(seed=7, count=150)
    games = play(OracleListener(understood), understood, np.random.default_rng(0), policy="oracle")
    # A speaker's slips cost a turn or, at the worst, the game.
    assert np.mean([game.success for game in games]) > 0.98
    assert np.mean([len(game.turns) <= len(game.targets) for game in games]) > 0.8
    assert sum(game.success for game in played(RandomListener(), 7, 150)) <= 5
