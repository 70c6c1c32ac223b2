"""Writes the text of an utterance into the record of its game."""

from __future__ import annotations

import numpy as np

from multiref_gym.compiled.chance import below, happens, uniform
from multiref_gym.compiled.compiling import compiled
from multiref_gym.compiled.record import Record
from multiref_gym.simulators.tables import pick
from multiref_gym.utterance import MAX_LENGTH

SPACE, ENDS = ord(" "), (ord("."), ord("!"), ord("?"))
FNV_START, FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


@compiled
def write(tables: Record, game: Record, phrase: int) -> None:
    """Adds a phrase as it is."""
    for i in range(tables.starts[phrase], tables.starts[phrase + 1]):
        add(game, tables.characters[i])


@compiled
def add(game: Record, character: int) -> None:
    """Adds a character, up to one more than an utterance may have, so that a reader notices a text that is too long."""
    if game.length <= MAX_LENGTH:
        game.text[game.length] = character
        game.length += 1


@compiled
def say(tables: Record, game: Record, phrase: int) -> None:
    """Adds a phrase after a space; no space if either is empty."""
    if tables.starts[phrase + 1] > tables.starts[phrase]:
        space(game)
        write(tables, game, phrase)


@compiled
def space(game: Record) -> None:
    """Adds a space, unless nothing has been said."""
    if game.length > 0:
        add(game, SPACE)


@compiled
def hash_of(game: Record, start: int) -> np.uint64:
    """Hashes the text from a place on (FNV-1a)."""
    x = FNV_START
    for i in range(start, game.length):
        x = (x ^ np.uint64(game.text[i])) * FNV_PRIME
    return x


@compiled
def type_it(tables: Record, game: Record, persona: Record) -> None:
    """Types the text as this speaker does: with its capitals, end marks and typos, or not at all."""
    if happens(game, persona.silence):
        game.length = 0
        return
    words = 1
    for i in range(game.length):
        words += game.text[i] == SPACE
    if happens(game, persona.typos * words):
        misspell(game, below(game, words))
    if game.length and tables.alphanumeric[game.text[game.length - 1]]:
        write(tables, game, pick(tables, game, persona.endings))
    if happens(game, persona.capitals):
        capitalise(tables, game)


@compiled
def capitalise(tables: Record, game: Record) -> None:
    """Begins each sentence with a capital letter."""
    text = game.text
    for i in range(game.length):
        if i == 0 or (i > 1 and text[i - 1] == SPACE and (text[i - 2] in ENDS)):
            text[i] += tables.capital[text[i]]


@compiled
def misspell(game: Record, word: int) -> None:
    """Swaps two letters inside a word, or drops one; short words and texts that are too long stay unchanged."""
    text, start = game.text, 0
    while word:
        word -= text[start] == SPACE
        start += 1
    end = start
    while end < game.length and text[end] != SPACE:
        end += 1
    if end - start < 5 or game.length > MAX_LENGTH:
        return
    place = start + 1 + below(game, end - start - 3)
    if uniform(game) < 0.5:
        text[place], text[place + 1] = text[place + 1], text[place]
    else:
        for i in range(place, game.length - 1):
            text[i] = text[i + 1]
        game.length -= 1
