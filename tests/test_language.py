"""Descriptions: they fit the tangram that is meant and, where the facts allow it, no other one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiref_gym.simulators.chance import Chance
from multiref_gym.simulators.language import FigureLanguage, RecordedLanguage, language_of
from multiref_gym.simulators.persona import Article, Persona
from multiref_gym.tangrams import LEXICON, Tangram, TangramSet, load_tangrams

FIGURES = load_tangrams("figures")
CHANCE = st.integers(0, 10_000)
FIGURATIVE = st.sampled_from([0.0, 0.5, 1.0])

FACT_OF = {phrase: fact for fact, words in LEXICON.items() for phrase in words.literal + words.people}
PLAIN = Persona(name="plain", names=1.0, cares=1.0, detail=1, compares=0.0)
"""Names the kind of thing, then says what is needed and no more."""


def one_of(phrases: Iterable[str]) -> str:
    return "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))


def facts_in(text: str) -> set[str]:
    """Reads a description that is made of phrases as they are in the lexicon, joined by " and "."""
    facts = set()
    while text:
        phrase = re.match(rf"(?:{one_of(FACT_OF)})(?= |$)", text)
        assert phrase, text
        facts.add(FACT_OF[phrase[0]])
        text = text[phrase.end() :].removeprefix(" and").lstrip()
    return facts


def chance(seed: int) -> Chance:
    return Chance(np.random.default_rng(seed))


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
    for position, target in enumerate(tangrams):
        facts = facts_in(language.describe(position, PLAIN, chance(seed), set()))
        assert facts
        assert facts <= target.facts
        fitting = {tangram.id for tangram in tangrams if facts <= tangram.facts}
        cannot_be_told_apart = {tangram.id for tangram in tangrams if target.facts <= tangram.facts}
        assert fitting == cannot_be_told_apart


@settings(max_examples=20, deadline=None)
@given(CHANCE)
def test_beyond_the_kind_of_thing_nothing_is_said_that_rules_nobody_out(seed: int) -> None:
    language, tangrams = FigureLanguage(0.0), context(seed, 0.5)
    language.meet(tangrams)
    for position, target in enumerate(tangrams):
        if sum(target.facts <= tangram.facts for tangram in tangrams) > 1:
            continue  # what cannot be told apart has all said of it
        facts = facts_in(language.describe(position, PLAIN, chance(seed), set()))
        modifiers = {fact for fact in facts if not fact.startswith("family=")}
        assert not any(all(fact in tangram.facts for tangram in tangrams) for fact in modifiers)


@pytest.mark.parametrize(("figurative", "kind"), [(0.0, "literal"), (1.0, "people")])
def test_the_share_of_figurative_phrases_is_as_asked(figurative: float, kind: str) -> None:
    language = FigureLanguage(figurative)
    language.meet(context(0, 0.5))
    for position in range(10):
        text = language.describe(position, PLAIN, chance(position), set())
        assert all(any(phrase in text for phrase in getattr(LEXICON[fact], kind)) for fact in facts_in(text))


def test_who_cares_less_says_what_fits_others_too() -> None:
    def misleading(cares: float) -> float:
        persona = replace(PLAIN, cares=cares)
        found = []
        for seed in range(40):
            language, tangrams = FigureLanguage(0.0), context(seed, 0.7)
            language.meet(tangrams)
            for position in range(10):
                facts = facts_in(language.describe(position, persona, chance(seed), set()))
                found.append(sum(facts <= tangram.facts for tangram in tangrams) > 1)
        return float(np.mean(found))

    assert misleading(1.0) < 0.02 < 0.2 < misleading(0.3)


def test_detail_is_how_much_is_said_at_least() -> None:
    language = FigureLanguage(0.5)
    language.meet(context(1, 0.0))
    for detail in (1, 3, 5):
        facts = [facts_in(language.describe(i, replace(PLAIN, detail=detail), chance(i), set())) for i in range(10)]
        assert min(map(len, facts)) >= min(detail, 4)


def test_a_speaker_who_names_nothing_says_what_is_seen() -> None:
    language = FigureLanguage(0.0)
    language.meet(context(2, 0.0))
    terse = replace(PLAIN, names=0.0)
    for position in range(10):
        bare = language.describe(position, terse, chance(position), set())
        assert not re.match("with |the ", bare)
        whole = language.describe(position, replace(terse, pronoun="something"), chance(position), set())
        assert re.fullmatch(f"something (with (its |the )?)?{re.escape(bare)}", whole)


@pytest.mark.parametrize(("article", "said"), [("as it is", "a bird"), ("the", "the bird"), ("none", "bird")])
def test_the_article_is_as_the_speaker_has_it(article: Article, said: str) -> None:
    language = FigureLanguage(0.0)
    tangrams = context(0, 0.0)
    bird = next(tangram for tangram in FIGURES if "family=bird" in tangram.facts)
    language.meet([bird, *(tangram for tangram in tangrams if "family=bird" not in tangram.facts)])
    assert language.describe(0, replace(PLAIN, article=article), chance(0), set()) == said


def test_a_second_attempt_may_say_what_sets_the_target_off_from_what_was_selected() -> None:
    language = FigureLanguage(0.0)
    fact, opposite = "facing=left", "facing=right"
    target = next(tangram for tangram in FIGURES if {"family=cat", fact} <= tangram.facts)
    mirrored = next(tangram for tangram in FIGURES if tangram.facts == target.facts - {fact} | {opposite})
    language.meet([target, mirrored])
    comparing = replace(PLAIN, compares=1.0)
    assert language.describe(0, comparing, chance(0), {"a cat"}, unlike=1) == "the other cat facing left"
    assert "other" not in language.describe(0, PLAIN, chance(0), {"a cat"}, unlike=1)


@given(CHANCE)
@settings(max_examples=20, deadline=None)
def test_other_words_are_found_for_what_was_said(seed: int) -> None:
    language = FigureLanguage(0.9)
    language.meet(context(seed, 0.0))
    draw = chance(seed)
    repeated = 0
    for position in range(10):
        first = language.describe(position, PLAIN, draw, set())
        repeated += language.describe(position, PLAIN, draw, {first}) == first
    assert repeated <= 2  # it tries, three times


def test_people_s_words_are_said_as_they_were_recorded() -> None:
    language = RecordedLanguage()
    tangrams = [BIRD, CROW, HOUSE]
    language.meet(tangrams)
    draw = chance(0)
    for position, tangram in enumerate(tangrams):
        said = {language.describe(position, PLAIN, draw, set()) for _ in range(50)}
        assert said <= set(tangram.descriptions)


def test_of_people_s_words_those_are_said_that_fit_the_others_least() -> None:
    language = RecordedLanguage(candidates=20)
    language.meet([BIRD, CROW, HOUSE])
    draw = chance(0)
    assert {language.describe(1, PLAIN, draw, set()) for _ in range(20)} == {"a crow"}
    assert "a bird" not in {language.describe(0, PLAIN, draw, set()) for _ in range(20)}


def test_what_people_said_is_not_said_again_while_there_is_something_else() -> None:
    language = RecordedLanguage()
    language.meet([BIRD, CROW])
    draw = chance(0)
    said: set[str] = set()
    for number, _ in enumerate(BIRD.descriptions, start=1):
        assert language.describe(0, PLAIN, draw, said) in said
        assert len(said) == number
    assert language.describe(0, PLAIN, draw, said) in BIRD.descriptions  # nothing else is left


def test_who_says_more_joins_several_descriptions_until_they_are_long_enough() -> None:
    language = RecordedLanguage()
    long = described("dog barking loudly", "a dog that is barking at everybody in the street", "a dog")
    language.meet([BIRD, long])
    wordy = replace(PLAIN, detail=3, alternatives=(" or ",))
    said: set[str] = set()
    text = language.describe(0, wordy, chance(0), said)
    assert sorted(text.split(" or ")) == sorted(said) == sorted(BIRD.descriptions)
    assert language.describe(1, wordy, chance(3), {"a dog"}) == long.descriptions[0]


def test_the_article_of_people_s_words_is_as_the_speaker_has_it() -> None:
    language = RecordedLanguage()
    language.meet([HOUSE, described("man's head", "man's head"), described("birds", "birds")])
    for article, said in {"as it is": "a house", "the": "the house", "none": "house"}.items():
        assert language.describe(0, replace(PLAIN, article=article), chance(0), set()) == said
    the = replace(PLAIN, article="the")
    assert [language.describe(i, the, chance(0), set()) for i in (1, 2)] == ["man's head", "the birds"]


def test_figures_have_rules_and_recorded_tangrams_have_words() -> None:
    assert isinstance(language_of(FIGURES, 0.5), FigureLanguage)
    assert isinstance(language_of(TangramSet("recorded", [BIRD, CROW], split_by="id"), 0.5), RecordedLanguage)


def test_a_recorded_tangram_without_a_content_word_is_no_figure() -> None:
    wordless = described("", "it is one of those")
    assert isinstance(language_of(TangramSet("recorded", [wordless, BIRD], split_by="id"), 0.5), RecordedLanguage)
