"""Tells the replies of some speakers from those of others, by all but what the tangrams look like.

A reply is its word n-grams, with the words masked that say what a tangram looks like, how long it is, which turn it
is, what was clicked before it and how the two go together. A speaker is never in both the part that is learned from
and the part that is judged.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from multiref_gym.agents.evaluation.dialogue_statistics import overlap
from multiref_gym.agents.evaluation.intervals import by_unit, over_samples
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback, ground_truth
from multiref_gym.interaction import Interaction

FOLDS = 10
HALVINGS = 10
"""How many times the human speakers are halved to tell people from people."""
SHOWN = 15
"""How many features of each side are listed."""

# What is not masked: the words that any description and any feedback is put together with. Where
# a part is ("left", "top") says what a tangram looks like, so it is masked; "right" is not, being praise.
FUNCTION_WORDS = """
    a an the this that that's thats these those it it's its he she they they're them his her their there there's here
    i i'm i'll i've me my we we're you you're your who which what where when how is isn't are aren't was wasn't were be
    am do does doesn't did didn't have has had can can't could couldn't will would should let's lets let and or but so
    if than then because as at by for from in into of off on onto out over under up down to toward towards with
    without like about between both all each every any some other another else one ones 1 2 3 4 5 two three four five
    first 1st second 2nd third 3rd fourth fifth last final total more most less same again still also too just only
    very really actually maybe kind sort almost next now before after
"""
FEEDBACK_WORDS = """
    yes yep yup yeah good great correct right perfect nice ok okay cool awesome exactly excellent brilliant thanks thank
    sure fine well done job no not nope don't dont nor wrong incorrect mistake error oops sorry close instead please
"""
COMMAND_WORDS = """
    pick picked click clicked select selected choose chose chosen find look looks looking try need needs want meant get
    rid see said go take keep leave undo remove delete deselect unselect unclick cancel un de put back
"""
KEPT = frozenset(f"{FUNCTION_WORDS} {FEEDBACK_WORDS} {COMMAND_WORDS}".split())
MASK = "_"
START = "^"
LENGTHS = (3, 6, 10, 15)
"""Where one class of reply lengths, in words, ends and the next begins."""
OVERLAPS = (0.01, 0.2, 0.5)
"""The same for the share of words in common with the utterance before."""


def masked(text: str) -> list[str]:
    """Returns the words and punctuation marks in lower case; a word that is not in `KEPT` is `_`."""
    tokens = re.findall(r"[a-z0-9']+|[.,;:!?]", text.lower().replace("’", "'"))
    return [token if token in KEPT or not token[0].isalnum() else MASK for token in tokens]


def features(number: int, exchange: Exchange, truth: Feedback) -> set[str]:
    """Returns what the classifier knows of a reply, by name.

    Args:
        number: The number of the turn that the reply opens, from 2 on.
        exchange: What was said and done.
        truth: The true value of the action, which a reply goes with or not.
    """
    tokens = [START, *masked(exchange.reply)]
    ngrams = {" ".join(tokens[i : i + n]) for n in (1, 2, 3) for i in range(len(tokens) + 1 - n)} - {START}
    action = exchange.action
    length, common = len(exchange.reply.split()), overlap(exchange.utterance, exchange.reply)
    quality = f"after a {('bad', 'mixed', 'good')[truth + 1]} action"
    return ngrams | {
        f"[turn {number}]",
        f"[{len(action.select)} selected, {len(action.deselect)} deselected]",
        f"[length class {np.digitize(length, LENGTHS)}]",
        f"[overlap class {np.digitize(common, OVERLAPS)}]",
        f"[capital letter: {exchange.reply[:1].isupper()}]",
        f"[{quality}]",
        f"[{quality}] {' '.join(tokens[1:2])}",
    }


@dataclass(frozen=True)
class Replies:
    """Replies of some speakers, one item each.

    Attributes:
        features: What is known of a reply.
        speakers: Who said it: the index of the file, and the speaker, or the game where the speaker has no name.
    """

    features: list[set[str]]
    speakers: list[str]

    def __str__(self) -> str:
        """Returns how many there are."""
        return f"{len(self.features)} replies of {len(set(self.speakers))} speakers"

    @property
    def suffice(self) -> bool:
        """Whether there are enough to learn from some and judge others."""
        return len(self.features) >= FOLDS and len(set(self.speakers)) >= 2

    def of(self, chosen: Sequence[int]) -> Replies:
        """Returns the replies at these indices."""
        return Replies([self.features[i] for i in chosen], [self.speakers[i] for i in chosen])


def replies_of(files: Sequence[Sequence[Interaction]]) -> Replies:
    """Returns all replies of the games of one or several files."""
    replies = Replies([], [])
    for index, interactions in enumerate(files):
        for game in interactions:
            for number, exchange in enumerate(game.exchanges(), start=2):
                replies.features.append(features(number, exchange, ground_truth(exchange.action, game.targets)))
                replies.speakers.append(f"{index} {game.speaker or f'game {game.game_id}'}")
    return replies


def tell_apart(simulated: Replies, human: Replies, rng: np.random.Generator) -> dict[str, Any]:
    """Trains a classifier on some speakers and judges the replies of the others, in turns.

    Of the side with more replies as many are drawn as the other has.

    Returns:
        The `accuracy`, the share judged right by a classifier that had not heard the speaker; its 95 % `interval`,
        drawing speakers of each side with replacement; how many `replies` were judged; and `giveaways`, the features
        that speak most for either side as learned from all replies, with the share of the replies that have them.

    Raises:
        UserError: If scikit-learn is missing, or a side has too few replies or speakers.
    """
    try:
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
        from sklearn.pipeline import make_pipeline
    except ImportError as error:
        raise UserError("scikit-learn tells the replies apart: run `pip install multiref-gym[likeness]`") from error
    size = min(len(simulated.features), len(human.features))
    sides = [
        side.of(np.sort(rng.choice(len(side.features), size, replace=False)).tolist()) for side in (simulated, human)
    ]
    simulated, human = sides
    if not (simulated.suffice and human.suffice):
        raise UserError(
            f"too little to learn from with sides of one size: {simulated} simulated, {human} human; "
            f"allowed are {FOLDS} replies or more, of 2 speakers or more, on each side"
        )
    is_simulated = np.repeat([True, False], size)
    replies = [reply for side in sides for reply in side.features]
    groups = [f"{number} {name}" for number, side in enumerate(sides) for name in side.speakers]
    classifier = make_pipeline(
        CountVectorizer(analyzer=sorted, binary=True, min_df=2),
        LogisticRegression(class_weight="balanced", max_iter=1000),
    )
    fewest = min(len(set(side.speakers)) for side in sides)
    folds = StratifiedGroupKFold(min(FOLDS, fewest), shuffle=True, random_state=int(rng.integers(2**31)))
    right = cross_val_predict(classifier, replies, is_simulated, groups=groups, cv=folds) == is_simulated
    found = over_samples(
        [by_unit(of_side, side.speakers) for of_side, side in zip(np.split(right, 2), sides, strict=True)],
        [by_unit(np.ones(size), side.speakers) for side in sides],
    )
    classifier.fit(replies, is_simulated)
    names, weights = classifier[0].get_feature_names_out().tolist(), classifier[1].coef_[0].tolist()
    ranked = sorted((-weight, name) for name, weight in zip(names, weights, strict=True))

    def told(weight: float, name: str) -> dict[str, Any]:
        shares = (float(np.mean([name in reply for reply in side.features])) for side in sides)
        return {"feature": name, "weight": -weight, **dict(zip(("simulated", "human"), shares, strict=True))}

    return {
        "accuracy": float(np.mean(right)),
        "interval": (found.low, found.high),
        "replies": len(right),
        "giveaways": {
            "simulated": [told(*each) for each in ranked[:SHOWN]],
            "human": [told(*each) for each in ranked[::-1][:SHOWN]],
        },
    }


def people_apart(human: Replies, rng: np.random.Generator) -> float:
    """Returns the accuracy of telling one half of the speakers from the other, NaN if they are too few."""
    speakers = sorted(set(human.speakers))
    accuracies = []
    for _ in range(HALVINGS):
        half = {speakers[i] for i in rng.permutation(len(speakers))[: len(speakers) // 2]}
        is_in_half = [speaker in half for speaker in human.speakers]
        one, other = (human.of([i for i, here in enumerate(is_in_half) if here is side]) for side in (True, False))
        if not (one.suffice and other.suffice):
            return math.nan
        accuracies.append(tell_apart(one, other, rng)["accuracy"])
    return float(np.mean(accuracies))
