"""Classifies replies as simulated or human, without knowing the tangrams.

The features of a reply are its word n-grams, its length, its turn, the clicks before it, and how the reply and the
clicks go together. Words that describe a tangram are masked. No speaker is in both the training and the test part.
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
"""How many times the human speakers are divided into halves, to classify people against people."""
SHOWN = 15
"""The number of listed features for each side."""

# These words are not masked, because any description and any feedback can have them. Words for places ("left", "top")
# describe a tangram, so they are masked; "right" is not, because it is also praise.
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
"""The bounds between classes of reply lengths, in words."""
OVERLAPS = (0.01, 0.2, 0.5)
"""The bounds between classes of the overlap with the utterance before (see `overlap`)."""


def masked(text: str) -> list[str]:
    """Returns the words and punctuation marks of a text in lower case, with `_` for each word that is not in `KEPT`."""
    tokens = re.findall(r"[a-z0-9']+|[.,;:!?]", text.lower().replace("’", "'"))
    return [token if token in KEPT or not token[0].isalnum() else MASK for token in tokens]


def features(number: int, exchange: Exchange, truth: Feedback) -> set[str]:
    """Returns the names of a reply's features.

    Args:
        number: The number of the turn that the reply opens, 2 or more.
        exchange: The exchange with the reply.
        truth: The true value of the action.
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
    """Replies of some speakers.

    Attributes:
        features: The features of each reply.
        speakers: The speaker of each reply, named by the index of the file and the speaker's name, or the game's id if
            the speaker has no name.
    """

    features: list[set[str]]
    speakers: list[str]

    def __str__(self) -> str:
        """Returns the numbers of replies and speakers, in words."""
        return f"{len(self.features)} replies of {len(set(self.speakers))} speakers"

    @property
    def suffice(self) -> bool:
        """Whether there are enough replies and speakers to train and to test."""
        return len(self.features) >= FOLDS and len(set(self.speakers)) >= 2

    def of(self, chosen: Sequence[int]) -> Replies:
        """Returns the replies at these indices."""
        return Replies([self.features[i] for i in chosen], [self.speakers[i] for i in chosen])


def replies_of(files: Sequence[Sequence[Interaction]]) -> Replies:
    """Returns all replies in the games of one or more files."""
    replies = Replies([], [])
    for index, interactions in enumerate(files):
        for game in interactions:
            for number, exchange in enumerate(game.exchanges(), start=2):
                replies.features.append(features(number, exchange, ground_truth(exchange.action, game.targets)))
                replies.speakers.append(f"{index} {game.speaker or f'game {game.game_id}'}")
    return replies


def tell_apart(simulated: Replies, human: Replies, rng: np.random.Generator) -> dict[str, Any]:
    """Measures how well a classifier tells simulated from human replies, by cross-validation over speakers.

    Both sides have the same number of replies; those of the larger side are drawn at random.

    Args:
        simulated: The simulated replies.
        human: The human replies.
        rng: Draws the replies and the folds.

    Returns:
        The `accuracy` on replies of speakers that the classifier was not trained on; its 95 % `interval`, for which the
        bootstrap draws speakers of each side; the number of `replies`; and `giveaways`: the features with the greatest
        weights for either side after training on all replies, with the fraction of each side's replies that have them.

    Raises:
        UserError: If scikit-learn is missing, or a side has too few replies or speakers.
    """
    try:
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
        from sklearn.pipeline import make_pipeline
    except ImportError as error:
        raise UserError("the classifier needs scikit-learn: run `pip install multiref-gym[likeness]`") from error
    size = min(len(simulated.features), len(human.features))
    sides = [
        side.of(np.sort(rng.choice(len(side.features), size, replace=False)).tolist()) for side in (simulated, human)
    ]
    simulated, human = sides
    if not (simulated.suffice and human.suffice):
        raise UserError(
            f"too few replies for the classifier, with as many on each side: {simulated} simulated, {human} human; "
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

    def giveaway(weight: float, name: str) -> dict[str, Any]:
        shares = (float(np.mean([name in reply for reply in side.features])) for side in sides)
        return {"feature": name, "weight": -weight, **dict(zip(("simulated", "human"), shares, strict=True))}

    return {
        "accuracy": float(np.mean(right)),
        "interval": (found.low, found.high),
        "replies": len(right),
        "giveaways": {
            "simulated": [giveaway(*each) for each in ranked[:SHOWN]],
            "human": [giveaway(*each) for each in ranked[::-1][:SHOWN]],
        },
    }


def people_apart(human: Replies, rng: np.random.Generator) -> float:
    """Returns the mean accuracy of telling one half of the human speakers from the other; NaN if they are too few."""
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
