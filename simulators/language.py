"""How a tangram is described: by rule from attributes, or in the words that people used for it.

A description is chosen for a listener who sees all ten tangrams: it should fit the target and as few others as
possible (Dale and Reiter 1995), as far as the speaker cares.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol, TypeVar

import numpy as np

from multiref_gym.tangrams import LEXICON, Tangram, TangramSet
from multiref_gym.tangrams.kilogram import content_words

Choice = TypeVar("Choice")


def pick(rng: np.random.Generator, choices: Sequence[Choice]) -> Choice:
    """Returns one of the choices, each as likely as any other."""
    return choices[int(rng.random() * len(choices))]


class Language(Protocol):
    """Describes the tangrams of one game at a time."""

    def meet(self, context: Sequence[Tangram]) -> None:
        """Takes in the tangrams of a game, which are what a description has to tell apart."""
        ...

    def describe(self, position: int, said: Collection[str], rng: np.random.Generator) -> str:
        """Returns a description of the tangram at a position of the context.

        Args:
            position: Which tangram is meant.
            said: What has been said of it in this game, to be avoided.
            rng: The source of chance.
        """
        ...


class FigureLanguage:
    """Describes the package's own figures by their facts: "a house with no chimney and on stilts".

    Args:
        figurative: The share of phrases that people would say and that no plain description holds ("somebody's
            home"); the rest is literal.
    """

    def __init__(self, figurative: float) -> None:
        self.figurative = figurative

    def meet(self, context: Sequence[Tangram]) -> None:
        """Notes which tangrams each fact is true of, as the bits of an integer."""
        self._facts = [sorted(tangram.facts) for tangram in context]
        self._holders: dict[str, int] = {}
        for position, facts in enumerate(self._facts):
            for fact in facts:
                self._holders[fact] = self._holders.get(fact, 0) | 1 << position

    def describe(self, position: int, said: Collection[str], rng: np.random.Generator) -> str:
        """Says the facts that single the target out, in words that have not been said if there are any."""
        for _ in range(3):
            text = self._phrase(self._distinguishing(position, rng), rng)
            if text not in said:
                break
        return text

    def _distinguishing(self, position: int, rng: np.random.Generator) -> list[str]:
        """Adds one fact after another, each the one that rules out most of the others, until the target is alone."""
        target = 1 << position
        facts = self._facts[position].copy()
        holders = self._holders
        chosen: list[str] = []
        fitting = -1
        while facts and fitting != target:
            # The added chance breaks ties and lets a fact that rules out one tangram less come first at times.
            chances = rng.random(len(facts)).tolist()
            ranks = [(holders[f] & fitting).bit_count() + 1.5 * c for f, c in zip(facts, chances, strict=True)]
            fact = facts.pop(ranks.index(min(ranks)))
            if holders[fact] & fitting != fitting:
                chosen.append(fact)
            fitting &= holders[fact]
        return chosen

    def _phrase(self, facts: Sequence[str], rng: np.random.Generator) -> str:
        noun, modifiers = "", []
        for fact in facts:
            words = LEXICON[fact]
            phrase = pick(rng, words.people if rng.random() < self.figurative else words.literal)
            if fact.startswith("family="):
                noun = phrase
            else:
                modifiers.append(phrase)
        return f"{noun or 'the one'} {' and '.join(modifiers)}".rstrip()


class RecordedLanguage:
    """Describes tangrams in the words that people used for them: one of the recorded descriptions.

    Args:
        candidates: Among how many descriptions, drawn at random, the one is chosen that fits the others least.
    """

    def __init__(self, candidates: int = 3) -> None:
        self.candidates = candidates

    def meet(self, context: Sequence[Tangram]) -> None:
        """Remembers the tangrams and what people say of them."""
        self._context = context

    def describe(self, position: int, said: Collection[str], rng: np.random.Generator) -> str:
        """Draws a few descriptions, new ones if there are, and returns the one whose words fit the others least."""
        descriptions = self._context[position].descriptions
        new = [text for text in descriptions if text not in said] or descriptions
        drawn = [pick(rng, new) for _ in range(self.candidates)]
        return min(drawn, key=lambda text: self._confusion(text, position))

    def _confusion(self, text: str, position: int) -> float:
        """Returns the largest share of the content words of a description that another tangram is described with."""
        words = self._context[position].facts.intersection(content_words(text))
        others = (tangram.facts for i, tangram in enumerate(self._context) if i != position)
        return max((len(words & facts) for facts in others), default=0) / max(1, len(words))


def language_of(tangrams: TangramSet, figurative: float) -> Language:
    """Returns recorded language where people's descriptions are all there is, else the figures' own."""
    facts = tangrams.tangrams[0].facts
    if facts and facts <= LEXICON.keys():  # a recorded tangram may have no content word, so no facts
        return FigureLanguage(figurative)
    return RecordedLanguage()
