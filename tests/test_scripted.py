"""The scripted speaker: always wants something it can have, and reacts to what it wanted."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_games import FIGURES, PLAIN, dialogue, opened

from multiref_gym.agents.decoders.lexical import rejects
from multiref_gym.contexts import shared_contexts
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.game import Action, Game, check_action
from multiref_gym.simulators.persona import Persona, PersonaError
from multiref_gym.simulators.population import population
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.simulators.tables import ANNOUNCEMENTS
from multiref_gym.tangrams import LEXICON, Tangram, TangramSet

PERSONAS = {persona.name: persona for persona in population()}
SLIP = PLAIN[0].slip

seeds = st.integers(0, 10_000)
answers = st.lists(st.none() | st.sets(st.integers(0, 9), max_size=3), max_size=12)
"""What a listener clicks turn after turn; None where its answer is no action."""


class Reply(NamedTuple):
    """A reply to an action, with what had been wanted and what was done."""

    persona: Persona
    before: str
    wanted: Action
    action: Action
    truth: Feedback
    text: str

    @property
    def corrects(self) -> bool:
        """Whether the reply opens with one of the persona's words for a bad action."""
        return self._opens_with(self.persona.corrections)

    @property
    def praises(self) -> bool:
        """Whether the reply opens with one of the persona's words of praise."""
        return self._opens_with(self.persona.praises)

    def _opens_with(self, phrases: Sequence[str]) -> bool:
        return f"{self.text} ".startswith(tuple(f"{phrase} " for phrase in phrases))


def replies(seed: int) -> Iterator[Reply]:
    """Plays a game with a listener that does what is wanted half of the time, and else clicks at random."""
    speaker, game, utterance = opened(seed)
    rng = np.random.default_rng(seed + 1)
    while not game.over:
        wanted = speaker.wanted
        action = wanted if rng.random() < 0.5 else Action.clicking([int(rng.random() * 10)], game.selected)
        game.apply(action)
        text = speaker.reply(action)
        if not game.over:
            truth = ground_truth(action, game.targets)
            yield Reply(PERSONAS[speaker.name], utterance, wanted, action, truth, text)
        utterance = text


@cache
def many_replies() -> list[Reply]:
    return [reply for seed in range(500) for reply in replies(seed)]


def test_the_wanted_action_is_corrected_by_a_slip_only() -> None:
    corrected = [reply.corrects for reply in many_replies() if reply.action == reply.wanted]
    assert 0 < np.mean(corrected) < 2 * SLIP


def test_a_bad_action_is_nearly_always_answered_by_a_negative_word() -> None:
    bad = [reply for reply in many_replies() if reply.truth is Feedback.NEGATIVE]
    assert np.mean([reply.corrects or rejects(reply.text) for reply in bad]) > 0.93
    assert np.mean([reply.praises for reply in bad]) < 2 * SLIP


@pytest.mark.parametrize("accepts_luck", [0.0, 0.5, 1.0])
def test_luck_is_taken_as_good_as_often_as_the_persona_has_it(accepts_luck: float) -> None:
    # Feedback follows the intention: chance finds a target 40 % of the time, and not all take it as good.
    persona = Persona(name="somebody", accepts_luck=accepts_luck, slip=0.0, praise=1.0, two_at_once=0.0)
    corrected = []
    for seed in range(150):
        speaker, game, _ = opened(seed, [persona])
        lucky = min(game.targets - speaker.wanted.select)
        action = Action.clicking([lucky], game.selected)
        game.apply(action)
        reply = speaker.reply(action)
        assert reply.startswith(("no,", "yes,", "good,"))
        corrected.append(reply.startswith("no,"))
    assert np.mean(corrected) == pytest.approx(1 - accepts_luck, abs=0.12)


def test_a_good_action_is_corrected_and_a_bad_one_praised_as_often_as_the_speaker_slips() -> None:
    confused = Persona(name="confused", slip=1.0, praise=1.0, forgets=0.0)
    for seed in range(30):
        speaker, game, _ = opened(seed, [confused])
        action = speaker.wanted
        game.apply(action)
        assert speaker.reply(action).startswith("no,")
        speaker, game, _ = opened(seed, [replace(confused, undo_only=0.0)])
        action = Action.clicking([min(set(range(10)) - game.targets)], game.selected)
        game.apply(action)
        assert not speaker.reply(action).startswith("no,")


def test_what_is_selected_already_is_described_by_who_forgets() -> None:
    speaker, game, _ = opened(0, [Persona(name="forgetful", forgets=1.0, two_at_once=0.0)])
    action = speaker.wanted
    game.apply(action)
    speaker.reply(action)
    assert not speaker.wanted.clicks
    game.apply(Action())
    assert not speaker.reply(Action()).startswith("please")


def test_who_seldom_starts_afresh_describes_a_target_until_it_is_selected() -> None:
    steadfast = Persona(name="steadfast", fresh_start=0.0, undo_only=0.5, two_at_once=0.0, forgets=0.0)
    for seed in range(20):
        speaker, game, _ = opened(seed, [steadfast])
        [target] = speaker.wanted.select
        wrong = iter(set(range(10)) - game.targets)
        for _ in range(5):
            action = Action.clicking([next(wrong)], game.selected) if speaker.wanted.select else speaker.wanted
            game.apply(action)
            speaker.reply(action)
            assert speaker.wanted.select <= {target}


def test_two_targets_at_once_are_joined_and_both_wanted() -> None:
    for seed in range(10):
        speaker, _, utterance = opened(seed, [Persona(name="hasty", two_at_once=1.0)])
        assert len(speaker.wanted.select) == 2
        assert " and " in utterance


def test_after_a_failure_the_wrong_one_is_told_from_the_right_one_by_who_compares() -> None:
    persona = Persona(name="comparing", compares=1.0, undo_only=0.0, fresh_start=0.0, slip=0.0)
    compared = 0
    for seed in range(200):
        speaker, game, _ = opened(seed, [persona])
        if len(speaker.wanted.select) > 1:
            continue
        [target] = speaker.wanted.select
        kinds = [FIGURES[id].id.rpartition("-")[0] for id in game.context.listener_order]
        alike = [i for i in set(range(10)) - game.targets if kinds[i] == kinds[target]]
        if alike:
            action = Action.clicking([alike[0]], game.selected)
            game.apply(action)
            reply = speaker.reply(action)
            compared += "other" in reply or not LEXICON[f"family={kinds[target]}"].people[0].startswith("a ")
            assert reply.startswith("no,")
    assert compared > 20


def test_a_speaker_types_as_it_does() -> None:
    persona = Persona(name="writer", capitals=1.0, endings=(".",), announces=1.0)
    for seed in range(10):
        _, _, utterance = opened(seed, [persona])
        assert utterance.endswith(".")
        assert all(sentence[0].isupper() or sentence[0].isdigit() for sentence in utterance.split(". "))


def test_who_announces_the_number_of_targets_says_it_first() -> None:
    announcing = replace(PLAIN[0], announces=1.0)
    for seed in range(10):
        _, game, utterance = opened(seed, [announcing])
        assert utterance.startswith(tuple(text.format(len(game.targets)) + " " for text in ANNOUNCEMENTS))


def test_a_speaker_whose_words_are_too_many_is_refused() -> None:
    with pytest.raises(
        UserError, match=r"^no speaker can say 'w+.*: allowed is a text of one line, up to 512 characters$"
    ):
        ScriptedSpeaker(FIGURES, personas=[Persona(name="long", undos=("w" * 513,))])
    speaker = ScriptedSpeaker(FIGURES, personas=[Persona(name="long", before_first=("w" * 512,))])
    rng = np.random.default_rng(0)
    with pytest.raises(UserError, match="the speaker said 513 characters: allowed are 512"):
        Episode(Game(shared_contexts(FIGURES).draw(rng)), speaker, rng)


def test_a_slip_of_the_finger_makes_no_text_short_enough() -> None:
    long = Persona(name="long", before_first=(" ".join(["wordy"] * 85),), remarks=(" " + "w" * 60,), typos=1.0)
    assert {len(opened(seed, [long])[2]) for seed in range(10)} == {513}


def tangram_set(count: int, facts: Sequence[str], descriptions: Sequence[str]) -> TangramSet:
    pieces, parts = FIGURES.tangrams[0].pieces, FIGURES.tangrams[0].parts
    return TangramSet(
        "odd", [Tangram(f"odd-{i}", pieces, frozenset(facts), tuple(descriptions), parts) for i in range(count)]
    )


@pytest.mark.parametrize(
    ("tangrams", "message"),
    [
        (tangram_set(8193, ["odd"], ["odd"]), "the scripted speaker has room for 8,192 tangrams, not for 8,193"),
        (tangram_set(1, ["odd"], [f"odd {i}" for i in range(30_000)]), "has room for 65,536 phrases, not for more"),
        (tangram_set(1, list(LEXICON), []), f"has room for 17 facts of odd-0, not for {len(LEXICON)}"),
        (
            tangram_set(1, ["odd"], []),
            "odd-0 has no descriptions, and the scripted speaker knows none of its facts",
        ),
        (tangram_set(1, [], []), "odd-0 has no descriptions"),
    ],
)
def test_a_set_of_which_it_cannot_speak_is_one_clear_error(tangrams: TangramSet, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ScriptedSpeaker(tangrams)


def test_somebody_has_to_speak() -> None:
    with pytest.raises(PersonaError, match="no personas: expected at least one"):
        ScriptedSpeaker(FIGURES, personas=[])


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_a_misspelt_word_keeps_its_ends(seed: int) -> None:
    exact, misspelt = (
        dialogue(seed, [{1}], [Persona(name="typist", typos=typos)])[0].split(" ") for typos in (1e-9, 1.0)
    )
    assert len(exact) == len(misspelt)
    for word, typed in zip(exact, misspelt, strict=True):
        assert word == typed or (word[0], word[-1]) == (typed[0], typed[-1])


def test_the_silent_say_nothing_as_often_as_they_do_and_want_something_all_the_same() -> None:
    silent = Persona(name="silent", silence=0.5)
    found = [opened(seed, [silent]) for seed in range(200)]
    assert all(speaker.wanted.select for speaker, _, _ in found)
    assert np.mean([utterance == "" for _, _, utterance in found]) == pytest.approx(0.5, abs=0.12)


def test_who_confuses_tangrams_describes_another_than_it_wants() -> None:
    clear = Persona(name="clear", cares=1.0, detail=9)
    said = [(opened(seed, [clear])[2], opened(seed, [replace(clear, confuses=1.0)])[2]) for seed in range(40)]
    assert np.mean([one != other for one, other in said]) > 0.8


def test_who_counts_says_which_target_it_is() -> None:
    counting = Persona(name="counting", numbered=("one:", "two:", "more:"), forgets=0, two_at_once=0, says_last=0)
    for seed in range(10):
        speaker, game, utterance = opened(seed, [counting])
        for count in ("one:", "two:", "more:", "more:", "more:")[: len(game.targets)]:
            assert utterance.startswith(count) or f" {count} " in utterance
            action = speaker.wanted
            game.apply(action)
            utterance = speaker.reply(action)


def test_most_speakers_praise_and_a_few_hardly_ever_do() -> None:
    praised = defaultdict(list)
    for reply in many_replies():
        if reply.action == reply.wanted:
            praised[reply.persona.name].append(reply.praises)
    rates = [np.mean(values) for values in praised.values() if len(values) >= 15]
    assert len(rates) > 30
    rarely, often = (np.mean([rate < 0.25 for rate in rates]), np.mean([rate > 0.6 for rate in rates]))
    assert 0.05 < rarely < 0.35
    assert often > 0.5
    assert rarely + often > 0.75  # few are in between


def test_what_failed_is_said_in_other_words() -> None:
    failed = [reply for reply in many_replies() if reply.truth is Feedback.NEGATIVE and reply.wanted.select]
    assert np.mean([reply.before in reply.text for reply in failed]) < 0.01


@settings(max_examples=40, deadline=None)
@given(seeds, answers)
def test_what_is_wanted_is_something_and_legal_until_the_game_is_over(seed: int, clicks: list[set[int] | None]) -> None:
    speaker, game, _ = opened(seed)
    for positions in [*clicks, set[int]()]:
        assert speaker.wanted.clicks
        check_action(speaker.wanted, game.selected)
        action = None if positions is None else Action.clicking(positions, game.selected)
        if action is not None:
            game.apply(action)
        if game.over:
            break
        speaker.reply(action)


@settings(max_examples=40, deadline=None)
@given(seeds, answers)
def test_who_does_what_is_wanted_wins_from_anywhere(seed: int, clicks: list[set[int] | None]) -> None:
    speaker, game, _ = opened(seed, max_turns=100)
    for positions in clicks:
        action = Action.clicking(positions or set(), game.selected)
        game.apply(action)
        if game.over:
            return
        speaker.reply(action)
    while not game.over:
        missed = game.selected ^ game.targets
        action = speaker.wanted
        game.apply(action)
        assert game.selected ^ game.targets < missed  # each step does something that was still to be done
        speaker.reply(action)
    assert game.success


@settings(max_examples=40, deadline=None)
@given(seeds, answers)
def test_the_same_chance_makes_the_same_dialogue(seed: int, clicks: list[set[int] | None]) -> None:
    assert dialogue(seed, clicks) == dialogue(seed, clicks)


def test_other_chance_makes_another_dialogue() -> None:
    assert len({tuple(dialogue(seed, [{1}, {2}])) for seed in range(20)}) == 20


@settings(max_examples=40, deadline=None)
@given(seeds, answers)
def test_something_is_said_and_no_letter_and_no_id(seed: int, clicks: list[set[int] | None]) -> None:
    said = dialogue(seed, clicks, PLAIN)  # without capital letters, which a sentence may begin with
    for utterance in said[:-1]:
        assert utterance.strip() == utterance != ""
        assert "  " not in utterance
    for utterance in said:
        assert not re.search(r"\b[A-J]\b", utterance)
        assert not re.search(r"\b[a-z]+-\d{4}\b", utterance)


@pytest.mark.parametrize("action", [None, Action()])
def test_no_action_is_answered_by_asking_again(action: Action | None) -> None:
    for seed in range(20):
        speaker, game, first = opened(seed, [replace(PLAIN[seed], fresh_start=0.0)])
        wanted = speaker.wanted
        if action is not None:
            game.apply(action)
        reply = speaker.reply(action)
        assert reply.startswith("please ")
        assert reply != first
        assert speaker.wanted == wanted


def test_a_lost_game_ends_without_a_word_and_a_won_one_with_none_that_asks() -> None:
    for seed in range(20):
        speaker, game, _ = opened(seed)
        while not game.over:
            action = speaker.wanted
            game.apply(action)
            closing = speaker.reply(action)
        assert not closing or "all" in closing or "done" in closing or "thank" in closing or "good job" in closing
        speaker, game, _ = opened(seed)
        for _ in range(10):
            game.apply(Action())
            closing = speaker.reply(Action())
        assert closing == ""


def test_a_speaker_stays_the_same_for_a_game_and_differs_between_games() -> None:
    speaker = ScriptedSpeaker(FIGURES)
    names = set()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        game = Game(shared_contexts(FIGURES).draw(rng))
        speaker.start(game, rng)
        name = speaker.name
        assert name in PERSONAS
        for position in range(9):
            action = Action.clicking([position], game.selected)
            game.apply(action)
            if game.over:
                break
            speaker.reply(action)
            assert speaker.name == name
        names.add(name)
    assert len(names) > 15


def test_a_game_leaves_no_trace_in_the_next_one() -> None:
    speaker = ScriptedSpeaker(FIGURES)
    rng = np.random.default_rng(2)
    context = shared_contexts(FIGURES).draw(rng)

    def said_in_a_game() -> list[str]:
        game, chance = Game(context), np.random.default_rng(3)
        said = [speaker.start(game, chance)]
        for position in range(3):
            action = Action.clicking([position], game.selected)
            game.apply(action)
            said.append(speaker.reply(action))
        return said

    assert said_in_a_game() == said_in_a_game()


def test_what_is_said_for_a_seed_is_what_was_said_when_the_people_were_drawn() -> None:
    said = [dialogue(seed, [{1}, None, {2, 3}, set(), {5}, {1, 5, 8}]) for seed in range(100)]
    digest = hashlib.sha256("\n".join(line for lines in said for line in lines).encode()).hexdigest()
    assert digest.startswith("f10800372abda22a")


def test_two_processes_say_the_same() -> None:
    code = (
        "from scripted_games import dialogue\n"
        "print([dialogue(seed, [{1}, None, {2, 3}, set(), {5}]) for seed in range(10)])"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        for seed in ("1", "2")
    ]
    first, second = (process.communicate()[0] for process in processes)
    assert len(first) > 1000
    assert first == second
