"""Dialogues that teach a small vision-language model plain words, all answers of a dialogue in one pass."""

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
        answers: The tokens to learn, each with the place of the token before it.
        looks: Places before letters whose tangram was described in words, each with the position of that tangram.
    """

    board: tuple[str, ...]
    tokens: list[int]
    answers: list[tuple[int, Answer]]
    looks: list[tuple[int, int]]


def lesson_of(form: PictureForm, views: Sequence[View], actions: Sequence[Action], wanted: Sequence[Action]) -> Lesson:
    """Returns a dialogue as a lesson; all actions are learned, whether wanted or not.

    Args:
        form: A chat form that ends each turn with the same token.
        views: The views before each action, in the order of the dialogue; none is empty.
        actions: The actions.
        wanted: The wanted actions: they show which letters the words describe, but are not learned.
    """
    written = [
        form.trie(view.selected, len(view.tangrams)).answer(action) for view, action in zip(views, actions, strict=True)
    ]
    opening = form.opening(views[0].tangrams).tokens
    tokens = [*opening, *form.dialogue(views[-1]), *written[-1].tokens]
    ends = [place for place, token in enumerate(tokens) if token == form.end][1::2]  # every other end is the listener's
    answers, looks = [], []
    for answer, end, action, meant in zip(written, ends, actions, wanted, strict=True):
        before = end - len(answer.tokens)
        answers.append((before, answer))
        if action == meant and not action.deselect:  # a word such as "undo" describes no image
            looks += [(before + 1 + number, position) for number, position in enumerate(sorted(action.select))]
    return Lesson(views[0].tangrams, tokens, answers, looks)


def plain_lesson(form: PictureForm, tangrams: TangramSet, questions: int, rng: np.random.Generator) -> Lesson:
    """Returns a lesson of ten tangrams, `questions` of which are described by parts of their plain descriptions."""
    views, actions = plain_turns(tangrams, CONTEXT_SIZE, questions, rng)
    return lesson_of(form, views, actions, actions)


def plain_turns(
    tangrams: TangramSet, size: int, questions: int, rng: np.random.Generator, name: str = ""
) -> tuple[list[View], list[Action]]:
    """Returns views and right actions for tangrams described by parts of their plain descriptions.

    Args:
        tangrams: The set to draw from.
        size: The number of tangrams.
        questions: The number of described tangrams, one after another.
        rng: The random generator.
        name: The name of the game.
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
    """Returns one or two parts of a description after its first part, which is left out one time in five."""
    first, *others = description.split(", ")
    chosen = [others[i] for i in sorted(rng.permutation(len(others))[: int(rng.integers(1, 3))])]
    return " ".join([first, *chosen] if rng.random() < 0.8 or not chosen else chosen)


def watched_lesson(form: PictureForm, game: Interaction, wanted: Sequence[Action], turns: int) -> Lesson:
    """Returns the first turns of a game as a lesson, up to the first action without clicks."""
    actions = [turn.action for turn in game.turns[:turns]]
    clicked = next((number for number, action in enumerate(actions) if not action.clicks), len(actions))
    return lesson_of(form, game.views()[:clicked], actions[:clicked], wanted[:clicked])
