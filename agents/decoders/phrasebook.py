"""The phrases that judge an action, where each of them counts, and how they are found in a text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from multiref_gym.agents.decoders import phrases as lists
from multiref_gym.agents.decoders.words import STOP, words_of


class Says(Enum):
    """What a phrase says."""

    APPROVES = auto()
    REJECTS = auto()
    REMOVES = auto()
    """Rejects, unless the reply mentions an older choice."""
    HALF_RIGHT = auto()
    """Rejects, and the rest of its clause says which part was right."""
    TAKES_BACK = auto()
    """A rejection before it does not count."""
    NOTHING = auto()
    """Judges nothing, although it contains words that would."""
    HINTS = auto()
    GOES_ON = auto()
    REQUESTS = auto()
    """Begins a question that asks for an action."""


JUDGES_NOTHING = frozenset({Says.HINTS, Says.GOES_ON, Says.REQUESTS})
"""Kinds of phrases that count only in a reply without a judgement. They are looked for separately."""


class Place(Enum):
    """Where a phrase must be to count. A clause is fresh if the reply judged and described nothing before."""

    ANYWHERE = auto()
    END = auto()
    """At the end of its clause, or at the beginning of a fresh one."""
    LAST = auto()
    """At the end of its clause."""
    BEGINNING = auto()
    """At the beginning of a fresh clause, or as the whole of any other."""
    FRESH = auto()
    """At the beginning of a fresh clause."""
    WHOLE = auto()
    """As the whole clause."""
    FOREIGN = auto()
    """As `BEGINNING`, or anywhere in a short clause that is mostly not English."""
    PRAISED = auto()
    """Anywhere within a few words after praise."""
    SHORT = auto()
    """At the beginning or the end of a short clause."""


LISTED = (
    (Says.NOTHING, Place.ANYWHERE, lists.HARMLESS),
    (Says.TAKES_BACK, Place.ANYWHERE, lists.TAKEN_BACK),
    (Says.HALF_RIGHT, Place.ANYWHERE, lists.HALF_RIGHT),
    (Says.APPROVES, Place.ANYWHERE, lists.APPROVAL),
    (Says.REJECTS, Place.ANYWHERE, lists.REJECTION),
    (Says.REMOVES, Place.ANYWHERE, lists.REMOVAL),
    (Says.APPROVES, Place.END, lists.CLAUSE_APPROVAL),
    (Says.APPROVES, Place.LAST, lists.LAST_APPROVAL),
    (Says.REJECTS, Place.BEGINNING, lists.OPENING_REJECTION),
    (Says.APPROVES, Place.BEGINNING, lists.OPENING_APPROVAL),
    (Says.APPROVES, Place.FRESH, lists.MANNERS),
    (Says.REJECTS, Place.WHOLE, lists.WHOLE_REJECTION),
    (Says.REJECTS, Place.PRAISED, lists.BUT),
    *((Says.REJECTS, Place.FOREIGN, language.rejects) for language in lists.LANGUAGES.values()),
    *((Says.APPROVES, Place.FOREIGN, language.approves) for language in lists.LANGUAGES.values()),
    *((Says.REJECTS, Place.SHORT, language.undoes) for language in lists.LANGUAGES.values()),
    (Says.HINTS, Place.ANYWHERE, lists.HINTS),
    (Says.HINTS, Place.BEGINNING, lists.HINTS_FIRST),
    (Says.GOES_ON, Place.ANYWHERE, lists.GOING_ON),
    (Says.REQUESTS, Place.ANYWHERE, lists.REQUESTS),
)
"""The meaning and the place of the phrases in each list. If two lists have the same phrase, the first counts."""

KINDS = frozenset({*lists.CLASSES, lists.ASKED})
"""The names in phrases that stand for kinds of words."""
_KIND = re.compile(rf"({'|'.join(map(re.escape, sorted(KINDS)))})")

_KINDS_OF = {
    word: [name for name, kind in lists.CLASSES.items() if word in kind]
    for word in frozenset().union(*lists.CLASSES.values())
}


_NOT_CANONICAL = frozenset({"r", "to", *lists.SAME_AS})


def canonical(words: Collection[str]) -> list[str]:
    """Returns words with contractions in full, and with one word for all of the same meaning: "wasn't" is "is not"."""
    if _NOT_CANONICAL.isdisjoint(words):
        return list(words)
    result = list[str]()
    for word in words:
        if word == "r" and result[-1:] == ["you"]:
            result.append("is")
        elif word == "to" and result[-1:] == ["next"]:
            result[-1] = "beside"
        elif word in lists.SAME_AS:
            result += lists.SAME_AS[word]
        else:
            result.append(word)
    return result


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase in canonical words, what it says, and where it must be to count."""

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
    """A node of the tree of phrases: the next words of the phrases that begin alike, and the phrases that end here."""

    after: dict[str, _Node] = field(default_factory=dict)
    phrases: list[Phrase] = field(default_factory=list)


class _Reached(dict[str, "_Reached | None"]):
    """The nodes that consecutive words lead to, and, for each next word, the nodes after it; None if there are none.

    The keys are words, with a question mark after a describing word of the request. An entry is made when its key is
    first looked up.

    Args:
        nodes: The nodes.
        phrases: The phrases that end with the last word.
    """

    def __init__(self, nodes: Sequence[_Node], phrases: Sequence[Phrase] = ()) -> None:
        self.phrases = sorted(phrases, key=lambda phrase: sum(word in KINDS for word in phrase.words))
        self._nodes = nodes

    def __missing__(self, key: str) -> _Reached | None:
        word, asked = key.removesuffix("?"), key.endswith("?")
        nodes, phrases = list[_Node](), list[Phrase]()
        for node in self._nodes:
            if word not in node.after and word in lists.ADVERBS:
                nodes.append(node)
                continue
            steps = (word, *_KINDS_OF.get(word, ()), *([lists.ASKED] if asked else ()))
            after = [node.after[step] for step in steps if step in node.after]
            phrases += [phrase for reached in after for phrase in reached.phrases]
            nodes += reversed(after)
        self[key] = _Reached(nodes, phrases) if nodes else None
        return self[key]


Found = list[tuple[Phrase, int]]
"""Phrases that begin at the same word, and their ends."""


class Phrasebook:
    """Finds phrases in texts.

    Args:
        phrases: The known phrases.
    """

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        root = _Node()
        self._words = {*_KINDS_OF, *lists.ADVERBS}
        for phrase in phrases:
            node = root
            for word in phrase.words:
                node = node.after.setdefault(word, _Node())
            node.phrases.append(phrase)
            self._words |= set(phrase.words)
        self._start = _Reached([root])
        for adverb in lists.ADVERBS - root.after.keys():  # an adverb is skipped in a phrase, and does not begin one
            self._start |= {adverb: None, f"{adverb}?": None}

    def found_in(self, words: Sequence[str], asked: Collection[str] = ()) -> dict[int, Found]:
        """Returns the phrases in a text, by their start. Adverbs between the words of a phrase are skipped.

        Args:
            words: The canonical words of the text.
            asked: The describing words of the request, which `phrases.ASKED` stands for.

        Returns:
            The phrases at each start: the longest first and, of equally long ones, those with fewest names of kinds.
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
        """Returns all phrases in canonical words; hints of `Place.BEGINNING` count only where a clause begins."""
        by_start, found, beginning = self.found_in(words, asked), set[Phrase](), True
        for start, word in enumerate(words):
            for phrase, _ in by_start.get(start, ()):
                if beginning or phrase.says is not Says.HINTS or phrase.place is Place.ANYWHERE:
                    found.add(phrase)
            beginning = word == STOP or (beginning and word in lists.FILLERS)
        return found


PHRASEBOOK = Phrasebook(listed_phrases())
