"""Views of games in play, and a small listener tiny enough for tests, with weights that make it opinionated."""

from __future__ import annotations

import torch
from hypothesis import strategies as st

from multiref_gym.agents.listeners.small.listener import SmallListener, new_model
from multiref_gym.agents.listeners.small.model import SmallConfig
from multiref_gym.game import CONTEXT_SIZE, Action
from multiref_gym.listener import View
from multiref_gym.tangrams import load_tangrams

TINY = {
    "width": 16,
    "heads": 2,
    "buckets": 64,
    "word_width": 8,
    "history": 2,
    "max_words": 5,
    "image_size": 16,
    "vision_width": 8,
}
FIGURES = load_tangrams("figures")
TEN = FIGURES.ids[:10]
OPENING = View(TEN, (), "the bird with no chimneys", frozenset())
MIDDLE = View(
    TEN,
    (("the bird", Action(select=frozenset({2, 4}))), ("no, undo that", Action(deselect=frozenset({4})))),
    "good, the house",
    frozenset({2}),
)
ELSEWHERE = View(FIGURES.ids[20:30], (("", Action()),), "", frozenset({1, 2, 9}))
VIEWS = [OPENING, MIDDLE, ELSEWHERE]

WORDS = ["the", "bird", "with", "no", "chimneys", ",", "yes", "undo", "that", "ÿ", "3"]

utterances = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)


def tiny_small_listener(seed: int = 0) -> SmallListener:
    """Returns a small listener with random weights, large enough for some actions to be far likelier than others."""
    model = new_model(SmallConfig(**TINY), seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.startswith("vision."):
                parameter.normal_(0, 0.3, generator=generator)
    return SmallListener(model, FIGURES)


@st.composite
def views(draw: st.DrawFn, size: int = CONTEXT_SIZE) -> View:
    """Views after any number of turns, with any legal actions and words that may be none."""
    first = draw(st.integers(0, len(FIGURES) - size))
    tangrams = tuple(draw(st.permutations(FIGURES.ids[first : first + size])))
    selected: frozenset[int] = frozenset()
    dialogue = []
    for _ in range(draw(st.integers(0, 4))):
        action = Action.clicking(draw(st.sets(st.integers(0, size - 1), max_size=3)), selected)
        dialogue.append((draw(utterances), action))
        selected = (selected - action.deselect) | action.select
    return View(tangrams, tuple(dialogue), draw(utterances), selected)
