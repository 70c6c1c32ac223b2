"""The knowledge of scripted speakers, as numbers: personas, phrases, and the facts of each tangram."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from multiref_gym.compiled.chance import below
from multiref_gym.compiled.compiling import compiled
from multiref_gym.compiled.contexts import MOST_TANGRAMS
from multiref_gym.compiled.record import LARGEST_CONTEXT, Record, Records
from multiref_gym.errors import UserError
from multiref_gym.simulators.persona import Persona
from multiref_gym.simulators.population import population
from multiref_gym.tangrams import LEXICON, TangramSet
from multiref_gym.tangrams.kilogram import content_words
from multiref_gym.utterance import is_utterance

ANNOUNCEMENTS = (
    *("there are {}.", "there are {}.", "total {}.", "there are {} objects.", "there are {} shapes.", "{} shapes."),
    *("{} images.", "there are {} to find.", "we need {}.", "total of {}."),
)
CLOSING = ("perfect, that's all of them", "great, we are done", "yes! thank you", "good job", "", "")
FIXED = ("and", "please click something.", "please select or deselect.")
AND, CLICK, SELECT_OR_DESELECT = range(len(FIXED))
ARTICLES = ("as it is", "the", "none", "other")
OTHER = ARTICLES.index("other")

MOST_PERSONAS, MOST_PHRASES, MOST_CHARACTERS, MOST_FACTS, MOST_OF_ONE = 1 << 10, 1 << 16, 1 << 21, 1 << 14, 16
"""The most that the tables can hold. Unused room takes no memory, because the system allocates it page by page."""

LIST = (np.int32, 2)
"""A list of phrases: its start in `lists`, and its length."""


def _kind(habit: Any) -> tuple[Any, ...]:
    """Returns the dtype of a habit: a rate is a number, phrases are a list, and a text or a count is an integer."""
    return (np.float64,) if isinstance(habit, float) else LIST if isinstance(habit, tuple) else (np.int64,)


PERSONA = np.dtype(
    (
        np.record,
        np.dtype([(f.name, *_kind(f.default)) for f in fields(Persona) if f.name != "name"], align=True),
    )
)
TABLES = np.dtype(
    (
        np.record,
        np.dtype(
            [
                ("persona_count", np.int64),
                ("personas", PERSONA, MOST_PERSONAS),
                # Phrases, by number: 0 is the empty one.
                ("characters", np.uint32, MOST_CHARACTERS),
                ("starts", np.int32, MOST_PHRASES + 1),  # in the characters
                ("hashes", np.uint64, MOST_PHRASES),
                ("bare", np.int32, MOST_PHRASES),  # the phrase without "with"
                ("articled", np.int32, (MOST_PHRASES, len(ARTICLES))),
                ("lists", np.int32, MOST_PHRASES),
                ("fixed", np.int32, len(FIXED)),
                ("closing", *LIST),
                ("announcements", np.int32, (LARGEST_CONTEXT + 1, 2)),  # by the number of targets
                ("capital", np.int32, 0x110000),  # the capital letter of the character with this code
                ("alphanumeric", np.int8, 0x110000),
                # Tangrams. Facts have numbers; for KiloGram's tangrams the facts are the words that people used.
                ("holds", np.int8, (MOST_TANGRAMS, MOST_FACTS)),
                ("figurative", np.float64),
                ("family", np.int32, MOST_TANGRAMS),  # a fact
                ("others", np.int32, (MOST_TANGRAMS, MOST_OF_ONE)),
                ("other_count", np.int32, MOST_TANGRAMS),
                ("words", np.int32, (2, MOST_FACTS, 2)),  # lists for facts: plain phrases, people's phrases
                ("recorded", np.bool_),  # whether there are only people's descriptions
                ("descriptions", np.int32, (MOST_TANGRAMS, 2)),  # a list for each tangram
                ("content", np.int32, MOST_CHARACTERS),  # the content words of phrases, as facts
                ("content_starts", np.int32, MOST_PHRASES + 1),
            ],
            align=True,
        ),
    )
)


@compiled
def pick(tables: Record, game: Record, phrases: Any) -> int:
    """Returns a phrase of a list; all are equally likely."""
    return int(tables.lists[phrases[0] + (below(game, phrases[1]) if phrases[1] > 1 else 0)])


class Tables:
    """The tables of a set of tangrams and its speakers, made once for all games of a process.

    Make them with `shared_tables`. They never change: a copy is the same object, and a pickle holds the arguments.

    Args:
        tangrams: The tangrams to describe.
        figurative: The share of everyday phrases that no plain description holds; for figures only.
        personas: The personas; `population` if None.

    Attributes:
        personas: The personas.
        records: The tables, an array of one `TABLES`.
        tangrams: The tangrams to describe; the n-th row of a table is about the n-th tangram.

    Raises:
        UserError: If something does not fit into the tables, a text is not a valid utterance, or a tangram has neither
            known facts nor descriptions.
    """

    def __init__(self, tangrams: TangramSet, figurative: float, personas: tuple[Persona, ...] | None) -> None:
        self._made_of = (tangrams, figurative, personas)
        self.tangrams, self.personas = tangrams, population() if personas is None else personas
        if len(tangrams) > MOST_TANGRAMS:
            raise _no_room(MOST_TANGRAMS, "tangrams", len(tangrams))
        self.records: Records = np.zeros(1, TABLES)
        self._lists: dict[tuple[str, ...], tuple[int, int]] = {}
        self._numbers = {"": 0}
        self._fill("personas", [self._persona(persona) for persona in self.personas])
        self._fill("fixed", [self._number(phrase) for phrase in FIXED])
        self._fill(
            "announcements", [self._list([a.format(n) for a in ANNOUNCEMENTS]) for n in range(LARGEST_CONTEXT + 1)]
        )
        self._set(persona_count=len(self.personas), closing=self._list(CLOSING), figurative=figurative)
        if all(tangram.facts and tangram.facts <= LEXICON.keys() for tangram in tangrams):
            self._describe_figures(tangrams)
        else:
            self._describe_in_recorded_words(tangrams)
        self._spell()

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Callable[..., Tables], tuple[Any, ...]]:
        return shared_tables, self._made_of

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            self.records[name] = value

    def _fill(self, name: str, rows: Sequence[Any] | NDArray[Any]) -> None:
        room = self.records[name][0]
        if len(rows) > len(room):
            raise _no_room(len(room), name, len(rows))
        if len(rows):
            room[: len(rows)] = rows

    def _number(self, phrase: str) -> int:
        """Returns the number of a phrase."""
        if phrase not in self._numbers and not is_utterance(phrase):
            raise UserError(f"no speaker can say {phrase!r:.60}: allowed is a text of one line, up to 512 characters")
        if len(self._numbers) == MOST_PHRASES and phrase not in self._numbers:
            raise UserError(f"the scripted speaker has room for {MOST_PHRASES:,} phrases, not for more")
        return self._numbers.setdefault(phrase, len(self._numbers))

    def _list(self, phrases: Sequence[str]) -> tuple[int, int]:
        """Returns where a list of phrases is, and its length."""
        key = tuple(phrases)
        if key not in self._lists:
            first = sum(map(len, self._lists))
            self._lists[key] = first, len(key)
            for phrase in key:
                self._number(phrase)
        return self._lists[key]

    def _persona(self, persona: Persona) -> tuple[Any, ...]:
        def value_of(name: str) -> Any:
            match getattr(persona, name):
                case str() as text:
                    return ARTICLES.index(text) if name == "article" else self._number(text)
                case tuple() as phrases:
                    return self._list(phrases)
                case number:
                    return min(number, MOST_OF_ONE + 1)  # there are never more details than facts

        return tuple(map(value_of, PERSONA.names or ()))

    def _describe_figures(self, tangrams: TangramSet) -> None:
        numbers = {fact: number for number, fact in enumerate(LEXICON)}
        said = [(self._list(words.literal), self._list(words.people)) for words in LEXICON.values()]
        self.records["words"][0, :, : len(said)] = np.transpose(said, (1, 0, 2))
        families, others = [], []
        for tangram in tangrams:
            family, *rest = sorted(tangram.facts, key=lambda fact: (not fact.startswith("family="), fact))
            if len(rest) > MOST_OF_ONE:
                raise _no_room(MOST_OF_ONE + 1, f"facts of {tangram.id}", len(tangram.facts))
            families.append(numbers[family])
            others.append([numbers[fact] for fact in rest])
        self._fill("family", families)
        self._fill("other_count", [len(facts) for facts in others])
        self._fill("others", [facts + [0] * (MOST_OF_ONE - len(facts)) for facts in others])
        self._hold(tangrams, numbers)
        for fact, words in LEXICON.items():
            for phrase in (*words.literal, *words.people):
                number = self._number(phrase)
                self.records["bare"][0, number] = self._number(_bare(phrase))
                if fact.startswith("family="):
                    self._inflect(phrase)

    def _inflect(self, phrase: str) -> None:
        """Adds a noun phrase with each article."""
        forms = [self._number(_with_article(phrase, article)) for article in ARTICLES]
        self.records["articled"][0, self._number(phrase)] = forms

    def _describe_in_recorded_words(self, tangrams: TangramSet) -> None:
        facts = sorted({fact for tangram in tangrams for fact in tangram.facts})
        if len(facts) > MOST_FACTS:
            raise _no_room(MOST_FACTS, "content words", len(facts))
        for tangram in tangrams:
            if not tangram.descriptions:
                raise UserError(f"{tangram.id} has no descriptions, and the scripted speaker knows none of its facts")
        numbers = {fact: number for number, fact in enumerate(facts)}
        self._set(recorded=True)
        self._fill("descriptions", [self._list(tangram.descriptions) for tangram in tangrams])
        self._hold(tangrams, numbers)
        for tangram in tangrams:
            for description in tangram.descriptions:
                self._inflect(description)
        content = [
            [numbers[word] for word in dict.fromkeys(content_words(text)) if word in numbers] for text in self._numbers
        ]
        self._fill("content", [word for words in content for word in words])
        self._fill("content_starts", np.cumsum([0, *map(len, content)]).tolist())

    def _hold(self, tangrams: TangramSet, numbers: dict[str, int]) -> None:
        """Records which tangrams have which facts."""
        for row, tangram in zip(self.records["holds"][0], tangrams, strict=False):
            row[[numbers[fact] for fact in tangram.facts]] = True

    def _spell(self) -> None:
        """Writes all phrases, and properties of their characters."""
        texts = list(self._numbers)
        self._fill("characters", np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32))
        self._fill("starts", np.cumsum([0, *map(len, texts)]))
        self._fill("hashes", [_hash(text) for text in texts])
        self._fill("lists", [self._numbers[phrase] for phrases in self._lists for phrase in phrases])
        for character in set("".join(texts)):
            code, capital = ord(character), character.upper()
            if len(capital) == 1:  # the German "ß" has a capital of two letters, and begins no word
                self.records["capital"][0, code] = ord(capital) - code
            self.records["alphanumeric"][0, code] = character.isalnum()


@lru_cache(maxsize=16)
def shared_tables(tangrams: TangramSet, figurative: float, personas: tuple[Persona, ...] | None) -> Tables:
    """Returns the tables, shared by all speakers of this process with the same arguments."""
    return Tables(tangrams, figurative, personas)


def _no_room(most: int, things: str, count: int) -> UserError:
    return UserError(f"the scripted speaker has room for {most:,} {things}, not for {count:,}")


def _hash(text: str) -> int:
    """Hashes a text as `text.hash_of` does (FNV-1a)."""
    x = 0xCBF29CE484222325
    for character in text:
        x = (x ^ ord(character)) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return x


def _with_article(phrase: str, article: str) -> str:
    """Returns a noun phrase with its own article, with another one ("the bird", "the other bird") or with none."""
    own, _, noun = phrase.partition(" ")
    if own not in ("a", "an", "the", "some"):
        noun = phrase
    if article == "as it is" or own in ("something", "one", "our") or own.endswith("'s"):
        return phrase
    return {"none": noun, "the": f"the {noun}", "other": f"the other {noun}"}[article]


def _bare(phrase: str) -> str:
    """Returns a phrase in a form that needs no noun: "a square head" for "with a square head"."""
    return re.sub("^with (its |the )?", "", phrase)
