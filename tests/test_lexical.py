"""The lexical decoder, phrase by phrase and on real people where their games are at hand."""

from __future__ import annotations

import pytest
from human_like import People
from hypothesis import given
from hypothesis import strategies as st

from multiref_gym.agents.decoders.lexical import LexicalDecoder
from multiref_gym.feedback import Exchange, Feedback, ground_truth
from multiref_gym.formats import read_interactions
from multiref_gym.game import Action

SELECT = Action(select=frozenset({3}))
SWAP = Action(select=frozenset({3}), deselect=frozenset({5}))


def decode(reply: str, action: Action = SELECT, *, ternary: bool = False) -> Feedback:
    (feedback,) = LexicalDecoder(ternary).decode([Exchange(None, "the tall bird", action, reply)])
    return feedback


@pytest.mark.parametrize(
    "reply",
    [
        "no",
        "Nope, the small one",
        "Not that bird, the other bird",
        "that's not it",
        "that isn’t the one",
        "it's not right",
        "Close, but no. The tall one",
        "Again, no.",
        "That is completely wrong! Look for the house",
        "Oops, the boat",
        "I think you picked the wrong bird",
        "undo",
        "ok undo that",
        "please undo that last one",
        "Deselect the last object. Pick the horse",
        "de-select both of those",
        "un select it",
        "unselct this and find a tree",
        "deselct",
        "get rid of that, then the boat",
        "take off the last shape",
        "take that back",
        "put the last one back",
        "remove the shape",
        "deselect the one you just picked",
        "no deselect, looks like a good boat",
        "Wrong. The correct shape is a house",
    ],
)
def test_rejections_and_undo_requests_are_negative(reply: str) -> None:
    assert decode(reply) is Feedback.NEGATIVE
    assert decode(reply.upper()) is Feedback.NEGATIVE


@pytest.mark.parametrize("reply", ["please click something. the tall one", "a bird with a long neck", "", "yes?"])
def test_doing_nothing_earns_nothing(reply: str) -> None:
    assert decode(reply, Action()) is Feedback.NEGATIVE
    assert decode(reply, Action(), ternary=True) is Feedback.NEGATIVE


@pytest.mark.parametrize(
    "reply",
    [
        "yes, now the house",
        "Perfect! a person with no legs",
        "good. remove the lamp",
        "Correct. Remove the prior choice.",
        "that is right. a bird not facing left",
        "ok, the swan",
        "okay, next one is the wolf",
        "the bird with no legs",
        "a house without a door, no chimney",
        "person with no arms",
        "an arrow not facing left",
        "right arrow",
        "two squares close together",
        "remove the lamp",
        "now deselect the one that looks like a boat",
        "unselect the hook you picked first",
        "take away the lamp",
        "a cat with its back to the left",
        "",
    ],
)
def test_praise_and_moving_on_are_positive(reply: str) -> None:
    assert decode(reply) is Feedback.POSITIVE
    assert decode(reply.upper()) is Feedback.POSITIVE


def test_a_rejected_swap_is_neutral_for_the_ternary_decoder_alone() -> None:
    assert decode("no, the wolf", SWAP, ternary=True) is Feedback.NEUTRAL
    assert decode("no, the wolf", SELECT, ternary=True) is Feedback.NEGATIVE
    assert decode("yes, the wolf", SWAP, ternary=True) is Feedback.POSITIVE
    assert decode("no, the wolf", SWAP) is Feedback.NEGATIVE


@given(st.lists(st.text(), max_size=5))
def test_the_binary_decoder_answers_every_exchange_and_is_never_neutral(replies: list[str]) -> None:
    decoded = LexicalDecoder().decode([Exchange(None, "", SWAP, reply) for reply in replies])
    assert len(decoded) == len(replies)
    assert Feedback.NEUTRAL not in decoded


def test_people_are_understood_and_every_single_speaker_too(people: People) -> None:
    hits: dict[str, list[bool]] = {}
    decoder = LexicalDecoder()
    for game in read_interactions(people.games):
        for exchange, feedback in zip(game.exchanges(), decoder.decode(game.exchanges()), strict=True):
            good = ground_truth(exchange.action, game.targets) is Feedback.POSITIVE
            hits.setdefault(game.speaker, []).append(good == (feedback is Feedback.POSITIVE))
    every = [hit for speaker in hits.values() for hit in speaker]
    assert sum(every) / len(every) >= 0.95
    assert all(sum(speaker) / len(speaker) >= 0.9 for speaker in hits.values())
