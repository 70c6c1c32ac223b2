"""Describes a tangram: by rules from its facts, or in the recorded words of people.

A description is chosen for a listener who sees all tangrams: it should fit the target and as few others as possible
(Dale and Reiter 1995), as far as the speaker cares.
"""

from __future__ import annotations

import numpy as np

from multiref_gym.compiled.chance import below, happens
from multiref_gym.compiled.compiling import compiled
from multiref_gym.compiled.record import LARGEST_CONTEXT, REMEMBERED, Record
from multiref_gym.compiled.sets import size_of
from multiref_gym.simulators.tables import OTHER, pick
from multiref_gym.simulators.text import hash_of, space, write

NAMED_AGAIN = 0.4
"""The factor on how often the kind of thing is named in a second description."""
ATTEMPTS = 3
"""The number of attempts to find words that have not been said."""
CANDIDATES = 3
"""The number of recorded descriptions from which the one that fits the others least is chosen."""
AT_LENGTH = 40
"""The length in characters from which no other recorded description is added."""
NOBODY = -1


@compiled
def describe(tables: Record, game: Record, persona: Record, position: int, unlike: int) -> None:
    """Describes the tangram at a position, if possible in words that have not been said of it in this game.

    If the description is a second attempt, `unlike` is the tangram that was selected in its place; otherwise NOBODY.
    """
    space(game)
    if tables.recorded:
        _describe_in_recorded_words(tables, game, persona, position)
        return
    start, again = game.length, _is_described(game, position)
    for _ in range(ATTEMPTS):
        game.length = start
        _describe_figure(tables, game, persona, position, again, unlike)
        if not _is_said(game, position, hash_of(game, start)):
            break
    _remember(game, position, hash_of(game, start))


@compiled
def _remember(game: Record, position: int, said: np.uint64) -> None:
    place = game.descriptions % REMEMBERED
    game.said_of[place], game.said[place] = position, said
    game.descriptions += 1


@compiled
def _describe_figure(tables: Record, game: Record, persona: Record, position: int, again: bool, unlike: int) -> None:
    """Says some of the tangram's facts."""
    tangram = game.tangrams[position]
    family, fitting, article = tables.family[tangram], (1 << game.context_size) - 1, persona.article
    named = happens(game, persona.names * NAMED_AGAIN if again else persona.names)
    if unlike != NOBODY and tables.family[game.tangrams[unlike]] == family and happens(game, persona.compares):
        # Only facts that set the two tangrams apart are used.
        fitting, article, named = 1 << position | 1 << unlike, OTHER, True
    noun = persona.pronoun
    if named:
        fitting &= _holders(tables, game, family)
        noun = tables.articled[_phrase(tables, game, family), article]
    start = game.length
    write(tables, game, noun)
    count = _choose_facts(tables, game, persona, tangram, fitting, 1 << position, persona.detail - named)
    for i in range(count):  # choose all words before joining any
        game.room[i] = _phrase(tables, game, game.room[i])
    for i in range(count):
        if i > 0:
            write(tables, game, pick(tables, game, persona.joiners))
        elif game.length > start:
            space(game)
        else:
            game.room[i] = tables.bare[game.room[i]]
        write(tables, game, game.room[i])


@compiled
def _choose_facts(
    tables: Record, game: Record, persona: Record, tangram: int, fitting: int, target: int, detail: int
) -> int:
    """Chooses facts one by one, mostly the one that excludes most of the tangrams that still fit."""
    facts, count = tables.others[tangram], tables.other_count[tangram]
    first = below(game, count)  # so that ties are broken at random
    left, chosen = (1 << count) - 1, 0  # bit i of `left`: the fact i places after the first
    while left:
        cares = happens(game, persona.cares)
        if chosen >= detail and (fitting == target or not cares):
            break
        best, fewest = 0, 1 << count
        for i in range(count):
            if left >> i & 1:
                if cares and fitting != target:
                    fits = size_of(_holders(tables, game, facts[(first + i) % count]) & fitting)
                    if fits < fewest:
                        best, fewest = i, fits
                else:
                    best = i
        left ^= 1 << best
        game.room[chosen] = facts[(first + best) % count]
        fitting &= _holders(tables, game, game.room[chosen])
        chosen += 1
    return chosen


@compiled
def _holders(tables: Record, game: Record, fact: int) -> int:
    """Returns the tangrams of this game that have a fact."""
    positions = 0
    for position in range(game.context_size):
        positions |= int(tables.holds[game.tangrams[position], fact]) << position
    return positions


@compiled
def _phrase(tables: Record, game: Record, fact: int) -> int:
    """Returns one of the phrases for a fact: people's or plain ones."""
    return pick(tables, game, tables.words[1 if happens(game, tables.figurative) else 0, fact])


@compiled
def _describe_in_recorded_words(tables: Record, game: Record, persona: Record, position: int) -> None:
    """Says one or more recorded descriptions, if possible new ones; `game.room` holds them."""
    count = length = 0
    while count == 0 or (count < min(persona.detail, LARGEST_CONTEXT) and length < AT_LENGTH):
        new = _count_new(tables, game, position)
        if count and not new:
            break
        said = _recorded(tables, game, position, new)
        game.room[count] = said
        count += 1
        length += tables.starts[said + 1] - tables.starts[said]
        _remember(game, position, tables.hashes[said])
    write(tables, game, tables.articled[game.room[0], persona.article])
    for i in range(1, count):
        write(tables, game, pick(tables, game, persona.alternatives))
        write(tables, game, game.room[i])


@compiled
def _count_new(tables: Record, game: Record, position: int) -> int:
    """Returns the number of recorded descriptions that have not been said."""
    first, count = tables.descriptions[game.tangrams[position]]
    new = 0
    for i in range(first, first + count):
        new += not _is_said(game, position, tables.hashes[tables.lists[i]])
    return new


@compiled
def _recorded(tables: Record, game: Record, position: int, new: int) -> int:
    """Draws a few descriptions, if possible new ones, and returns the one whose words fit the other tangrams least."""
    first, count = tables.descriptions[game.tangrams[position]]
    best, least = 0, 2.0
    for _ in range(CANDIDATES):
        left = new if new else count
        which = below(game, left) if left > 1 else 0
        for i in range(first, first + count):
            drawn = tables.lists[i]
            if not new or not _is_said(game, position, tables.hashes[drawn]):
                if which == 0:
                    break
                which -= 1
        confused = _confusion(tables, game, drawn, position)
        if confused < least:
            best, least = drawn, confused
    return best


@compiled
def _confusion(tables: Record, game: Record, description: int, position: int) -> float:
    """Returns the largest share of a description's content words that also describe one other tangram."""
    start, end = tables.content_starts[description], tables.content_starts[description + 1]
    target, own, most = game.tangrams[position], 0, 0
    for i in range(start, end):
        own += tables.holds[target, tables.content[i]]
    for other in range(game.context_size):
        if other != position:
            shared = 0
            for i in range(start, end):
                word = tables.content[i]
                shared += tables.holds[target, word] and tables.holds[game.tangrams[other], word]
            most = max(most, shared)
    return most / max(1, own)


@compiled
def _is_described(game: Record, position: int) -> bool:
    for i in range(min(game.descriptions, REMEMBERED)):  # noqa: SIM110 (numba has no `any`)
        if game.said_of[i] == position:
            return True
    return False


@compiled
def _is_said(game: Record, position: int, hashed: np.uint64) -> bool:
    for i in range(min(game.descriptions, REMEMBERED)):
        if game.said_of[i] == position and game.said[i] == hashed:
            return True
    return False
