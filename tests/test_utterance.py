"""What may be said, and what the space of utterances holds: the same."""

from __future__ import annotations

import copy
import pickle
import unicodedata

import pytest
from gymnasium.spaces import Text
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.errors import UserError
from multiref_gym.utterance import MAX_LENGTH, UtteranceSpace, checked

texts = st.text(st.characters(exclude_categories=()), max_size=20) | st.text(max_size=MAX_LENGTH + 2)


@given(texts)
def test_what_may_be_said_is_one_line_of_whole_characters_and_the_space_holds_it(text: str) -> None:
    kinds = {unicodedata.category(character) for character in text}
    may_be_said = len(text) <= MAX_LENGTH and not kinds & {"Cc", "Cs", "Zl", "Zp"}
    assert (text in UtteranceSpace()) == may_be_said
    if may_be_said:
        assert checked(text) is text
        assert len(text.splitlines()) <= 1
        assert text.encode().decode() == text
    else:
        with pytest.raises(UserError, match="the speaker said") as error:
            checked(text)
        assert str(error.value).isprintable()


@pytest.mark.parametrize("value", [None, 3, b"a boat", ["a boat"], float("nan")])
def test_what_is_no_text_is_not_said(value: object) -> None:
    assert value not in UtteranceSpace()
    with pytest.raises(UserError, match="allowed is a text"):
        checked(value)


def test_a_sample_is_an_utterance_and_copies_are_the_same_space() -> None:
    space = UtteranceSpace()
    space.seed(0)
    assert all(space.sample() in space for _ in range(20))
    assert isinstance(space, Text)
    for other in (copy.deepcopy(space), pickle.loads(pickle.dumps(space))):
        assert other == space
        assert "🙂" in other


def test_a_copy_draws_by_itself() -> None:
    space = UtteranceSpace()
    space.seed(1)
    same, other = copy.deepcopy(space), copy.deepcopy(space)
    other.seed(2)
    assert same == space
    drawn = [one.sample() for one in (space, same, other)]
    assert drawn[0] == drawn[1] != drawn[2]
