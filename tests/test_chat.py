"""The words of a dialogue: the same for every language model."""

from __future__ import annotations

import doctest

from multiref_gym import chat
from multiref_gym.chat import chat_turns
from multiref_gym.game import Action

FIRST, UNDONE = Action(select=frozenset({3, 0})), Action(select=frozenset({1}), deselect=frozenset({3}))
DIALOGUE = (("the house", FIRST), ("no, undo that", UNDONE), ("yes", Action()))
TURNS = [
    "none is selected\nthe house",
    "select A D",
    "A D currently selected\nno, undo that",
    "deselect D select B",
    "A B currently selected\nyes",
    "no click",
    "A B currently selected\nthe bird",
]


def test_the_example_of_the_documentation_runs() -> None:
    failed, tried = doctest.testmod(chat)
    assert tried
    assert not failed


def test_each_turn_has_what_was_selected_then() -> None:
    assert chat_turns(DIALOGUE, "the bird", frozenset({0, 1})) == TURNS


def test_what_was_selected_before_the_dialogue_is_told() -> None:
    assert chat_turns((), "the bird", frozenset({9, 2})) == ["C J currently selected\nthe bird"]
    told = chat_turns((("no", Action(deselect=frozenset({9}))),), "yes", frozenset({2}))
    assert told == ["C J currently selected\nno", "deselect J", "C currently selected\nyes"]
