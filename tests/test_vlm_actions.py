"""Actions as tokens: each legal one in exactly one way, whatever the words' tokens are."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_vlm import chat_form, every_architecture, tiny_vlm
from transformers import AutoTokenizer

from multiref_gym.agents.listeners.lm.actions import ActionTrie, Spelling, among, score_answers
from multiref_gym.game import LETTERS, Action

END = 99
BY_CHARACTERS = Spelling(
    {word: tuple(map(ord, word)) for word in ("select", "deselect")},
    {word: tuple(map(ord, f" {word}")) for word in ("select", *LETTERS)},
    END,
)
# The tokens of a letter are the beginning of the next one's, as in no tokenizer that anyone would make.
BY_TALLY = Spelling(
    {"select": (1,), "deselect": (1, 2)},
    {"select": (3, 3), **{letter: (4, *[5] * i) for i, letter in enumerate(LETTERS)}},
    END,
)


def written(
    trie: ActionTrie, node: int = ActionTrie.START, before: tuple[int, ...] = ()
) -> dict[tuple[int, ...], Action]:
    """Returns every sequence of tokens that the trie allows, with its action."""
    allowed = trie.allowed(node)
    if not allowed:
        return {before: trie.action(node)}
    return {
        tokens: action
        for token in allowed
        for tokens, action in written(trie, trie.step(node, token), (*before, token)).items()
    }


@pytest.mark.parametrize("spelling", [BY_CHARACTERS, BY_TALLY])
@given(st.sets(st.integers(0, 5)))
def test_every_action_is_written_in_one_way_and_nothing_else_is(spelling: Spelling, selected: set[int]) -> None:
    trie = ActionTrie(frozenset(selected), 6, spelling)
    found = written(trie)
    assert len(found) == 2**6 - 1
    assert set(found.values()) == set(trie.actions)
    for tokens, action in found.items():
        answer = trie.answer(action)
        assert answer.tokens == tokens == spelling.tokens(action)
        assert len(tokens) <= trie.longest
    assert trie.longest == max(map(len, found))


def test_the_choices_of_an_action_are_the_steps_at_which_another_one_was_possible() -> None:
    trie = ActionTrie(frozenset({2}), 3, BY_CHARACTERS)
    select_b = trie.answer(Action(frozenset({1})))
    assert [(choice.step, choice.chosen) for choice in select_b.choices] == [(0, 1), (7, 1)]  # verb, letter; B is last
    assert trie.answer(Action(frozenset({0, 1}), frozenset({2}))).choices[0].chosen == 0


def test_what_is_illegal_has_no_tokens() -> None:
    trie = ActionTrie(frozenset({2}), 3, BY_CHARACTERS)
    with pytest.raises(KeyError):
        trie.answer(Action(select=frozenset({2})))


def test_what_is_not_allowed_has_no_probability_whatever_its_logit() -> None:
    logits = torch.tensor([[[0.0, 1.0, 50.0, 2.0]], [[3.0, 3.0, 50.0, 3.0]]])
    found = among(logits, [(0, 0), (1, 0)], [(0, 1), (0, 1, 3)])
    torch.testing.assert_close(found[0], torch.tensor([0.0, 1.0, -torch.inf]).log_softmax(0))
    torch.testing.assert_close(found[1], torch.full((3,), 1 / 3).log())


def test_answers_without_a_choice_are_certain() -> None:
    trie = ActionTrie(frozenset(), 1, BY_TALLY)
    answer = trie.answer(Action(frozenset({0})))
    log_prob, mean = score_answers(torch.randn(1, len(answer.tokens), 100, generator=torch.Generator()), [answer])
    assert log_prob.tolist() == mean.tolist() == [0.0]


@every_architecture
@pytest.mark.parametrize("selected", [frozenset[int](), frozenset({0, 3, 9}), frozenset(range(10))])
def test_words_are_tokenised_as_the_whole_text_would_be(architecture: str, selected: frozenset[int]) -> None:
    form, words = chat_form(architecture), AutoTokenizer.from_pretrained(tiny_vlm(architecture))
    trie = form.trie(selected, 10)
    for action in trie.actions:
        *tokens, end = trie.answer(action).tokens
        assert words.decode(tokens).strip() == str(action)
        assert words(words.decode(tokens), add_special_tokens=False).input_ids == tokens
        assert end == form.end
