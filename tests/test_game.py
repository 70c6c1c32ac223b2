"""The rules: what an action may be, what it does, and when a game ends."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import contexts

from multiref_gym.game import LETTERS, Action, Context, Game, GameOver, InvalidAction, check_action

NAMES = tuple(f"tangram{i}" for i in range(10))
positions = st.frozensets(st.integers(0, 9))
actions = st.builds(
    lambda select, deselect: Action(select, deselect - select), positions, positions
)  # No position is in both.


def game(targets: frozenset[int] = frozenset({0, 1, 2}), max_turns: int = 10) -> Game:
    return Game(Context(NAMES, NAMES, frozenset(NAMES[i] for i in targets)), max_turns)


def clicks(select: str = "", deselect: str = "") -> Action:
    return Action(frozenset(map(LETTERS.index, select)), frozenset(map(LETTERS.index, deselect)))


# Text.


@given(actions)
def test_the_text_of_an_action_reads_back_as_the_action(action: Action) -> None:
    assume(action.clicks)
    assert Action.parse(str(action)) == action


@given(actions)
def test_the_text_is_canonical_with_deselect_first_and_letters_sorted(action: Action) -> None:
    before, found, after = str(action).partition("select ") if not action.deselect else ("", "", "")
    if action.deselect:
        first, _, after = str(action).removeprefix("deselect ").partition(" select ")
        assert first.split() == sorted(LETTERS[i] for i in action.deselect)
    else:
        assert before == ""
        assert bool(found) == bool(action.select)
    assert after.split() == sorted(LETTERS[i] for i in action.select)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "A",
            "select",
            "deselect select A",
            "select a",
            "Select A",
            "select A, B",
            "select A and B",
            "select B A",
        ),
        *(
            "select A A",
            "select A deselect B",
            "deselect A select A",
            "select K",
            "select AB",
            " select A",
            "select A\n",
        ),
        *("select A.", "no click", "deselect A  select B", "select A select B", "deselect Aselect B"),
    ],
)
def test_a_record_has_canonical_texts_alone(text: str) -> None:
    with pytest.raises(InvalidAction, match=r"no action in .* 'deselect F select G' with letters A to J$"):
        Action.parse(text)


@given(actions, st.integers(1, 10))
def test_a_record_has_the_letters_of_its_game_alone(action: Action, size: int) -> None:
    if action.clicks and max(action.clicks) < size:
        assert Action.parse(str(action), size) == action
    else:
        with pytest.raises(InvalidAction):
            Action.parse(str(action), size)


@given(positions, positions)
def test_clicking_toggles(clicked: frozenset[int], selected: frozenset[int]) -> None:
    action = Action.clicking(clicked, selected)
    assert action.clicks == clicked
    check_action(action, selected)


# Rules.


@given(contexts(), st.data())
def test_a_game_toggles_clicks_and_ends_at_success_or_at_the_last_turn(context: Context, data: st.DataObject) -> None:
    game = Game(context, max_turns=data.draw(st.integers(1, 10)))
    selected: frozenset[int] = frozenset()
    turns = 0
    while not game.over:
        clicked = data.draw(st.frozensets(st.integers(0, len(context.listener_order) - 1)))
        game.apply(Action.clicking(clicked, selected))
        selected, turns = selected ^ clicked, turns + 1
        assert (game.selected, game.turn) == (selected, turns)
        assert game.success == (selected == game.targets)
        assert game.over == (game.success or turns == game.max_turns)
    assert {context.listener_order[i] for i in game.targets} == context.targets
    with pytest.raises(GameOver, match=f"ended after turn {turns}"):
        game.apply(Action())
    assert (game.selected, game.turn) == (selected, turns)


def test_success_ends_the_game_at_once() -> None:
    won = game(frozenset({0, 1, 2}))
    won.apply(clicks("ABC"))
    assert won.success
    assert won.over
    assert won.turn == 1


def test_too_many_are_no_success() -> None:
    generous = game(frozenset({0, 1, 2}))
    generous.apply(clicks("ABCD"))
    assert not generous.success


def test_the_empty_action_takes_a_turn_and_changes_nothing() -> None:
    idle = game(max_turns=2)
    idle.apply(Action())
    assert (idle.selected, idle.turn, idle.over) == (frozenset(), 1, False)
    idle.apply(Action())
    assert idle.over


@pytest.mark.parametrize(
    ("action", "complaint"),
    [
        (clicks("A"), "A cannot be selected again; selected now: A C"),
        (clicks(deselect="BC"), "B cannot be deselected: not selected; selected now: A C"),
        (clicks("K"), "allowed are 0 to 9, letters A to J"),
        (Action(frozenset({-1})), "allowed are 0 to 9"),
        (Action(deselect=frozenset({99})), "allowed are 0 to 9"),
        (clicks("B", "B"), "B cannot be deselected"),
        (clicks("A", "A"), "A cannot be selected again"),
    ],
)
def test_a_forbidden_action_is_refused_and_changes_nothing(action: Action, complaint: str) -> None:
    played = game()
    played.apply(clicks("AC"))
    with pytest.raises(InvalidAction, match=complaint):
        played.apply(action)
    assert (played.selected, played.turn) == (frozenset({0, 2}), 1)


# Contexts.


@pytest.mark.parametrize(
    ("speaker_order", "listener_order", "targets", "complaint"),
    [
        ("abc", "abd", "a", "same tangrams"),
        ("abc", "ab", "a", "same tangrams"),
        ("aab", "aab", "a", "distinct"),
        ("abc", "cba", "d", r"got \['d'\]"),
        ("abc", "cba", "", "targets must be some"),
    ],
)
def test_a_context_that_makes_no_sense_is_refused(
    speaker_order: str, listener_order: str, targets: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Context(tuple(speaker_order), tuple(listener_order), frozenset(targets))
