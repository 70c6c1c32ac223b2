"""The package's own figures: rules lay all seven pieces by templates, with a file for each family.

A template is refused if its pieces cannot be laid, or if it looks like another one or has the same attributes, so no
two figures have the same description.

To add a family, write a file like the others, with a rule that proposes sketches and with words for its facts, and list
it in `FAMILIES`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain, count

from multiref_gym.tangrams.figures import (
    arrow,
    bird,
    boat,
    bridge,
    camel,
    candle,
    cat,
    chair,
    character,
    cup,
    dog,
    fish,
    goblet,
    hammer,
    house,
    knife,
    lamp,
    mountain,
    person,
    rabbit,
    rocket,
    shape,
    teapot,
    tree,
)
from multiref_gym.tangrams.figures.assembly import Sketch
from multiref_gym.tangrams.figures.checks import faults
from multiref_gym.tangrams.figures.family import Family, Words
from multiref_gym.tangrams.figures.shared import SHARED
from multiref_gym.tangrams.pieces import exact_corners, rounded
from multiref_gym.tangrams.tangram_set import Tangram, TangramError

FAMILIES: tuple[Family, ...] = (
    Family("person", person.people, person.WORDS),
    Family("bird", bird.birds, bird.WORDS),
    Family("fish", fish.fish, fish.WORDS),
    Family("cat", cat.cats, cat.WORDS),
    Family("dog", dog.dogs, dog.WORDS),
    Family("rabbit", rabbit.rabbits, rabbit.WORDS),
    Family("camel", camel.camels, camel.WORDS),
    Family("house", house.houses, house.WORDS),
    Family("boat", boat.boats, boat.WORDS),
    Family("tree", tree.trees, tree.WORDS),
    Family("rocket", rocket.rockets, rocket.WORDS),
    Family("mountain", mountain.mountains, mountain.WORDS),
    Family("bridge", bridge.bridges, bridge.WORDS),
    Family("arrow", arrow.arrows, arrow.WORDS),
    Family("character", character.characters, character.WORDS),
    Family("teapot", teapot.teapots, teapot.WORDS),
    Family("cup", cup.cups, cup.WORDS),
    Family("goblet", goblet.goblets, goblet.WORDS),
    Family("candle", candle.candles, candle.WORDS),
    Family("lamp", lamp.lamps, lamp.WORDS),
    Family("chair", chair.chairs, chair.WORDS),
    Family("hammer", hammer.hammers, hammer.WORDS),
    Family("knife", knife.knives, knife.WORDS),
)

LEXICON = {
    fact: Words((plain,), tuple(people))
    for fact, (plain, *people) in chain(
        SHARED.items(), shape.WORDS.items(), *(family.phrases.items() for family in FAMILIES)
    )
}


def proposed(families: Iterable[Family]) -> list[Sketch]:
    """Returns all sketches of the families; their first attribute is the family."""
    return [
        Sketch({"family": family.name, **sketch.attributes}, sketch.ordered())
        for family in families
        for sketch in family.sketches()
    ]


@cache
def figures() -> tuple[Tangram, ...]:
    """Returns all figures of all families, always the same and in the same order.

    Raises:
        TangramError: If a template cannot be laid, looks like another one or shares its attributes. The message is one
            line that names the template and the pieces.
    """
    sketches = proposed(FAMILIES)
    for fault in faults(sketches):
        raise TangramError(fault)
    numbers = defaultdict[str, Iterator[int]](count)
    corners = exact_corners([[piece for _, piece in sketch.pieces] for sketch in sketches])
    tangrams = []
    for sketch, points, seen in zip(sketches, rounded(corners), shape.shapes(corners), strict=True):
        family = sketch.attributes["family"]
        facts = [f"{name}={value}" for name, value in sketch.attributes.items()]
        tangrams.append(
            Tangram(
                id=f"{family}-{next(numbers[family]):04d}",
                pieces=tuple(
                    vertices[: len(piece.vertices)] for vertices, (_, piece) in zip(points, sketch.pieces, strict=True)
                ),
                facts=frozenset(facts).union(f"{name}={value}" for name, value in seen.items()),
                descriptions=_names(facts),
                parts=tuple(part for part, _ in sketch.pieces),
            )
        )
    return tuple(tangrams)


def _names(facts: list[str]) -> tuple[str, ...]:
    """Returns descriptions of the whole figure, a plain one and then everyday ones; each begins with the family."""
    family, *others = (LEXICON[fact] for fact in facts)
    names = [(family.literal[0], *(words.literal[0] for words in others))]
    for number, noun in enumerate(family.people):
        names.append((noun, *(words.people[number % len(words.people)] for words in others)))
    return tuple(f"{noun} {', '.join(rest)}" for noun, *rest in names)
