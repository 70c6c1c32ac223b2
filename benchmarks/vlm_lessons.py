"""Dialogues that a small vision-language model learns plain words from, all answers of a dialogue in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from multiref_gym.agents.listeners.lm.actions import Answer
from multiref_gym.agents.listeners.lm.pictures import PictureForm
from multiref_gym.game import CONTEXT_SIZE, Action
from multiref_gym.interaction import Interaction
from multiref_gym.listener import View
from multiref_gym.tangrams import TangramSet


class Lesson(NamedTuple):
    """Ten images and a dialogue about them.

    Attributes:
        board: The tangrams.
        tokens: All tokens.
        answers: Those that are learned, each with the place of the token before it.
        looks: The places before letters that were asked for in words, each with the position that it is of.
    """

    board: tuple[str, ...]
    tokens: list[int]
    answers: list[tuple[int, Answer]]
    looks: list[tuple[int, int]]


def lesson_of(form: PictureForm, views: Sequence[View], actions: Sequence[Action], wanted: Sequence[Action]) -> Lesson:
    """Returns a dialogue as a lesson; learned are all actions, be they as wanted or not.

    Args:
        form: A chat form that ends each turn with the same token.
        views: Before each action, as the dialogue went on; none is of nothing.
        actions: What was done.
        wanted: What was meant; it says which letters the words are of, not what is learned.
    """
    written = [
        form.trie(view.selected, len(view.tangrams)).answer(action) for view, action in zip(views, actions, strict=True)
    ]
    opening = form.opening(views[0].tangrams).tokens
    tokens = [*opening, *form.dialogue(views[-1]), *written[-1].tokens]
    ends = [place for place, token in enumerate(tokens) if token == form.end][1::2]  # turns are the speaker's in turn
    answers, looks = [], []
    for answer, end, action, meant in zip(written, ends, actions, wanted, strict=True):
        before = end - len(answer.tokens)
        answers.append((before, answer))
        if action == meant and not action.deselect:  # a word such as "undo" is of no image
            looks += [(before + 1 + number, position) for number, position in enumerate(sorted(action.select))]
    return Lesson(views[0].tangrams, tokens, answers, looks)


def plain_lesson(form: PictureForm, tangrams: TangramSet, questions: int, rng: np.random.Generator) -> Lesson:
    """Returns ten tangrams, so many of which are described one after another by parts of their plain descriptions."""
    views, actions = plain_turns(tangrams, CONTEXT_SIZE, questions, rng)
    return lesson_of(form, views, actions, actions)


def plain_turns(
    tangrams: TangramSet, size: int, questions: int, rng: np.random.Generator, name: str = ""
) -> tuple[list[View], list[Action]]:
    """Returns what is seen and what is right where some tangrams are described by parts of their plain descriptions.

    Args:
        tangrams: Where they are drawn from.
        size: How many there are.
        questions: How many of them are described, one after another.
        rng: The source of chance.
        name: Of the game.
    """
    board = tuple(tangrams.ids[i] for i in rng.choice(len(tangrams), size, replace=False))
    views: list[View] = []
    actions: list[Action] = []
    for position in rng.permutation(size)[:questions].tolist():
        dialogue = tuple((view.utterance, action) for view, action in zip(views, actions, strict=True))
        selected = frozenset[int]().union(*(action.select for action in actions))
        said = some_parts(tangrams[board[position]].descriptions[0], rng)
        views.append(View(board, dialogue, said, selected, name))
        actions.append(Action(select=frozenset([position])))
    return views, actions


def some_parts(description: str, rng: np.random.Generator) -> str:
    """Returns one or two parts of a description after its first one, which is left out one time in five."""
    first, *others = description.split(", ")
    chosen = [others[i] for i in sorted(rng.permutation(len(others))[: int(rng.integers(1, 3))])]
    return " ".join([first, *chosen] if rng.random() < 0.8 or not chosen else chosen)


def watched_lesson(form: PictureForm, game: Interaction, wanted: Sequence[Action], turns: int) -> Lesson:
    """Returns the first turns of a game, up to one at which nothing was clicked."""
    actions = [turn.action for turn in game.turns[:turns]]
    clicked = next((number for number, action in enumerate(actions) if not action.clicks), len(actions))
    return lesson_of(form, game.views()[:clicked], actions[:clicked], wanted[:clicked])
