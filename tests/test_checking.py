"""What comes from outside: what is refused, and the one line that says why."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from annotated_types import Ge, Le, MinLen
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.checking import check_fields, checked, read_json, storable
from multiref_gym.errors import UserError


class OddDog(UserError):
    """A dog that cannot be."""


@dataclass(frozen=True)
class Dog:
    name: str
    age: int = 1
    tame: bool = True
    weight: Annotated[float, Ge(1), Le(90)] = 20.0
    tricks: Annotated[tuple[str, ...], MinLen(1)] = ("sit",)

    __pydantic_config__: ClassVar = {"extra": "forbid"}


def test_what_is_right_is_returned(tmp_path: Path) -> None:
    path = tmp_path / "dog.json"
    path.write_text('{"name": "Rex", "weight": 30, "tricks": ["sit", "beg"]}')
    assert read_json(Dog, path) == Dog("Rex", weight=30.0, tricks=("sit", "beg"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_json(Dog, path).name == "Rex"
    assert checked(list[int], [1, 2], "here") == [1, 2]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{}", "dog.json, field 'name': missing"),
        ('{"name": 7}', "dog.json, field 'name': input should be a valid string, got 7"),
        ('{"name": "a", "age": 1.5}', "dog.json, field 'age': input should be a valid integer, got 1.5"),
        ('{"name": "a", "age": 1.0}', "dog.json, field 'age': input should be a valid integer, got 1.0"),
        ('{"name": "a", "age": "1"}', "dog.json, field 'age': input should be a valid integer, got '1'"),
        ('{"name": "a", "age": true}', "dog.json, field 'age': input should be a valid integer, got True"),
        ('{"name": "a", "tame": 1}', "dog.json, field 'tame': input should be a valid boolean, got 1"),
        ('{"name": "a", "weight": true}', "dog.json, field 'weight': input should be a valid number, got True"),
        ('{"name": "a", "weight": 0}', "dog.json, field 'weight': input should be greater than or equal to 1, got 0"),
        ('{"name": "a", "tricks": ["sit", 2]}', "dog.json, field 'tricks[1]': input should be a valid string, got 2"),
        ('{"name": "a", "tail": 1}', "dog.json, field 'tail': unknown; allowed is name, age, tame, weight, tricks"),
        ("[]", "dog.json: input should be an object, got []"),
        ("{", "dog.json: not JSON (EOF while parsing an object at line 1 column 1)"),
    ],
)
def test_what_is_wrong_is_told_by_place_and_field(text: str, line: str) -> None:
    with pytest.raises(OddDog) as refused:
        checked(Dog, text.encode(), "dog.json", OddDog)
    assert str(refused.value) == line


@pytest.mark.parametrize("weight", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_what_is_no_number_is_in_no_range(weight: str) -> None:
    with pytest.raises(UserError, match="field 'weight': input should be"):
        checked(Dog, f'{{"name": "a", "weight": {weight}}}'.encode(), "dog.json")


@given(st.text(st.characters(exclude_categories=[])))
def test_a_text_is_storable_if_it_has_bytes_and_no_nul(text: str) -> None:
    try:
        assert storable(text) == text.encode().replace(b"\0", b"").decode()
    except UserError as refused:
        character = text[int(str(refused).split()[1]) - 1]
        assert character == "\0" or "\ud800" <= character <= "\udfff"


def test_a_long_value_is_told_by_its_beginning() -> None:
    with pytest.raises(UserError) as refused:
        checked(int, "x\n" * 1000, "here")
    assert len(str(refused.value)) < 120
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OddDog, match=r"absent\.json: No such file or directory$"):
        read_json(Dog, tmp_path / "absent.json", OddDog)


def test_the_fields_of_a_dataclass_are_checked_one_by_one() -> None:
    check_fields(Dog("Rex"))
    with pytest.raises(UserError, match=r"^field 'weight': input should be less than or equal to 90, got 91$"):
        check_fields(Dog("Rex", weight=91))


def test_an_environment_does_not_wait_for_what_it_needs_only_to_read_files() -> None:
    made = (
        "import sys, gymnasium, multiref_gym; gymnasium.make('MultiRef-v0').reset(); print('pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", made], capture_output=True, text=True, check=True).stdout == "False\n"
