"""The compiled speaker against the plain one of before it, given the same chance: equal to the byte."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plain_scripted
import pytest
from plain_chance import Chance, Choice
from plain_scripted import ScriptedSpeaker as PlainSpeaker

from multiref_gym.contexts import Contexts
from multiref_gym.game import Action, Game
from multiref_gym.simulators.persona import Persona
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import LEXICON, Tangram, TangramSet, load_tangrams
from multiref_gym.tangrams.kilogram import content_words, described_alike

GAMES = 200
WHOLE = (1 << 64) - 1
FIGURES = load_tangrams("figures")


class CountedChance(Chance):
    """Draws the numbers of the compiled speaker: see `compiled.chance`."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.key, self.drawn = int(rng.integers(1 << 63)), 0

    def __call__(self) -> float:
        self.drawn += 1
        x = (self.key + self.drawn * 0x9E3779B97F4A7C15) & WHOLE
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & WHOLE
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB & WHOLE
        return float((x ^ (x >> 31)) >> 11) * 2.0**-53

    def happens(self, rate: float) -> bool:
        return self() < rate

    def pick(self, choices: Sequence[Choice]) -> Choice:
        return choices[int(self() * len(choices))] if len(choices) > 1 else choices[0]


ODD = (
    Persona(name="terse", praise=0.05, corrections=("nope,",), detail=1, typos=0.03),
    Persona(
        name="é",
        **{
            "praises": ("jà–", "öh oui … bien–"),
            "corrections": ("ñon.", "猫 no 🙂", "no! wait? no. "),
            "capitals": 0.7,
        },
        **{
            "endings": (".", "!", ""),
            "typos": 0.2,
            "two_at_once": 0.5,
            "forgets": 0.3,
            "confuses": 0.1,
            "silence": 0.1,
        },
        **{"joiners": (" — ", ". "), "pronoun": "Ÿ", "remarks": (", i think", ""), "numbered": ("first", "then")},
    ),
    Persona(
        name="slips",
        **{"slip": 0.4, "compares": 1.0, "undo_only": 0.9, "asks_undo": 1.0, "clears_up": 0.3, "says_last": 1.0},
        **{"accepts_luck": 0.1, "fresh_start": 0.0, "announces": 1.0, "detail": 6, "cares": 0.3, "article": "none"},
        **{"names": 0.3, "alternatives": (" or ", ". or ")},
    ),
)


def recorded() -> TangramSet:
    """Returns tangrams with descriptions of people, as KiloGram's are: here from the lexicon of figures."""
    rng = np.random.default_rng(9)
    texts = [phrase for words in LEXICON.values() for phrase in words.people]

    def described(i: int) -> Tangram:
        descriptions = [" ".join(rng.choice(texts, 1 + rng.integers(2))) for _ in range(1 + rng.integers(6))]
        descriptions += descriptions[:1] if i % 7 == 0 else []
        facts = frozenset(word for text in descriptions for word in content_words(text))
        return Tangram(f"page{i}.png", FIGURES.tangrams[i].pieces, facts, tuple(descriptions), ())

    return TangramSet("recorded", [described(i) for i in range(200)], "id", described_alike)


@pytest.mark.parametrize(
    ("tangrams", "settings", "similarity", "max_turns"),
    [
        (FIGURES, {}, 0.0, 10),
        (FIGURES, {"figurative": 0.0}, 0.7, 10),
        (FIGURES, {"figurative": 0.5, "personas": ODD}, 0.0, 10),
        (FIGURES, {"personas": ODD}, 0.0, 25),
        (recorded(), {}, 0.3, 10),
        (recorded(), {"personas": ODD}, 0.0, 10),
    ],
    ids=["figures", "plain words, alike", "odd personas", "long games", "recorded", "recorded, odd personas"],
)
def test_says_word_for_word_what_the_plain_speaker_says(
    monkeypatch: pytest.MonkeyPatch,
    tangrams: TangramSet,
    settings: dict[str, Any],
    similarity: float,
    max_turns: int,
) -> None:
    monkeypatch.setattr(plain_scripted, "Chance", CountedChance)
    contexts, rng = Contexts(tangrams, similarity=similarity), np.random.default_rng(0)
    plain, compiled = PlainSpeaker(tangrams, **settings), ScriptedSpeaker(tangrams, **settings)
    won = 0
    for number in range(GAMES):
        game = Game(contexts.draw(rng), max_turns)
        said, expected = (speaker.start(game, np.random.default_rng(number)) for speaker in (compiled, plain))
        assert (said, compiled.name) == (expected, plain.name)
        while not game.over:
            assert compiled.wanted == plain.wanted
            clicks = set(plain.wanted.clicks) if rng.random() < 0.6 else set(np.flatnonzero(rng.random(10) < 0.2))
            action = None if rng.random() < 0.1 else Action.clicking(map(int, clicks), game.selected)
            game.apply(action or Action())
            assert compiled.reply(action) == plain.reply(action)
        won += game.success
    assert won > GAMES / 10
