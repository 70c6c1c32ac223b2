"""The record of a game, and what follows from it."""

from __future__ import annotations

from hypothesis import given
from strategies import interactions

from multiref_gym.game import Action, Context, Game
from multiref_gym.interaction import Interaction, Turn

FIRST = Action(select=frozenset({0}))
SECOND = Action(select=frozenset({1, 2}), deselect=frozenset({0}))
GAME = Interaction(
    "1",
    Context(("c", "a", "b"), ("a", "b", "c"), frozenset("bc")),
    (Turn("the bird", FIRST), Turn("no, the boat and the fish", SECOND)),
)


def test_a_selection_is_what_the_clicks_before_it_lead_to() -> None:
    assert GAME.selections == [frozenset(), frozenset({0}), frozenset({1, 2})]
    assert GAME.success
    assert GAME.targets == {1, 2}


def test_an_exchange_has_the_action_before_and_the_reply_after() -> None:
    (exchange,) = GAME.exchanges()
    assert exchange.previous_action is None
    assert exchange.utterance == "the bird"
    assert exchange.action == FIRST
    assert exchange.reply == "no, the boat and the fish"


@given(interactions())
def test_every_turn_but_the_last_has_an_exchange(interaction: Interaction) -> None:
    exchanges = interaction.exchanges()
    assert [exchange.action for exchange in exchanges] == [turn.action for turn in interaction.turns[:-1]]
    assert [exchange.reply for exchange in exchanges] == [turn.utterance for turn in interaction.turns[1:]]
    assert [exchange.previous_action for exchange in exchanges[1:]] == [turn.action for turn in interaction.turns[:-2]]


@given(interactions())
def test_a_record_tells_the_game_as_the_rules_played_it(interaction: Interaction) -> None:
    game = Game(interaction.context)
    for turn, selected in zip(interaction.turns, interaction.selections[1:], strict=True):
        game.apply(turn.action)
        assert game.selected == selected
    assert game.success == interaction.success
