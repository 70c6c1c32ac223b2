"""The lexical decoder, phrase by phrase and on real people where their games are at hand."""

from __future__ import annotations

import pytest
from human_like import People
from hypothesis import example, given
from hypothesis import strategies as st

from multiref_gym.agents.decoders.lexical import LexicalDecoder
from multiref_gym.agents.decoders.phrasebook import JUDGES_NOTHING, PHRASEBOOK, listed_phrases
from multiref_gym.agents.decoders.phrases import ASKED, CLASSES, SPLITTING
from multiref_gym.agents.decoders.words import SPELT, words_of
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
        # stretched, misspelt, spelt out, hidden and disguised
        "noooo the fatter one",
        "wrng, the fatter one",
        "that's incorect",
        "n.o.p.e",
        "n\u200bo, the fatter one",
        "n\u043e, the fatter one",
        "wr0ng",
        # after an interjection, or after praise
        "ohh no",
        "lol no",
        "yes but that is the wrong one",
        "great, now undo that",
        "thanks but that's wrong, unselect it",
        "nice try, but its the one with a beak",
        "yes wait no",
        "looks right but it isn't",
        # signs
        "\U0001f44e the fatter one",
        "\u274c",
        "great \U0001f644",
        ":( the other",
        # hints, and parts
        "try again",
        "look closer",
        "i meant the taller",
        "the fatter one",
        "the other bird",
        "close",
        "you have one wrong",
        "only one of them is right",
        "are you sure?",
        "??",
        "is that tall to you?",
        "the bird has a crest",
        "my bird is thinner",
        "too small",
        "let me rephrase that, the bird with a crest",
        "two too many",
        "all but one",
        # the action just done, by what it was asked for, or whatever the verb
        "deselect the bird",
        "take your last choice off",
        "remove the one you picked",
        "yeet it",
        "that one has to go",
        # the rejection at the end of much else
        "i was sure that you would see it, as it is the only one with a neck, so that is wrong",
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
        # no rejections
        "no problem, next one is the swan",
        "not bad at all",
        "nothing wrong there, now the rabbit",
        "no need to undo it, next the fox",
        "a prong, at night, by the right wing",
        "a house that is the wrong way round",
        "someone removing a shoe",
        # rejections taken back
        "no, you're right. now the candle",
        "oops my bad, you got it right",
        "deselect that. no wait, leave it",
        "nope nvm",
        # stretched and misspelt praise, and signs
        "yesssss",
        "corect",
        "niiice",
        "\U0001f44d\U0001f3fd",
        ":) the goat",
        "\u2764\ufe0f",
        # counting
        "1 down 3 to go",
        "got both",
        "2 more",
        # older choices
        "great, also deselect the ship from earlier",
        "yes, and undo the first one",
        "great. the lamp from before is not one of mine, take it out",
        "good, and undo that other one too",
        "that is the bird",
        "a man about to drop it",
        "can you find the horse?",
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


@pytest.mark.parametrize(
    ("no", "yes"),
    [
        ("no, el otro pájaro", "sí, ahora la casa con chimenea"),
        ("non, l'autre", "c'est parfait, maintenant la maison"),
        ("das stimmt nicht", "richtig, jetzt der Pfeil"),
        ("não, tira esse", "isso mesmo"),
        ("sbagliato", "giusto, adesso la barca"),
        ("nee, haal die weg", "klopt"),
        ("nie, nie ten", "tak, dobrze"),
        ("нет, другая птица", "это правильно"),
        ("hayır, yanlış", "harika, şimdi tekne"),
        ("不对，取消", "对，下一个"),
        ("いいえ、違います", "はい、そうです"),
        ("لا، خطأ", "نعم صحيح"),
        ("नहीं, दूसरा वाला", "बहुत अच्छा"),
        ("nej, den andra", "맞아요"),
    ],
)
def test_other_languages_are_read_where_they_judge(no: str, yes: str) -> None:
    assert decode(no) is Feedback.NEGATIVE
    assert decode(yes) is Feedback.POSITIVE


@pytest.mark.parametrize("reply", ["swan iyi pẹlu ọrun gigun meji", "ពស់", "птица с длинной шеей"])
def test_what_is_not_understood_is_no_approval(reply: str) -> None:
    assert decode(reply) is Feedback.NEGATIVE
    assert decode(reply, ternary=True) is Feedback.NEUTRAL


def test_who_says_the_same_again_wants_the_same() -> None:
    reply = "the piece with a flat top and two legs"
    (again,) = LexicalDecoder().decode([Exchange(None, reply, SELECT, reply)])
    (after_undo,) = LexicalDecoder().decode([Exchange(None, reply, Action(deselect=frozenset({3})), reply)])
    assert (again, after_undo) == (Feedback.NEGATIVE, Feedback.POSITIVE)


def test_who_shouts_one_word_of_the_request_wants_what_it_says() -> None:
    assert decode("a TALL house") is Feedback.NEGATIVE
    assert decode("A TALL HOUSE") is Feedback.POSITIVE


@given(st.sampled_from(sorted(SPELT)), st.data())
def test_a_word_with_a_letter_repeated_is_that_word(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(word) - 1))
    stretched = word[:place] + word[place] * data.draw(st.integers(3, 9)) + word[place + 1 :]
    assert words_of(stretched) == words_of(word)


@given(st.text())
@example("^^")
def test_characters_that_nobody_sees_change_nothing(text: str) -> None:
    assert words_of("\u200b".join(text)) == words_of(text)


def test_what_is_said_last_counts_however_much_was_said_before() -> None:
    long = "bird no " * 1_000
    for last, feedback in (", great", Feedback.POSITIVE), (", undo that", Feedback.NEGATIVE):
        assert LexicalDecoder().decode([Exchange(None, "", SWAP, long + last)]) == [feedback]


def test_a_phrase_can_be_said() -> None:
    """None is split, or read as another, before it is looked for."""
    for phrase in listed_phrases():
        words = [min(CLASSES.get(word, {"zebra"} if word == ASKED else {word})) for word in phrase.words]
        assert SPLITTING.isdisjoint(words) or phrase.says in JUDGES_NOTHING, phrase
        assert phrase in PHRASEBOOK.said_in(words, {"zebra"}), phrase


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
