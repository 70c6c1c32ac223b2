"""A logged game, said again."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from strategies import interactions, utterances

from multiref_gym.agents.listeners.baselines import OracleListener, RandomListener
from multiref_gym.agents.play import play
from multiref_gym.episode import Episode
from multiref_gym.game import Action, Game
from multiref_gym.interaction import Interaction
from multiref_gym.simulators.replay import ReplaySpeaker
from multiref_gym.speaker import Speaker


def start(interaction: Interaction) -> tuple[Game, Speaker, str]:
    game, speaker = Game(interaction.context), ReplaySpeaker(interaction)
    return game, speaker, speaker.start(game, np.random.default_rng(0))


@given(interactions())
def test_the_logged_actions_get_the_logged_game(interaction: Interaction) -> None:
    game, speaker, utterance = start(interaction)
    said = [utterance]
    for turn in interaction.turns:
        game.apply(turn.action)
        said.append(speaker.reply(turn.action))
    assert said[:-1] == [turn.utterance for turn in interaction.turns]
    assert said[-1] == (interaction.closing if game.over else "")
    assert speaker.name == interaction.speaker


@given(interactions())
def test_after_its_end_the_log_is_silent(interaction: Interaction) -> None:
    game, speaker, utterance = start(interaction)
    said = [utterance]
    while not game.over:
        game.apply(Action())
        said.append(speaker.reply(Action()))
    logged = [turn.utterance for turn in interaction.turns]
    assert said[:-1] == (logged + [""] * 10)[:10]


@given(interactions())
def test_a_second_start_begins_anew(interaction: Interaction) -> None:
    game, speaker, utterance = start(interaction)
    game.apply(Action())
    speaker.reply(Action())
    assert speaker.start(Game(interaction.context), np.random.default_rng(1)) == utterance


def replayed_game(interaction: Interaction) -> Episode:
    return Episode(Game(interaction.context), ReplaySpeaker(interaction), np.random.default_rng(0))


@given(interactions(utterances))
def test_an_oracle_wins_against_any_log(interaction: Interaction) -> None:
    game = replayed_game(interaction)
    (replayed,) = play(OracleListener([game]), [game])
    assert replayed.success
    assert len(replayed.turns) == len(interaction.context.targets)


@given(interactions(utterances))
def test_any_listener_can_play_against_a_log(interaction: Interaction) -> None:
    (replayed,) = play(RandomListener(), [replayed_game(interaction)])
    assert replayed.turns[0].utterance == interaction.turns[0].utterance


@given(interactions())
def test_another_game_is_refused(interaction: Interaction) -> None:
    context = interaction.context
    other = dataclasses.replace(context, listener_order=context.listener_order[1:] + context.listener_order[:1])
    with pytest.raises(ValueError, match="own tangrams and targets"):
        ReplaySpeaker(interaction).start(Game(other), np.random.default_rng(0))
