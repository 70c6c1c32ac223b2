"""A listener that looks up people's descriptions of each tangram: strong for one that neither learns nor sees.

A tangram is as likely as the utterance is similar to its human descriptions. The rules of the lexical decoder choose
the kind of action: an utterance that rejects the last action asks to undo it, one that asks to remove something else
means an older choice, and any other one asks to select. Earlier descriptions of the same tangram are remembered.

The constants were set on every second one of 159 human games, so measure on the others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np
import torch
from scipy.special import softmax

from multiref_gym.agents.decoders import phrases
from multiref_gym.agents.decoders.lexical import ANY_TANGRAM, ARTICLE, JUST_DONE, rejects
from multiref_gym.agents.decoders.words import UNDO
from multiref_gym.agents.learning.learn import Scores
from multiref_gym.agents.listeners.sentences import Encoder, sentence_encoder
from multiref_gym.errors import UserError
from multiref_gym.game import Action
from multiref_gym.listener import Decision, View
from multiref_gym.tangrams import TangramSet
from multiref_gym.tangrams.kilogram import content_words

TEMPERATURE = 0.5
"""The temperature of the softmax over tangrams, whose scores are in standard deviations; a lower one helps little."""

EARLIER = 0.5
"""The weight of a failed description beside the current one; 0 and 1 work about as well."""

SWAP, SELECT, DESELECT = 0.7, 0.2, 0.1
"""The probabilities that "no, the swan" is answered by a swap, by only selecting and by only deselecting, as there."""

LETTERS = (3, 5)
"""The numbers of letters that TF-IDF takes at a time; a few more or fewer make no difference."""

# Words that refer to older choices, and words that ask for another tangram in place of the last one.
ALL, BOTH, FIRST = frozenset({"all", "everything"}), frozenset({"both", "two", "2"}), frozenset({"first", "1st"})
OTHER = frozenset({"other", "another", "different"})

# Words about the game rather than a tangram, besides KiloGram's stop words.
COMMANDS = """
    select selected click clicked pick picked choose chose chosen find want need look now next still also just too
    1st second 2nd third 3rd fourth 4th fifth 5th final total are there's objects pieces shapes images tangrams
    ok okay correct so but can could would i i'm i'll you're we let's do touch anything else only completely
    each made when said see resembles kind that's it's 3 4 5 this these those meant not don't dont isn't isnt aren't
    arent wasn't wasnt ain't aint
"""
GAME_WORDS = frozenset(COMMANDS.split()).union(
    phrases.REJECTION,
    phrases.OPENING_REJECTION,
    phrases.OPENING_APPROVAL,
    phrases.MANNERS,
    ARTICLE,
    ANY_TANGRAM,
    JUST_DONE,
    OTHER,
    ALL,
    BOTH,
    FIRST,
)


class RetrievalListener:
    """Samples from a distribution over the few actions that the speaker may be asking for.

    Args:
        tangrams: The source of the descriptions. Views may have tangrams without descriptions or outside the set: each
            is as likely as the average tangram of the set.
        encoder: Makes texts comparable by their cosine, like `encode` of a sentence-transformers model. If None, TF-IDF
            over the letters of words, by which "birds" and "brid" are similar to "bird".

    Raises:
        UserError: If no tangram has a description, or scikit-learn is missing.
    """

    def __init__(self, tangrams: TangramSet, encoder: Encoder | None = None) -> None:
        try:
            from scipy.sparse import csr_matrix
            from sklearn.feature_extraction.text import TfidfVectorizer
            from sklearn.preprocessing import normalize
        except ImportError as error:
            raise UserError("scikit-learn compares the words: run `pip install multiref-gym[retrieval]`") from error
        called = {tangram.id: [text for text in map(described, tangram.descriptions) if text] for tangram in tangrams}
        self._rows = {name: row for row, name in enumerate(name for name, texts in called.items() if texts)}
        if not self._rows:
            raise UserError(f"nothing to retrieve from: no tangram of {tangrams.name} has a description")
        texts = [text for own in called.values() for text in own]
        if encoder is None:
            encoder = TfidfVectorizer(analyzer="char_wb", ngram_range=LETTERS, sublinear_tf=True).fit(texts).transform
        self._encode: Encoder = lambda said: normalize(csr_matrix(encoder(said)))
        owners = [self._rows[name] for name, own in called.items() for _ in own]
        belongs = csr_matrix((np.ones(len(texts)), (owners, range(len(texts)))))
        self._tangrams = normalize(belongs @ self._encode(texts))

    @classmethod
    def load(cls, tangrams: TangramSet, model: str | None = None) -> Self:
        """Makes the listener with a sentence encoder, or with TF-IDF if none is named.

        Args:
            tangrams: See the class.
            model: A folder or a hub id of a sentence-transformers model.

        Raises:
            UserError: See the class; also if the model cannot be loaded or sentence-transformers is missing.
        """
        return cls(tangrams, None if model is None else sentence_encoder(model))

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        """Samples an action for each view from its distribution."""
        decisions = []
        for distribution, rng in zip(self.distributions(views), rngs, strict=True):
            action = list(distribution)[rng.choice(len(distribution), p=list(distribution.values()))]
            decisions.append(Decision(action, math.log(distribution[action]), str(action)))
        return decisions

    def score(self, views: Sequence[View], actions: Sequence[Action]) -> Scores:
        """Returns the log-probability of each action, in one step; an action that the listener never takes has none."""
        found = zip(self.distributions(views), actions, strict=True)
        log_prob = torch.tensor([distribution.get(action, 0.0) for distribution, action in found]).log()
        return Scores(log_prob, torch.full_like(log_prob, -math.inf), torch.ones_like(log_prob))

    def distributions(self, views: Sequence[View]) -> list[dict[Action, float]]:
        """Returns for each view the probability of every action that the listener may take; they add up to one."""
        heard = [still_open(view) for view in views]
        texts = sorted({text for said, _ in heard for text in said})
        by_text = dict(zip(texts, self._scores(texts), strict=True))
        found = []
        for view, (said, tried) in zip(views, heard, strict=True):
            scores = np.zeros(len(self._rows) + 1)  # the last is for tangrams without descriptions
            for text, weight in said.items():
                scores[:-1] += weight * by_text[text]
            found.append(_distribution(view, tried, scores[[self._rows.get(name, -1) for name in view.tangrams]]))
        return found

    def _scores(self, texts: Sequence[str]) -> np.ndarray:
        """Returns how similar texts are to tangrams' descriptions, in deviations, float64 (texts, tangrams)."""
        if not texts:
            return np.empty((0, len(self._rows)))
        likeness = (self._encode(texts) @ self._tangrams.T).toarray()
        likeness -= likeness.mean(axis=1, keepdims=True)
        return np.asarray(likeness / np.maximum(likeness.std(axis=1, keepdims=True), 1e-9))


def described(utterance: str) -> str:
    """Returns the words of an utterance, in lower case, that may describe a tangram."""
    text = UNDO.sub(" ", utterance.lower().replace("’", "'"))
    return " ".join(word for word in content_words(text) if word not in GAME_WORDS)


def still_open(view: View) -> tuple[dict[str, float], frozenset[int]]:
    """Returns the descriptions of the wanted tangram, with weights, and the positions that were rejected as it."""
    said: dict[str, float] = {}
    tried: frozenset[int] = frozenset()
    replies = [*(utterance for utterance, _ in view.dialogue[1:]), view.utterance]
    for (utterance, action), reply in zip(view.dialogue, replies, strict=False):  # no dialogue, no reply
        if action.select and not rejects(reply):
            said, tried = {}, frozenset()
        elif action.select or not action.deselect:  # an utterance that only asks to deselect does not describe it
            said[described(utterance)] = EARLIER
            tried |= action.select
    said[described(view.utterance)] = 1.0
    said.pop("", None)
    return said, tried


def _distribution(view: View, tried: frozenset[int], scores: np.ndarray) -> dict[Action, float]:
    """Returns the probability of each action, given a score for each position, float64 (tangrams,)."""
    words = frozenset(re.findall(r"\w+", view.utterance.lower()))
    undo = UNDO.search(view.utterance.lower())
    free = [position for position in range(len(view.tangrams)) if position not in view.selected]
    picked = _softmax([position for position in free if position not in tried] or free, scores)
    recent = latest(view)
    last = view.dialogue[-1][1].select & view.selected if view.dialogue else frozenset()
    if recent and rejects(view.utterance):  # the last action was wrong
        if undo and not described(view.utterance) and words.isdisjoint(OTHER):
            count = len(recent) if words & ALL else 2 if words & BOTH else max(1, len(last))
            return {Action(deselect=frozenset(recent[:count])): 1.0}
        if last and picked:
            swaps = {Action(frozenset({position}), last): SWAP * share for position, share in picked.items()}
            selects = {Action(frozenset({position})): SELECT * share for position, share in picked.items()}
            return {**swaps, **selects, Action(deselect=last): DESELECT}
    elif recent and undo:  # the last action was right, and an older one was not
        older = [position for position in recent if position not in last] or recent
        removed = _softmax(older[-1:] if words & FIRST else older, scores)
        return {Action(deselect=frozenset({position})): share for position, share in removed.items()}
    if not picked:  # all are selected
        return {Action(deselect=frozenset({position})): share for position, share in _softmax(recent, scores).items()}
    return {Action(frozenset({position})): share for position, share in picked.items()}


def latest(view: View) -> list[int]:
    """Returns the selected positions, those of the latest turn first."""
    clicked = [position for _, action in reversed(view.dialogue) for position in sorted(action.select)]
    return [position for position in dict.fromkeys(clicked) if position in view.selected]


def _softmax(positions: Iterable[int], scores: np.ndarray) -> dict[int, float]:
    """Returns the probability of each position."""
    places = list(positions)
    if not places:
        return {}
    return dict(zip(places, softmax(scores[places] / TEMPERATURE).tolist(), strict=True))
