"""A feedback decoder made of word lists, without a model or training: the baseline for all other decoders.

It reads a reply clause by clause. A clause judges the action by words that reject or praise it, or by a request to undo
it. The last judgement counts: "great, now undo that", "no wait, you are right". A speaker who judges nothing has moved
on, which is how many people say that all is well. There are two exceptions: the reply hints that something else was
wanted ("I meant the taller"), or it is in an unknown language.

Words of rejection also describe tangrams ("the bird with no legs", "not facing left"). So most words judge only at the
beginning of a clause, and only if nothing was described before or they are the whole clause. A request to remove an
older choice ("remove the lamp") is no complaint.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum, auto
from functools import lru_cache

from multiref_gym.agents.decoders import phrases as lists
from multiref_gym.agents.decoders.phrasebook import (
    JUDGES_NOTHING,
    PHRASEBOOK,
    Found,
    Phrase,
    Phrasebook,
    Place,
    Says,
    canonical,
)
from multiref_gym.agents.decoders.words import SIGNS, STOP, set_of, words_of
from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.game import Action


class Reading(Enum):
    """What a reply says about the action before it."""

    APPROVES = auto()
    MOVES_ON = auto()
    REJECTS = auto()
    HINTS = auto()
    """It judges nothing, but something else was wanted."""
    UNKNOWN = auto()
    """It judges nothing, and its language is unknown."""


CONTENT = frozenset({Reading.APPROVES, Reading.MOVES_ON})
"""The readings that mean that the speaker is content."""


SHORT = 4
"""The most words of a short clause. In one, a verb of another language asks to undo the last action."""

A_FEW = 3
"""The most words between praise and a rejection that follows it."""

LONG = 16
"""The number of words from which a reply repeats some words of the request by chance."""

LONGEST = 100
"""The most words of a clause. Longer ones are cut, so that the time grows only linearly with the length of a text."""

MANY = 6
"""The most words of a reply that may equal the request by chance."""

UNDOES = "deselect"
"""The word that `words_of` returns for verbs that ask for an undo."""

# Words of ARTICLE aside, a request to undo means the last action if nothing follows the verb, only a word of
# ANY_TANGRAM follows it, or a word of JUST_DONE comes next: "deselect", "remove the shape", "remove the last two", but
# not "remove the shape with a tail".
ARTICLE = set_of("please from the your my of you is picked added took n thank thanks kindly deselect")
ANY_TANGRAM = set_of("""
    one shape object piece thing image picture item tangram selection choice pick click move deselect button
""")
JUST_DONE = set_of("it this that them both all everything what last latest newest new most previous prior recent")
# After praise, "the prior choice" means another action, but "that" and "the last one" mean the last action.
DESPITE_PRAISE = set_of("it that them both")
# "remove the wrong one"
WRONG = set_of("wrong incorrect mistake")
# "remove the one from before", "the lamp I named earlier is not mine, remove it", but not "remove what you just added".
OLDER = set_of("when earlier before ago previously initially originally beginning start round turn")
NEWER = set_of("just last latest newest most now moment")

ADDS_NOTHING = lists.TRAILING | lists.ADVERBS
BETWEEN_CLAUSES = lists.SPLITTING | {STOP}
ENDS_CLAUSE = BETWEEN_CLAUSES | SIGNS.keys() | {"but"}
OPENING = lists.FILLERS | lists.ADVERBS

# Words that describe nothing.
_NOUNS = (lists.ENGLISH | lists.CLASSES["{thing}"]) - lists.FUNCTION
NO_DESCRIPTION = (lists.FUNCTION | lists.FILLERS | lists.ADVERBS) - _NOUNS - lists.DIRECTIONS


class LexicalDecoder:
    """Decodes feedback by the words of the reply.

    Args:
        ternary: Whether to return neutral for a rejected action that both selects and deselects, and for a reply that
            is not understood. The binary form returns negative for both. If an action does both, the speaker usually
            asked for the deselection, and rejects only the new choice.
        phrasebook: The known phrases.
    """

    def __init__(self, ternary: bool = False, phrasebook: Phrasebook = PHRASEBOOK) -> None:
        self.ternary = ternary
        self._phrasebook = phrasebook

    def decode(self, exchanges: Sequence[Exchange]) -> list[Feedback]:
        """Returns the feedback that each reply gives on the action before it, in order."""
        return [self._feedback(exchange) for exchange in exchanges]

    def _feedback(self, exchange: Exchange) -> Feedback:
        if not exchange.action.clicks:  # whatever the reply is
            return Feedback.NEGATIVE
        reading = read(exchange, self._phrasebook)
        return feedback_on(exchange.action, reading in CONTENT, reading, self.ternary)


def feedback_on(action: Action, accepted: bool, reading: Reading, ternary: bool) -> Feedback:
    """Returns the feedback on an action, accepted or not, whose reply has this reading; see `LexicalDecoder`."""
    # Without clicks the speaker cannot have moved on: any reply asks for the same again.
    if not action.clicks:
        return Feedback.NEGATIVE
    if accepted:
        return Feedback.POSITIVE
    half_good = action.select and action.deselect
    return Feedback.NEUTRAL if ternary and (half_good or reading is Reading.UNKNOWN) else Feedback.NEGATIVE


def rejects(reply: str) -> bool:
    """Whether a reply, without its context, says that the action before it was not entirely what the speaker wanted."""
    return read(Exchange(None, "", Action(), reply)) not in CONTENT


def read(exchange: Exchange, phrasebook: Phrasebook = PHRASEBOOK) -> Reading:
    """Returns what a reply says about the action before it."""
    words = words_of(exchange.reply)
    asked = asked_for(exchange.utterance)
    plain = canonical(words)
    found = phrasebook.found_in(plain, asked)
    verdict, rest = _judged(plain, found, asked)
    if verdict is not None:
        return Reading.APPROVES if verdict else Reading.REJECTS
    says = {phrase.says for here in found.values() for phrase, _ in here}
    if Says.GOES_ON in says:
        return Reading.MOVES_ON
    if len(words) >= LONG:
        asked = frozenset()
    hints = any(phrase.says is Says.HINTS for phrase in phrasebook.said_in(rest, asked))
    if hints or _describes_again(exchange, rest, asked):
        return Reading.HINTS
    if exchange.reply.rstrip().endswith("?") and Says.REQUESTS not in says:
        return Reading.HINTS
    return Reading.MOVES_ON if understood(words) else Reading.UNKNOWN


@lru_cache(maxsize=100_000)
def asked_for(utterance: str) -> frozenset[str]:
    """Returns the describing words of a request in all their forms."""
    return frozenset().union(*map(_forms, words_of(utterance)))


@lru_cache(maxsize=100_000)
def _forms(word: str) -> frozenset[str]:
    """Returns the forms of a word that may describe something, the empty set for other words."""
    if word == STOP or (word in lists.FUNCTION and word not in lists.DIRECTIONS):
        return frozenset()
    return frozenset((word, f"{word}s", f"{word}es", word.removesuffix("s")))


def understood(words: Iterable[str]) -> bool:
    """Whether words without a judgement may be in a known language: a few may be names, of more some must be known."""
    words = [word for word in words if word != STOP and not word.isdigit()]
    letters = "".join(words)
    if not letters.isascii() and any(letter > "\u024f" and letter.isalpha() for letter in letters):
        return False
    enough = 0.2 * len(words)
    return (
        len(words) < SHORT
        or sum(word in lists.ENGLISH or word.endswith(("ing", "ed", "ly")) for word in words) >= enough
        or any(sum(word in common for word in words) >= enough for common in lists.COMMON)
    )


def _clauses(words: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Yields the start and the words of each clause of a reply; an emoji is a clause of its own."""
    begin = 0
    for number, word in enumerate(words):
        if word not in ENDS_CLAUSE and number - begin < LONGEST:
            continue
        between, sign = word in BETWEEN_CLAUSES, word in SIGNS
        contrasts = word == "but" and (number == 0 or words[number - 1] not in lists.BEFORE_BUT)
        if between or sign or contrasts or number - begin == LONGEST:
            if begin < number:
                yield begin, words[begin:number]
            if sign:
                yield number, [word]
            begin = number + (between or sign)
    if begin < len(words):
        yield begin, words[begin:]


def _judged(words: Sequence[str], found: Mapping[int, Found], asked: Collection[str]) -> tuple[bool | None, list[str]]:
    """Returns whether the last judgement approves, None if there is none, and the words that judge nothing.

    Args:
        words: The canonical words of a reply.
        found: The phrases in them, by their start.
        asked: The describing words of the request.
    """
    verdict: bool | None = None
    rest = list[str]()
    described, since, older = False, 0, False
    for begin, clause in _clauses(words):
        position, beginning, refused = 0, True, False
        older = NEWER.isdisjoint(clause) and (older or not OLDER.isdisjoint(clause))
        while position < len(clause):
            word = clause[position]
            if word == UNDOES:  # the rest of the clause is the object to undo
                before, undone = clause[:position], clause[position + 1 :]
                if _is_denied(before) or undone[:1] in (["nothing"], ["needed"], ["necessary"]):
                    verdict = True
                elif " ".join(before[-2:]) not in lists.DONE_OR_TOLD:
                    older = not _means_the_last(undone, verdict is True, older, asked)
                    verdict = verdict if older else False
                described = True
                break
            phrase, end = None, position + 1
            if here := found.get(begin + position):
                fresh = verdict is None and not described
                praised = verdict is True and since <= A_FEW
                ending_here = [(phrase, end - begin) for phrase, end in here]
                phrase, end = _counting(ending_here, clause, position, beginning, fresh, praised)
            if phrase is None:
                if not (beginning and word in OPENING):
                    if word in ("no", "not") and _is_last_no(clause, position):
                        verdict = False
                    beginning, described, since = False, True, since + 1
                rest.append(word)
            elif phrase.says is Says.TAKES_BACK:
                verdict = verdict or None
            elif phrase.says is Says.NOTHING:
                beginning = False
                rest += phrase.words
            elif older and (phrase.says is Says.REMOVES or (verdict and phrase.says is Says.REJECTS)):
                beginning = False
            elif phrase.says is Says.HALF_RIGHT:
                verdict = False
                break
            elif phrase.place is Place.FOREIGN and refused and phrase.says is Says.APPROVES:
                pass  # "не правильно": a word of refusal negates in most languages
            else:
                refused = phrase.place is Place.FOREIGN and phrase.says is Says.REJECTS
                since = 0
                verdict = (phrase.says is Says.APPROVES) is not _is_reversed(phrase, clause[:position])
            position = end
        rest.append(STOP)
    return verdict, rest


def _counting(
    found: Iterable[tuple[Phrase, int]],
    clause: Sequence[str],
    position: int,
    beginning: bool,
    fresh: bool,
    praised: bool,
) -> tuple[Phrase | None, int]:
    """Returns the first of the phrases at a position that counts there, and its end."""
    for phrase, end in found:
        if phrase.says in JUDGES_NOTHING or end > len(clause):
            continue
        match phrase.place:
            case Place.ANYWHERE:
                counts = True
            case Place.PRAISED:
                counts = praised
            case Place.END:
                counts = (beginning and fresh) or _ends(clause[end:])
            case Place.LAST:
                counts = _ends(clause[end:])
            case Place.SHORT:
                counts = len(clause) <= SHORT and (beginning or end == len(clause))
            case Place.FRESH:
                counts = beginning and fresh
            case Place.WHOLE:
                counts = beginning and _ends(clause[end:])
            case _:
                counts = beginning and (fresh or _ends(clause[end:]))
                counts = counts or (phrase.place is Place.FOREIGN and _is_foreign(clause))
        # "no the fat one" judges in any clause, but "no legs" does not; "the wrong letter", but not "a wrong letter".
        counts |= beginning and phrase.words == ("no",) and not lists.AFTER_NO.isdisjoint(clause[end : end + 1])
        describes = phrase.words[0] == "wrong" and not lists.INDEFINITE.isdisjoint(clause[:position][-1:])
        if counts and not describes:
            return phrase, end
    return None, position + 1


def _is_last_no(clause: Sequence[str], position: int) -> bool:
    """Whether a "no" or "not" at the end of a clause judges: "the bird no", but not "one with no" or "or not"."""
    before, word = clause[:position], clause[position]
    if not before or before[-1] in lists.BEFORE_LAST_NO or not _ends(clause[position + 1 :]):
        return False
    return word == "not" or len(clause) <= SHORT or "yes" in before


def _is_foreign(clause: Sequence[str]) -> bool:
    """Whether a clause is short and mostly not English."""
    return len(clause) <= SHORT + 1 and sum(word in lists.ENGLISH for word in clause) * 2 <= len(clause)


def _ends(words: Sequence[str]) -> bool:
    """Whether the words after a phrase in its clause add nothing."""
    return ADDS_NOTHING.issuperset(words)


def _is_reversed(phrase: Phrase, before: Sequence[str]) -> bool:
    """Whether a negation before a judgement reverses it: "not correct", "nothing wrong"."""
    if phrase.says is Says.REJECTS and phrase.place is not Place.ANYWHERE:
        return False
    nearest = [word for word in before if word not in lists.ADVERBS][-2:]
    if nearest and nearest[-1] in lists.AFTER_NEGATOR:
        nearest.pop()
    return (bool(nearest) and nearest[-1] in lists.NEGATORS) or (phrase.says is Says.REJECTS and _is_denied(before))


def _is_denied(before: Sequence[str]) -> bool:
    """Whether the words before a request ask not to do it: "don't", "no need to"."""
    if before and before[-1] in lists.NEGATORS:
        return True
    match before[-3:]:
        case [*_, "nothing", "to"]:
            return True
        case [negation, need, "to"]:
            return negation in lists.NO_NEED and need in lists.NEED
    return False


def _means_the_last(undone: Sequence[str], praised: bool, older: bool, asked: Collection[str]) -> bool:
    """Whether the words after a request to undo mean the last action, not an older one.

    Args:
        undone: The words.
        praised: Whether the reply praised the last action before.
        older: Whether the reply mentioned an older choice.
        asked: The describing words of the request.
    """
    by_you = "you" in undone[:4] and not praised
    undone = [word for word in undone if word not in ARTICLE]
    if not undone or not NEWER.difference({"last", "most"}).isdisjoint(undone):
        return not older or bool(undone)
    if not OLDER.isdisjoint(undone):
        return False
    first, ends = undone[0], _ends(undone[1:])
    if first in lists.CLASSES["{look}"] or (first in ANY_TANGRAM and (by_you or ends)):
        return not older
    if not praised:
        described = [word for word in undone if word not in lists.TRAILING]
        again = bool(described) and all(word in asked for word in described)
        return again or first in WRONG or (first in JUST_DONE and not older)
    if first == "last":
        return True
    last = first in DESPITE_PRAISE and (ends or undone[1] in ANY_TANGRAM or undone[1] in JUST_DONE)
    return last and not older and lists.ALSO.isdisjoint(undone)


def _describes_again(exchange: Exchange, rest: Sequence[str], asked: frozenset[str]) -> bool:
    """Whether the reply to a select describes the same tangram again: "the taller one", "it has a BEAK"."""
    words = [word for word in rest if word != STOP]
    if not exchange.action.select or not words:
        return False
    asks_to_handle = any(_handles(clause) for _, clause in _clauses(rest))
    if asks_to_handle or (
        NO_DESCRIPTION.difference(asked).issuperset(words) and UNDOES not in words_of(exchange.reply)
    ):
        return True
    compared = not (lists.CLASSES["{more}"] | lists.MORE).isdisjoint(words)
    if compared and len(words) <= SHORT:
        return True
    again = not asked.isdisjoint(words)
    if again and (exchange.reply.rstrip().endswith("?") or _shouts(exchange.reply, asked)):
        return True
    if tuple(words[:2]) in lists.OF_THE_SAME and (again or compared):
        return True
    if words[0] in asked and "not" in words:
        return True
    return len(words) > MANY and words_of(exchange.reply) == words_of(exchange.utterance)


def _shouts(reply: str, asked: Collection[str]) -> bool:
    """Whether some but not all words of a reply are in capitals, and one of these is in the request."""
    shouted = [word for word in reply.split() if word.isupper()]
    return not reply.isupper() and any(word in asked for word in words_of(" ".join(shouted)) if len(word) > 1)


def _handles(clause: Sequence[str]) -> bool:
    """Whether a clause asks to do something with the last choice, by any verb: "retract it"."""
    clause = [word for word in clause if word not in lists.FILLERS]
    handled = clause[1:2] in (["it"], ["that"], ["them"]) and _ends(clause[2:])
    return handled and clause[0] not in lists.CLASSES["{look}"] | {"click", "select", "get"}
