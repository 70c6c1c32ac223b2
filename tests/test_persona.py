"""Who the simulated speakers are."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from multiref_gym.simulators.persona import Persona, PersonaError, read_personas
from multiref_gym.simulators.population import POPULATION, TRANSITIVE, adversarial, personas_of, population
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import load_tangrams


def test_speakers_have_names_of_their_own() -> None:
    assert len({persona.name for persona in population()}) == len(population()) == POPULATION


def test_the_population_never_changes() -> None:
    first = population()
    population.cache_clear()
    assert population() == first


def test_praise_is_a_habit_that_most_have_and_some_have_not() -> None:
    praise = [persona.praise for persona in population()]
    rarely, often = (sum(p < 0.25 for p in praise) / POPULATION, sum(p > 0.6 for p in praise) / POPULATION)
    assert 0.08 < rarely < 0.35
    assert 0.6 < often < 0.9
    assert rarely + often > 0.9


SHARED = {"accepts_luck", "slip", "clears_up", "two_at_once", "forgets", "fresh_start", "names", "confuses", "silence"}
"""The habits that all have to the same degree."""


def test_speakers_differ_in_every_other_habit() -> None:
    for field in fields(Persona):
        values = {getattr(persona, field.name) for persona in population()}
        assert (len(values) == 1) == (field.name in SHARED), field.name


def test_people_have_words_of_their_own() -> None:
    for field in ("praises", "corrections", "undos", "before_next"):
        assert len({getattr(persona, field) for persona in population()}) > POPULATION / 3, field


def test_another_seed_makes_other_people() -> None:
    assert not set(population(0)) & set(population(1))


def test_a_verb_that_asks_for_an_object_has_one() -> None:
    for persona in (*population(), *population(1)):
        assert not {undo.removeprefix("please ") for undo in persona.undos} & {*TRANSITIVE}


def test_a_set_of_personas_is_found_by_its_name() -> None:
    assert personas_of("population") == population()
    assert personas_of(Path("adversarial")) == adversarial()
    assert len({persona.name for persona in adversarial()}) == len(adversarial())


def written(folder: Path, content: str) -> Path:
    path = folder / "personas.toml"
    path.write_text(content)
    return path


def test_personas_are_read_from_a_file_and_what_is_left_out_is_as_usual(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        [[persona]]
        name = "terse"
        praise = 0
        detail = 1
        corrections = ["nope", "no"]

        [[persona]]
        name = "formal"
        capitals = 1
        article = "the"
        """,
    )
    assert read_personas(path) == (
        Persona(name="terse", praise=0, detail=1, corrections=("nope", "no")),
        Persona(name="formal", capitals=1, article="the"),
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("name = 'a'", r"expected a table \[\[persona\]\] for each"),
        ("[persona]\nname = 'a'", r"expected a table \[\[persona\]\] for each"),
        ("persona = 7", "malformed personas"),
        ("persona = ['mother']", "persona 1: input should be an object, got 'mother'"),
        ("[[persona]]\npraise = 0.5", "persona 1, field 'name': missing"),
        ("[[persona]]\nname = 'a'\nprase = 0.5", "persona 1, field 'prase': unknown; allowed is name, praise, "),
        (
            "[[persona]]\nname = 'a'\npraise = 1.5",
            "persona 1, field 'praise': input should be less than or equal to 1, got 1.5",
        ),
        ("[[persona]]\nname = 'a'\nslip = -0.1", "field 'slip': input should be greater than or equal to 0, got -0.1"),
        ("[[persona]]\nname = 'a'\nslip = true", "field 'slip': input should be a valid number, got True"),
        ("[[persona]]\nname = 'a'\nslip = nan", "field 'slip': input should be .*, got nan"),
        ("[[persona]]\nname = 'a'\npraises = []", r"field 'praises': tuple should have at least 1 item .*, got \[\]"),
        ("[[persona]]\nname = 'a'\npraises = 'yes'", "field 'praises': input should be a valid array, got 'yes'"),
        (
            "[[persona]]\nname = 'a'\narticle = 'an'",
            "field 'article': input should be 'the', 'as it is' or 'none', got 'an'",
        ),
        ("[[persona]]\nname = 'a'\ndetail = 0", "field 'detail': input should be greater than or equal to 1, got 0"),
        ("[[persona]]\nname = 'a'\ndetail = 2.0", "field 'detail': input should be a valid integer, got 2.0"),
        ("[[persona]]\nname = 'a'\ncapitals = true", "field 'capitals': input should be a valid number, got True"),
        ("[[persona]]\nname = 7", "persona 1, field 'name': input should be a valid string, got 7"),
        ("[[persona]]\nname = 1979-05-27", "malformed personas"),
        ("[[persona]]\nname = 'a'\n[[persona]]\nname = 'a'", "two of them have the same name"),
        ("[[persona", "malformed personas"),
        ("persona = 3", r"expected a table \[\[persona\]\] for each"),
    ],
)
def test_a_file_that_makes_no_personas_is_refused_in_one_line(tmp_path: Path, content: str, complaint: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(PersonaError, match=complaint) as error:
        read_personas(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("habits", "complaint"),
    [
        ({"praise": 1.5}, r"praise': .* less than or equal to 1, got 1\.5"),
        ({"praises": ["yes"]}, r"praises': .* should be a valid tuple, got \['yes'\]"),
    ],
)
def test_a_speaker_is_given_no_persona_that_cannot_be(habits: dict[str, Any], complaint: str) -> None:
    mother = Persona(name="mother", **habits)
    for _ in range(2):
        with pytest.raises(PersonaError, match=rf"personas, field '\[0\]\.{complaint}"):
            ScriptedSpeaker(load_tangrams("figures"), personas=[mother])


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PersonaError, match=r"cannot read personas from .*nobody\.toml: No such file"):
        read_personas(tmp_path / "nobody.toml")
