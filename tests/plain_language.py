"""How a tangram is described: by rule from attributes, or in the words that people used for it.

A description is chosen for a listener who sees all ten tangrams: it should fit the target and as few others as
possible (Dale and Reiter 1995), as far as the speaker cares.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Sequence
from functools import cache
from typing import Protocol

from plain_chance import Chance

from multiref_gym.simulators.persona import Persona
from multiref_gym.tangrams import LEXICON, Tangram, TangramSet
from multiref_gym.tangrams.kilogram import content_words

NAMED_AGAIN = 0.4
"""How much less often a thing is named when it is described again."""
AT_LENGTH = 40
"""At how many characters of recorded descriptions no other one is added."""


class Language(Protocol):
    """Describes the tangrams of one game at a time."""

    def meet(self, context: Sequence[Tangram]) -> None:
        """Takes in the tangrams of a game, which are what a description has to tell apart."""
        ...

    def describe(
        self, position: int, persona: Persona, chance: Chance, said: set[str], unlike: int | None = None
    ) -> str:
        """Returns a description of the tangram at a position of the context.

        Args:
            position: Which tangram is meant.
            persona: Who says it.
            chance: The source of chance.
            said: What has been said of it in this game, to be avoided; what is said now is added.
            unlike: The tangram that was selected in its place, if the description is a second attempt.
        """
        ...


class FigureLanguage:
    """Describes the package's own figures by their facts: "a house without a chimney and on stilts".

    Args:
        figurative: The share of phrases that people would say and that no plain description holds ("somebody's
            home"); the rest is literal.
    """

    def __init__(self, figurative: float) -> None:
        self.figurative = figurative

    def meet(self, context: Sequence[Tangram]) -> None:
        """Notes which tangrams each fact is true of, as the bits of an integer."""
        self._facts = [_family_and_others(tangram) for tangram in context]
        # All facts at once: a tangram is one long integer with a field of 32 bits for each fact, and 1 in those true.
        fields = 0
        for position, tangram in enumerate(context):
            fields |= _fields(tangram) << position
        self._holders = array("I", fields.to_bytes(4 * len(_WORDS), sys.byteorder))

    def describe(
        self, position: int, persona: Persona, chance: Chance, said: set[str], unlike: int | None = None
    ) -> str:
        """Says some of the facts, in words that have not been said if there are any."""
        for _ in range(3):
            text = self._describe(position, persona, chance, bool(said), unlike)
            if text not in said:
                break
        said.add(text)
        return text

    def _describe(self, position: int, persona: Persona, chance: Chance, again: bool, unlike: int | None) -> str:
        family, others = self._facts[position]
        fitting = (1 << len(self._facts)) - 1
        article: str = persona.article
        named = chance.happens(persona.names * NAMED_AGAIN if again else persona.names)
        if unlike is not None and self._facts[unlike][0] == family and chance.happens(persona.compares):
            # Only what sets the two apart is of interest.
            fitting, article, named = 1 << position | 1 << unlike, "other", True
        noun = persona.pronoun
        if named:
            fitting &= self._holders[family]
            noun = _with_article(self._phrase(family, chance), article)
        facts = self._telling(others, fitting, 1 << position, persona, chance, persona.detail - named)
        phrases = [self._phrase(fact, chance) for fact in facts]
        if not noun:
            noun, phrases[0] = _bare(phrases[0]), ""
        text = " ".join(filter(None, [noun, *phrases[:1]]))
        for phrase in phrases[1:]:
            text += chance.pick(persona.joiners) + phrase
        return text

    def _telling(
        self, facts: tuple[int, ...], fitting: int, target: int, persona: Persona, chance: Chance, detail: int
    ) -> list[int]:
        """Chooses facts one after another, mostly the one that rules out most of the tangrams that still fit."""
        holders, cares_at = self._holders, persona.cares
        first = int(chance() * len(facts))
        left = [*facts[first:], *facts[:first]]  # so that ties fall anywhere
        chosen: list[int] = []
        while left:
            cares = chance.happens(cares_at)
            if len(chosen) >= detail and (fitting == target or not cares):
                break
            if cares and fitting != target:
                still_fit = [(holders[fact] & fitting).bit_count() for fact in left]
                fact = left.pop(still_fit.index(min(still_fit)))
            else:
                fact = left.pop()
            chosen.append(fact)
            fitting &= holders[fact]
        return chosen

    def _phrase(self, fact: int, chance: Chance) -> str:
        words = _WORDS[fact]
        return chance.pick(words.people if chance.happens(self.figurative) else words.literal)


_WORDS = tuple(LEXICON.values())
_NUMBERS = {fact: number for number, fact in enumerate(LEXICON)}
"""What stands for a fact in `FigureLanguage`: its place in the lexicon."""


@cache
def _family_and_others(tangram: Tangram) -> tuple[int, tuple[int, ...]]:
    facts = sorted(tangram.facts, key=lambda fact: (not fact.startswith("family="), fact))
    family, *others = [_NUMBERS[fact] for fact in facts]
    return family, tuple(others)


@cache
def _fields(tangram: Tangram) -> int:
    return sum(1 << 32 * _NUMBERS[fact] for fact in tangram.facts)


@cache
def _with_article(phrase: str, article: str) -> str:
    """Returns a noun phrase with its own article, with another ("the bird", "the other bird") or with none."""
    own, _, noun = phrase.partition(" ")
    if own not in ("a", "an", "the", "some"):
        noun = phrase
    if article == "as it is" or own in ("something", "one", "our") or own.endswith("'s"):
        return phrase
    return {"none": noun, "the": f"the {noun}", "other": f"the other {noun}"}[article]


@cache
def _bare(phrase: str) -> str:
    """Returns a phrase that can stand without a noun: "a square head" for "with a square head"."""
    return re.sub("^with (its |the )?", "", phrase)


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

    def describe(
        self, position: int, persona: Persona, chance: Chance, said: set[str], unlike: int | None = None
    ) -> str:
        """Says one description or more, each new if there are any, and the one of a few drawn that fits others least."""
        descriptions, parts = self._context[position].descriptions, list[str]()
        while not parts or (len(parts) < persona.detail and sum(map(len, parts)) < AT_LENGTH):
            new = [text for text in descriptions if text not in said]
            if parts and not new:
                break
            drawn = [chance.pick(new or descriptions) for _ in range(self.candidates)]
            parts.append(min(drawn, key=lambda text: self._confusion(text, position)))
            said.add(parts[-1])
        text = _with_article(parts[0], persona.article)
        for part in parts[1:]:
            text += chance.pick(persona.alternatives) + part
        return text

    def _confusion(self, text: str, position: int) -> float:
        """Returns the largest share of the content words of a description that another tangram is described with."""
        words = self._context[position].facts.intersection(_content(text))
        others = (tangram.facts for i, tangram in enumerate(self._context) if i != position)
        return max((len(words & facts) for facts in others), default=0) / max(1, len(words))


@cache
def _content(text: str) -> frozenset[str]:
    return frozenset(content_words(text))


def language_of(tangrams: TangramSet, figurative: float) -> Language:
    """Returns recorded language where people's descriptions are all there is, else the figures' own."""
    facts = tangrams.tangrams[0].facts
    if facts and facts <= LEXICON.keys():  # a recorded tangram may have no content word, so no facts
        return FigureLanguage(figurative)
    return RecordedLanguage()
