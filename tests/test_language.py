"""Descriptions: they fit the tangram that is meant and, where the facts allow it, no other one."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiref_gym.tangrams import LEXICON, Tangram, TangramSet, load_tangrams
from simulators.language import FigureLanguage, RecordedLanguage, language_of, pick

FIGURES = load_tangrams("figures")
CHANCE = st.integers(0, 10_000)
FIGURATIVE = st.sampled_from([0.0, 0.5, 1.0])

FACT_OF = {phrase: fact for fact, words in LEXICON.items() for phrase in words.literal + words.people}
NOUNS = [phrase for phrase, fact in FACT_OF.items() if fact.startswith("family=")]
MODIFIERS = [phrase for phrase, fact in FACT_OF.items() if not fact.startswith("family=")]


def facts_in(text: str) -> set[str]:
    """Reads a description: a noun or "the one", then phrases joined by "and"."""

    def one_of(phrases: list[str]) -> str:
        return "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))

    facts = set()
    head = re.match(rf"(?:the one|{one_of(NOUNS)})(?= |$)", text)
    assert head, text
    if head[0] != "the one":
        facts.add(FACT_OF[head[0]])
    rest = text[head.end() :].lstrip()
    while rest:
        phrase = re.match(rf"(?:{one_of(MODIFIERS)})(?= and |$)", rest)
        assert phrase, f"{rest!r} in {text!r}"
        facts.add(FACT_OF[phrase[0]])
        rest = rest[phrase.end() :].removeprefix(" and ")
    return facts


def context(seed: int, similarity: float) -> list[Tangram]:
    return [FIGURES[id] for id in FIGURES.draw(np.random.default_rng(seed), 10, similarity)]


def described(words: str, *descriptions: str) -> Tangram:
    return Tangram(words, (), frozenset(words.split()), descriptions, ())


BIRD = described("bird flying", "a bird", "a flying bird", "bird in flight")
CROW = described("crow bird", "a crow", "a bird")
HOUSE = described("house", "a house")


def test_every_phrase_stands_for_one_fact() -> None:
    phrases = [phrase for words in LEXICON.values() for phrase in words.literal + words.people]
    assert len(set(phrases)) == len(phrases)


@settings(max_examples=60, deadline=None)
@given(CHANCE, st.sampled_from([0.0, 0.5, 1.0]), FIGURATIVE)
def test_a_description_fits_the_target_and_no_other_if_the_facts_allow_it(
    seed: int, similarity: float, figurative: float
) -> None:
    language, tangrams = FigureLanguage(figurative), context(seed, similarity)
    language.meet(tangrams)
    rng = np.random.default_rng(seed)
    for position, target in enumerate(tangrams):
        facts = facts_in(language.describe(position, (), rng))
        assert facts
        assert facts <= target.facts
        fitting = {tangram.id for tangram in tangrams if facts <= tangram.facts}
        cannot_be_told_apart = {tangram.id for tangram in tangrams if target.facts <= tangram.facts}
        assert fitting == cannot_be_told_apart


@settings(max_examples=20, deadline=None)
@given(CHANCE)
def test_nothing_is_said_that_rules_nobody_out(seed: int) -> None:
    language, tangrams = FigureLanguage(0.0), context(seed, 0.5)
    language.meet(tangrams)
    for position in range(10):
        facts = facts_in(language.describe(position, (), np.random.default_rng(seed)))
        assert not any(all(fact in tangram.facts for tangram in tangrams) for fact in facts)


@pytest.mark.parametrize(("figurative", "kind"), [(0.0, "literal"), (1.0, "people")])
def test_the_share_of_figurative_phrases_is_as_asked(figurative: float, kind: str) -> None:
    language, tangrams = FigureLanguage(figurative), context(0, 0.5)
    language.meet(tangrams)
    rng = np.random.default_rng(0)
    for position in range(10):
        text = language.describe(position, (), rng)
        assert all(any(phrase in text for phrase in getattr(LEXICON[fact], kind)) for fact in facts_in(text))


@given(CHANCE)
@settings(max_examples=20, deadline=None)
def test_other_words_are_found_for_what_was_said(seed: int) -> None:
    language = FigureLanguage(0.9)
    language.meet(context(seed, 0.0))
    rng = np.random.default_rng(seed)
    repeated = 0
    for position in range(10):
        first = language.describe(position, (), rng)
        repeated += language.describe(position, {first}, rng) == first
    assert repeated <= 1  # it tries, three times


def test_people_s_words_are_said_as_they_were_recorded() -> None:
    language = RecordedLanguage()
    tangrams = [BIRD, CROW, HOUSE]
    language.meet(tangrams)
    rng = np.random.default_rng(0)
    for position, tangram in enumerate(tangrams):
        said = {language.describe(position, (), rng) for _ in range(50)}
        assert said <= set(tangram.descriptions)


def test_of_people_s_words_those_are_said_that_fit_the_others_least() -> None:
    language = RecordedLanguage(candidates=20)
    language.meet([BIRD, CROW, HOUSE])
    rng = np.random.default_rng(0)
    assert {language.describe(1, (), rng) for _ in range(20)} == {"a crow"}
    assert "a bird" not in {language.describe(0, (), rng) for _ in range(20)}


def test_what_people_said_is_not_said_again_while_there_is_something_else() -> None:
    language = RecordedLanguage()
    language.meet([BIRD, CROW])
    rng = np.random.default_rng(0)
    said: set[str] = set()
    for _ in BIRD.descriptions:
        text = language.describe(0, said, rng)
        assert text not in said
        said.add(text)
    assert language.describe(0, said, rng) in BIRD.descriptions  # nothing else is left


def test_figures_have_rules_and_recorded_tangrams_have_words() -> None:
    assert isinstance(language_of(FIGURES, 0.5), FigureLanguage)
    assert isinstance(language_of(TangramSet("recorded", [BIRD, CROW], split_by="id"), 0.5), RecordedLanguage)


def test_a_recorded_tangram_without_a_content_word_is_no_figure() -> None:
    wordless = described("", "it is one of those")
    assert isinstance(language_of(TangramSet("recorded", [wordless, BIRD], split_by="id"), 0.5), RecordedLanguage)


@given(CHANCE, st.lists(st.integers(), min_size=1))
def test_a_pick_is_one_of_the_choices(seed: int, choices: list[int]) -> None:
    assert pick(np.random.default_rng(seed), choices) in choices
