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

_KINDS_OF = {
    word: [name for name, kind in said.CLASSES.items() if word in kind]
    for word in frozenset().union(*said.CLASSES.values())
}


_NOT_CANONICAL = frozenset({"r", "to", *said.SAME_AS})


def canonical(words: Collection[str]) -> list[str]:
    """Returns words with contractions in full, and those that mean the same as one: "wasn't" is "is not"."""
    if _NOT_CANONICAL.isdisjoint(words):
        return list(words)
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
    """What phrases that begin alike go on with, and those that end here."""

    after: dict[str, _Node] = field(default_factory=dict)
    phrases: list[Phrase] = field(default_factory=list)


class _Reached(dict[str, "_Reached | None"]):
    """The nodes that some words in a row lead to, and what the next word makes of them: None if it leads nowhere.

    The keys are words, with a question mark after one that was asked for. What a word leads to is found out when it
    comes up first.

    Args:
        nodes: The nodes.
        phrases: Those that end with the last of the words.
    """

    def __init__(self, nodes: Sequence[_Node], phrases: Sequence[Phrase] = ()) -> None:
        self.phrases = sorted(phrases, key=lambda phrase: sum(word in KINDS for word in phrase.words))
        self._nodes = nodes

    def __missing__(self, key: str) -> _Reached | None:
        word, asked = key.removesuffix("?"), key.endswith("?")
        nodes, phrases = list[_Node](), list[Phrase]()
        for node in self._nodes:
            if word not in node.after and word in said.ADVERBS:
                nodes.append(node)
                continue
            steps = (word, *_KINDS_OF.get(word, ()), *([said.ASKED] if asked else ()))
            after = [node.after[step] for step in steps if step in node.after]
            phrases += [phrase for reached in after for phrase in reached.phrases]
            nodes += reversed(after)
        self[key] = _Reached(nodes, phrases) if nodes else None
        return self[key]


Found = list[tuple[Phrase, int]]
"""Phrases that begin at the same word, and where they end."""


class Phrasebook:
    """Phrases, to be found in texts.

    Args:
        phrases: The phrases that are known.
    """

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        root = _Node()
        self._words = {*_KINDS_OF, *said.ADVERBS}
        for phrase in phrases:
            node = root
            for word in phrase.words:
                node = node.after.setdefault(word, _Node())
            node.phrases.append(phrase)
            self._words |= set(phrase.words)
        self._start = _Reached([root])
        for adverb in said.ADVERBS - root.after.keys():  # it is passed over in a phrase, and does not begin one
            self._start |= {adverb: None, f"{adverb}?": None}

    def found_in(self, words: Sequence[str], asked: Collection[str] = ()) -> dict[int, Found]:
        """Returns the phrases among words, adverbs between their words aside, by where they begin.

        Args:
            words: Canonical words.
            asked: What `phrases.ASKED` stands for.

        Returns:
            The longest first, and of these those with fewest kinds of words in place of words.
        """
        known = self._words
        keys = [(word if word in known else "") + ("?" if word in asked else "") for word in words]
        keys.append("")  # leads nowhere
        found = dict[int, Found]()
        for start, key in enumerate(keys):
            reached, end = self._start[key], start + 1
            while reached is not None:
                if reached.phrases:
                    found[start] = [(phrase, end) for phrase in reached.phrases] + found.get(start, [])
                reached, end = reached[keys[end]], end + 1
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
