"""Descriptions: they fit the tangram that is meant and, where the facts allow it, no other one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from describing import Describer
from hypothesis import given, settings
from hypothesis import strategies as st

from multiref_gym.contexts import shared_contexts
from multiref_gym.simulators.language import CANDIDATES, NAMED_AGAIN
from multiref_gym.simulators.persona import Article, Persona
from multiref_gym.tangrams import LEXICON, Tangram, TangramSet, load_tangrams

FIGURES = load_tangrams("figures")
CHANCE = st.integers(0, 10_000)
FIGURATIVE = st.sampled_from([0.0, 0.5, 1.0])

FACT_OF = {phrase: fact for fact, words in LEXICON.items() for phrase in words.literal + words.people}
PLAIN = Persona(name="plain", names=1.0, cares=1.0, detail=1, compares=0.0)
"""Names the kind of thing, then says what is needed and no more."""


PHRASE = re.compile(rf"(?:{'|'.join(map(re.escape, sorted(FACT_OF, key=len, reverse=True)))})(?= |$)")


def facts_in(text: str) -> set[str]:
    """Reads a description that is made of phrases as they are in the lexicon, joined by " and "."""
    facts = set()
    while text:
        phrase = PHRASE.match(text)
        assert phrase, text
        facts.add(FACT_OF[phrase[0]])
        text = text[phrase.end() :].removeprefix(" and").lstrip()
    return facts


def context(seed: int, similarity: float) -> list[Tangram]:
    return [FIGURES[id] for id in shared_contexts(FIGURES, similarity).draw(np.random.default_rng(seed)).listener_order]


def figures(tangrams: Sequence[Tangram], persona: Persona = PLAIN, figurative: float = 0.0, key: int = 0) -> Describer:
    return Describer(FIGURES, tangrams, persona, figurative, key)


@cache
def recorded(*tangrams: Tangram) -> TangramSet:
    return TangramSet("recorded", tangrams, split_by="id")


def in_recorded_words(*tangrams: Tangram, key: int = 0) -> Describer:
    return Describer(recorded(*tangrams), tangrams, PLAIN, 0.5, key)


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
    tangrams = context(seed, similarity)
    describe = figures(tangrams, PLAIN, figurative, seed)
    for position, target in enumerate(tangrams):
        facts = facts_in(describe(position))
        assert facts
        assert facts <= target.facts
        fitting = {tangram.id for tangram in tangrams if facts <= tangram.facts}
        cannot_be_told_apart = {tangram.id for tangram in tangrams if target.facts <= tangram.facts}
        assert fitting == cannot_be_told_apart


@settings(max_examples=20, deadline=None)
@given(CHANCE)
def test_beyond_the_kind_of_thing_nothing_is_said_that_rules_nobody_out(seed: int) -> None:
    tangrams = context(seed, 0.5)
    describe = figures(tangrams, key=seed)
    for position, target in enumerate(tangrams):
        if sum(target.facts <= tangram.facts for tangram in tangrams) > 1:
            continue  # what cannot be told apart has all said of it
        facts = facts_in(describe(position))
        modifiers = {fact for fact in facts if not fact.startswith("family=")}
        assert not any(all(fact in tangram.facts for tangram in tangrams) for fact in modifiers)


@pytest.mark.parametrize(("figurative", "kind"), [(0.0, "literal"), (1.0, "people")])
def test_the_share_of_figurative_phrases_is_as_asked(figurative: float, kind: str) -> None:
    describe = figures(context(0, 0.5), figurative=figurative)
    for position in range(10):
        text = describe(position)
        assert all(any(phrase in text for phrase in getattr(LEXICON[fact], kind)) for fact in facts_in(text))


def test_some_phrases_are_figurative_if_their_share_is_between() -> None:
    plain = {phrase for words in LEXICON.values() for phrase in words.literal}
    said = [figures(context(seed, 0.5), figurative=0.5, key=seed)(0) for seed in range(200)]
    assert 0.2 < np.mean([any(phrase in text for phrase in plain) for text in said]) < 0.95


def test_who_cares_less_says_what_fits_others_too() -> None:
    def misleading(cares: float) -> float:
        persona = replace(PLAIN, cares=cares)
        found = []
        for seed in range(40):
            tangrams = context(seed, 0.7)
            describe = figures(tangrams, persona, key=seed)
            for position in range(10):
                facts = facts_in(describe(position))
                found.append(sum(facts <= tangram.facts for tangram in tangrams) > 1)
        return float(np.mean(found))

    assert misleading(1.0) < 0.02 < 0.2 < misleading(0.3)


def test_detail_is_how_much_is_said_at_least() -> None:
    tangrams = context(1, 0.0)
    for detail in (1, 3, 5):
        describe = figures(tangrams, replace(PLAIN, detail=detail), 0.5)
        assert min(len(facts_in(describe(position))) for position in range(10)) >= min(detail, 4)


def test_a_speaker_who_names_nothing_says_what_is_seen() -> None:
    terse = replace(PLAIN, names=0.0)
    for position in range(10):
        bare = figures(context(2, 0.0), terse, key=position)(position)
        assert not re.match("with |the ", bare)
        whole = figures(context(2, 0.0), replace(terse, pronoun="something"), key=position)(position)
        assert re.fullmatch(f"something (with (its |the )?)?{re.escape(bare)}", whole)


def test_a_kind_of_thing_is_named_less_often_when_it_is_described_again() -> None:
    def named(text: str) -> bool:
        return any(fact.startswith("family=") for fact in facts_in(text))

    # With "with" in front of it, where nothing is named: so that the phrase is as it is in the lexicon.
    persona, first, second = replace(PLAIN, pronoun="it", detail=2), 0, 0
    for seed in range(300):
        describe = figures(context(seed, 0.0), persona, key=seed)
        first += named(describe(0).removeprefix("it "))
        second += named(describe(0).removeprefix("it "))
    assert first == 300
    assert second == pytest.approx(300 * NAMED_AGAIN, abs=40)


@pytest.mark.parametrize(("article", "said"), [("as it is", "a bird"), ("the", "the bird"), ("none", "bird")])
def test_the_article_is_as_the_speaker_has_it(article: Article, said: str) -> None:
    bird = next(tangram for tangram in FIGURES if "family=bird" in tangram.facts)
    others = [tangram for tangram in context(0, 0.0) if "family=bird" not in tangram.facts]
    assert figures([bird, *others], replace(PLAIN, article=article))(0) == said


def test_a_second_attempt_may_say_what_sets_the_target_off_from_what_was_selected() -> None:
    fact, opposite = "facing=left", "facing=right"
    target = next(tangram for tangram in FIGURES if {"family=cat", fact} <= tangram.facts)
    mirrored = next(tangram for tangram in FIGURES if tangram.facts == target.facts - {fact} | {opposite})
    other = next(tangram for tangram in FIGURES if "family=bird" in tangram.facts)
    comparing = replace(PLAIN, compares=1.0)
    assert figures([target, mirrored, other], comparing)(0, unlike=1) == "the other cat facing left"
    assert "other" not in figures([target, mirrored, other], PLAIN)(0, unlike=1)
    assert "other" not in figures([target, mirrored, other], comparing)(0, unlike=2)  # which is of another kind


@given(CHANCE)
@settings(max_examples=20, deadline=None)
def test_other_words_are_found_for_what_was_said(seed: int) -> None:
    describe = figures(context(seed, 0.0), figurative=0.9, key=seed)
    assert sum(describe(position) == describe(position) for position in range(10)) <= 2  # it tries, three times


def test_people_s_words_are_said_as_they_were_recorded() -> None:
    tangrams = [BIRD, CROW, HOUSE]
    describe = in_recorded_words(*tangrams)
    for position, tangram in enumerate(tangrams):
        assert {describe(position) for _ in range(50)} == set(tangram.descriptions)


def test_of_people_s_words_those_are_said_that_fit_the_others_least() -> None:
    # Of three that are drawn the best is said, unless it is not among them.
    first = [in_recorded_words(BIRD, CROW, HOUSE, key=key) for key in range(300)]
    for position, best in ((1, "a crow"), (0, "a flying bird")):
        left = 1 - 1 / len((BIRD, CROW)[position].descriptions)
        said = np.mean([describe(position) == best for describe in first])
        assert said == pytest.approx(1 - left**CANDIDATES, abs=0.08)


def test_what_people_said_is_not_said_again_while_there_is_something_else() -> None:
    describe = in_recorded_words(BIRD, CROW)
    assert {describe(0) for _ in BIRD.descriptions} == set(BIRD.descriptions)
    assert describe(0) in BIRD.descriptions  # nothing else is left


def test_who_says_more_joins_several_descriptions_until_they_are_long_enough() -> None:
    long = described("dog barking loudly", "a dog that is barking at everybody in the street", "a dog")
    wordy = replace(PLAIN, detail=3, alternatives=(" or ",))
    describe = Describer(recorded(BIRD, long), (BIRD, long), wordy, 0.5, 0)
    assert sorted(describe(0).split(" or ")) == sorted(BIRD.descriptions)
    assert {describe(1), describe(1)} <= {long.descriptions[0], " or ".join(reversed(long.descriptions)), "a dog"}


@pytest.mark.parametrize(
    ("article", "said"),
    [("as it is", ["a house", "man's head", "birds"]), ("the", ["the house", "man's head", "the birds"])],
)
def test_the_article_of_people_s_words_is_as_the_speaker_has_it(article: Article, said: list[str]) -> None:
    tangrams = HOUSE, described("man's head", "man's head"), described("birds", "birds")
    describe = Describer(recorded(*tangrams), tangrams, replace(PLAIN, article=article), 0.5, 0)
    assert [describe(position) for position in range(3)] == said


def test_a_recorded_tangram_without_a_content_word_is_no_figure() -> None:
    wordless = described("", "it is one of those")
    assert in_recorded_words(wordless, BIRD)(0) == "it is one of those"
    assert in_recorded_words(wordless, BIRD)(1) in BIRD.descriptions
