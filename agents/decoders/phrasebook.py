"""Phrases that say something of an action, where each counts, and how they are found among words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from multiref_gym.agents.decoders import phrases as said
from multiref_gym.agents.decoders.words import STOP, words_of


class Says(Enum):
    """What a phrase says."""

    APPROVES = auto()
    REJECTS = auto()
    REMOVES = auto()
    """Rejects, unless an older choice is spoken of."""
    HALF_RIGHT = auto()
    """Rejects, and the rest of its clause says what was right."""
    TAKES_BACK = auto()
    """A rejection before it does not count."""
    NOTHING = auto()
    HINTS = auto()
    GOES_ON = auto()
    REQUESTS = auto()
    """Opens a question that asks for an action."""


JUDGES_NOTHING = frozenset({Says.HINTS, Says.GOES_ON, Says.REQUESTS})
"""What counts where nothing is judged, and is looked for apart."""


class Place(Enum):
    """Where a phrase is said for it to count. A clause is fresh if nothing was judged or described before."""

    ANYWHERE = auto()
    END = auto()
    """At the end of its clause, or at the beginning of a fresh one."""
    LAST = auto()
    """At the end of its clause."""
    BEGINNING = auto()
    """At the beginning of a fresh clause, or as all of any other."""
    FRESH = auto()
    """At the beginning of a fresh clause."""
    WHOLE = auto()
    """As all of its clause."""
    FOREIGN = auto()
    """As `BEGINNING`, or anywhere in a clause of a few words that are mostly not English."""
    PRAISED = auto()
    """Anywhere, where there was praise and only a few words since."""
    SHORT = auto()
    """At the beginning or the end of a clause of a few words."""


LISTED = (
    (Says.NOTHING, Place.ANYWHERE, said.HARMLESS),
    (Says.TAKES_BACK, Place.ANYWHERE, said.TAKEN_BACK),
    (Says.HALF_RIGHT, Place.ANYWHERE, said.HALF_RIGHT),
    (Says.APPROVES, Place.ANYWHERE, said.APPROVAL),
    (Says.REJECTS, Place.ANYWHERE, said.REJECTION),
    (Says.REMOVES, Place.ANYWHERE, said.REMOVAL),
    (Says.APPROVES, Place.END, said.CLAUSE_APPROVAL),
    (Says.APPROVES, Place.LAST, said.LAST_APPROVAL),
    (Says.REJECTS, Place.BEGINNING, said.OPENING_REJECTION),
    (Says.APPROVES, Place.BEGINNING, said.OPENING_APPROVAL),
    (Says.APPROVES, Place.FRESH, said.MANNERS),
    (Says.REJECTS, Place.WHOLE, said.WHOLE_REJECTION),
    (Says.REJECTS, Place.PRAISED, said.BUT),
    *((Says.REJECTS, Place.FOREIGN, language.rejects) for language in said.LANGUAGES.values()),
    *((Says.APPROVES, Place.FOREIGN, language.approves) for language in said.LANGUAGES.values()),
    *((Says.REJECTS, Place.SHORT, language.undoes) for language in said.LANGUAGES.values()),
    (Says.HINTS, Place.ANYWHERE, said.HINTS),
    (Says.HINTS, Place.BEGINNING, said.HINTS_FIRST),
    (Says.GOES_ON, Place.ANYWHERE, said.GOING_ON),
    (Says.REQUESTS, Place.ANYWHERE, said.REQUESTS),
)
"""What phrases say and where, by lists; of two lists with the same phrase the former counts."""

KINDS = frozenset({*said.CLASSES, said.ASKED})
"""The names in phrases that stand for words of a kind."""
_KIND = re.compile(rf"({'|'.join(map(re.escape, sorted(KINDS)))})")


def canonical(words: Iterable[str]) -> list[str]:
    """Returns words with contractions in full, and those that mean the same as one: "wasn't" is "is not"."""
    result = list[str]()
    for word in words:
        if word == "r" and result[-1:] == ["you"]:
            result.append("is")
        elif word == "to" and result[-1:] == ["next"]:
            result[-1] = "beside"
        elif word in said.SAME_AS:
            result += said.SAME_AS[word]
        else:
            result.append(word)
    return result


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase in canonical words, what it says, and where it has to be said for that."""

    words: tuple[str, ...]
    says: Says
    place: Place


def listed_phrases() -> list[Phrase]:
    """Returns the phrases of `LISTED`."""
    phrases = dict[tuple[tuple[str, ...], bool], Phrase]()
    for says, place, texts in LISTED:
        for text in texts:
            parts = ([part] if part in KINDS else canonical(words_of(part)) for part in _KIND.split(text))
            words = tuple(word for part in parts for word in part if word != STOP)
            phrases.setdefault((words, says in JUDGES_NOTHING), Phrase(words, says, place))
    return list(phrases.values())


@dataclass(slots=True)
class _Node:
    """What phrases that begin alike go on with, and those that end here.

    Attributes:
        after: The next nodes by the next word of the phrases, or the name of its kind.
        phrases: Those that end here.
        by_word: The same nodes by each word that leads there, as itself first and then as one of a kind.
        by_asked: The node after `phrases.ASKED`.
    """

    after: dict[str, _Node] = field(default_factory=dict)
    phrases: list[Phrase] = field(default_factory=list)
    by_word: dict[str, list[_Node]] = field(default_factory=dict)
    by_asked: _Node | None = None

    def spell_out_kinds(self) -> None:
        """Fills `by_word` and `by_asked`, here and in all nodes that follow."""
        self.by_word = {step: [node] for step, node in self.after.items()}
        self.by_asked = self.after.get(said.ASKED)
        for name, kind in said.CLASSES.items():
            for word in kind if name in self.after else ():
                self.by_word.setdefault(word, []).append(self.after[name])
        for node in self.after.values():
            node.spell_out_kinds()


Found = list[tuple[Phrase, int]]
"""Phrases that begin at the same word, and where they end."""


class Phrasebook:
    """Phrases, to be found in texts.

    Args:
        phrases: The phrases that are known.
    """

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._root = _Node()
        for phrase in phrases:
            node = self._root
            for word in phrase.words:
                node = node.after.setdefault(word, _Node())
            node.phrases.append(phrase)
        self._root.spell_out_kinds()

    def found_in(self, words: Sequence[str], asked: Collection[str] = ()) -> dict[int, Found]:
        """Returns the phrases among words, adverbs between their words aside, by where they begin.

        Args:
            words: Canonical words.
            asked: What `phrases.ASKED` stands for.

        Returns:
            The longest first, and of these those with fewest kinds of words in place of words.
        """
        # Most words begin no phrase, and most of the time would go to them.
        first, asked_first = self._root.by_word, self._root.by_asked is not None
        starts = [
            start
            for start, word in enumerate(words)
            if word in first or (asked_first and word in asked and word not in said.ADVERBS)
        ]
        return {start: found for start in starts if (found := self._beginning(words, start, asked))}

    def _beginning(self, words: Sequence[str], start: int, asked: Collection[str]) -> Found:
        found: Found = []
        paths = [(self._root, start)]
        while paths:
            node, position = paths.pop()
            while position < len(words):
                word = words[position]
                position += 1
                after = node.by_word.get(word, [])
                if after or word not in said.ADVERBS:
                    if node.by_asked and word in asked:
                        after = [*after, node.by_asked]
                    for one in after:
                        found += [(phrase, position) for phrase in one.phrases]
                        if one.after:
                            paths.append((one, position))
                    break
        if len(found) > 1:
            found.sort(key=lambda one: (-one[1], sum(word in KINDS for word in one[0].words)))
        return found

    def said_in(self, words: Sequence[str], asked: Collection[str] = ()) -> set[Phrase]:
        """Returns all phrases among canonical words; hints of a beginning only where a clause begins."""
        said_here, found, beginning = self.found_in(words, asked), set[Phrase](), True
        for start, word in enumerate(words):
            for phrase, _ in said_here.get(start, ()):
                if beginning or phrase.says is not Says.HINTS or phrase.place is Place.ANYWHERE:
                    found.add(phrase)
            beginning = word == STOP or (beginning and word in said.FILLERS)
        return found


PHRASEBOOK = Phrasebook(listed_phrases())
