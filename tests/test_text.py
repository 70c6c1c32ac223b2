"""Words as sub-words: related words meet, different words differ, and a checkpoint's rows never move."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.agents.listeners.small.model import SmallConfig
from multiref_gym.agents.listeners.small.text import PIECES_PER_WORD, encode_words, rows_of
from multiref_gym.tangrams import LEXICON
from multiref_gym.vocabulary import words_of

BUCKETS = SmallConfig().buckets


def test_the_rows_of_a_word_never_change() -> None:
    # The shipped checkpoint was trained with these rows; Python's own `hash` would give others in each process.
    assert rows_of("chimney", BUCKETS) == (10619, 2858, 2435, 11137, 7130, 8346, 10823)
    assert rows_of("a", BUCKETS) == (401,)


@pytest.mark.parametrize(("word", "relative"), [("chimney", "chimneys"), ("point", "pointing"), ("kitty", "kitties")])
def test_related_words_share_pieces_but_not_their_own_row(word: str, relative: str) -> None:
    own, *pieces = rows_of(word, BUCKETS)
    own_of_relative, *pieces_of_relative = rows_of(relative, BUCKETS)
    assert own != own_of_relative
    assert len(set(pieces) & set(pieces_of_relative)) >= 2


def test_all_words_of_the_figures_differ() -> None:
    phrases = [phrase for words in LEXICON.values() for phrase in words.literal + words.people]
    words = {word for phrase in phrases for word in words_of(phrase)}
    assert len({rows_of(word, BUCKETS) for word in words}) == len(words) > 100


@given(st.text(min_size=1, max_size=40), st.integers(2, 1000))
def test_rows_leave_the_first_to_padding_and_fit_the_table(text: str, buckets: int) -> None:
    for word in words_of(text):
        rows = rows_of(word, buckets)
        assert 1 <= len(rows) <= PIECES_PER_WORD
        assert all(0 < row < buckets for row in rows)


def test_an_utterance_is_split_into_lower_case_words_and_marks() -> None:
    assert words_of("No, the MAN's hat!") == ["no", ",", "the", "man's", "hat", "!"]
    assert words_of("2 birds") == ["2", "birds"]
    assert words_of("é") == ["é"]
    assert words_of(" \n") == []


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_nothing_that_is_said_is_lost(text: str) -> None:
    assert "".join(words_of(text)) == "".join(text.lower().split())


@given(st.lists(st.lists(st.sampled_from(["a", "bird", "birds", "with", "no", "chimney"]), max_size=5), max_size=4))
def test_encoding_holds_each_distinct_word_once_and_zeros_elsewhere(utterances: list[list[str]]) -> None:
    pieces, texts = encode_words(utterances, BUCKETS)
    distinct = {word for words in utterances for word in words}
    assert pieces.shape == (len(distinct) + 1, PIECES_PER_WORD)
    assert texts.shape == (len(utterances), max(1, *map(len, utterances), 1))
    assert not pieces[0].any()
    for words, row in zip(utterances, texts.tolist(), strict=True):
        assert not any(row[len(words) :])
        for word, index in zip(words, row, strict=False):
            rows = rows_of(word, BUCKETS)
            assert tuple(pieces[index].tolist()) == rows + (0,) * (PIECES_PER_WORD - len(rows))
