"""Who the simulated speakers are."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from multiref_gym.simulators.persona import POPULATION, Persona, PersonaError, population, read_personas


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


SHARED = {"accepts_luck", "slip", "clears_up", "two_at_once", "forgets", "fresh_start", "names"}
"""The habits that all have to the same degree."""


def test_speakers_differ_in_every_other_habit() -> None:
    for field in fields(Persona):
        values = {getattr(persona, field.name) for persona in population()}
        assert (len(values) == 1) == (field.name in SHARED), field.name


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
        capitals = true
        article = "the"
        """,
    )
    assert read_personas(path) == (
        Persona(name="terse", praise=0, detail=1, corrections=("nope", "no")),
        Persona(name="formal", capitals=True, article="the"),
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("name = 'a'", r"expected a table \[\[persona\]\] for each"),
        ("persona = ['mother']", r"expected a table \[\[persona\]\] for each"),
        ("[[persona]]\npraise = 0.5", "persona 1 has no name"),
        ("[[persona]]\nname = 'a'\nprase = 0.5", "persona 1: unknown key 'prase': expected some of name, praise,"),
        ("[[persona]]\nname = 'a'\npraise = 1.5", r"persona 1: praise = 1.5: expected a number from 0 to 1"),
        ("[[persona]]\nname = 'a'\nslip = -0.1", r"persona 1: slip = -0.1: expected a number from 0 to 1"),
        ("[[persona]]\nname = 'a'\nslip = true", r"persona 1: slip = True: expected a number from 0 to 1"),
        ("[[persona]]\nname = 'a'\npraises = []", r"persona 1: praises = \(\): expected one phrase or more"),
        ("[[persona]]\nname = 'a'\npraises = 'yes'", "persona 1: praises = 'yes': expected one phrase or more"),
        ("[[persona]]\nname = 'a'\narticle = 'an'", "persona 1: article = 'an': expected one of the, as it is, none"),
        ("[[persona]]\nname = 'a'\ndetail = 0", "persona 1: detail = 0: expected a whole number of at least 1"),
        ("[[persona]]\nname = 'a'\ncapitals = 1", "persona 1: capitals = 1: expected true or false"),
        ("[[persona]]\nname = 7", "persona 1: name = 7: expected a text"),
        ("[[persona]]\nname = 'a'\n[[persona]]\nname = 'a'", "two of them have the same name"),
        ("[[persona", "malformed personas"),
    ],
)
def test_a_file_that_makes_no_personas_is_refused_in_one_line(tmp_path: Path, content: str, complaint: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(PersonaError, match=complaint) as error:
        read_personas(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PersonaError, match=r"cannot read personas from .*nobody\.toml: No such file"):
        read_personas(tmp_path / "nobody.toml")
