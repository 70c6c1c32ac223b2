"""Who the simulated speakers are."""

from __future__ import annotations

from dataclasses import fields

from simulators.persona import POPULATION, population


def test_speakers_have_names_of_their_own() -> None:
    assert len({persona.name for persona in population()}) == len(population()) == POPULATION


def test_the_population_never_changes() -> None:
    first = population()
    population.cache_clear()
    assert population() == first


def test_habits_are_probabilities_and_everybody_has_words() -> None:
    for persona in population():
        for habit in (persona.praise, persona.undo_only, persona.asks_undo, persona.announces, persona.says_last):
            assert 0 <= habit <= 1
        for words in (persona.praises, persona.corrections, persona.undos, persona.commands, persona.connectives):
            assert words
        assert all(persona.praises)
        assert all(persona.corrections)
        assert all(persona.undos)


def test_praise_is_a_habit_that_most_have_and_some_have_not() -> None:
    praise = [persona.praise for persona in population()]
    rarely, often = (sum(p < 0.25 for p in praise) / POPULATION, sum(p > 0.6 for p in praise) / POPULATION)
    assert 0.08 < rarely < 0.35
    assert 0.6 < often < 0.9
    assert rarely + often > 0.9


def test_speakers_differ_in_every_habit() -> None:
    for field in fields(population()[0]):
        assert len({getattr(persona, field.name) for persona in population()}) > 1
