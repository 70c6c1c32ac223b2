"""The package's own figures, laid by rule from templates of all seven pieces, a file a family.

A template that cannot be laid is refused, and so is one that looks like another or has the same attributes, so that
no two figures have the same to be said of them.

To add a family, write a file like the others with a rule that proposes sketches and with words for its facts, and list
it in `FAMILIES`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import count

from multiref_gym.tangrams.figures.arrow import FAMILY as ARROW
from multiref_gym.tangrams.figures.assembly import Sketch
from multiref_gym.tangrams.figures.bird import FAMILY as BIRD
from multiref_gym.tangrams.figures.boat import FAMILY as BOAT
from multiref_gym.tangrams.figures.bridge import FAMILY as BRIDGE
from multiref_gym.tangrams.figures.camel import FAMILY as CAMEL
from multiref_gym.tangrams.figures.candle import FAMILY as CANDLE
from multiref_gym.tangrams.figures.cat import FAMILY as CAT
from multiref_gym.tangrams.figures.chair import FAMILY as CHAIR
from multiref_gym.tangrams.figures.character import FAMILY as CHARACTER
from multiref_gym.tangrams.figures.checks import faults
from multiref_gym.tangrams.figures.cup import FAMILY as CUP
from multiref_gym.tangrams.figures.dog import FAMILY as DOG
from multiref_gym.tangrams.figures.family import Family, Words
from multiref_gym.tangrams.figures.fish import FAMILY as FISH
from multiref_gym.tangrams.figures.goblet import FAMILY as GOBLET
from multiref_gym.tangrams.figures.hammer import FAMILY as HAMMER
from multiref_gym.tangrams.figures.house import FAMILY as HOUSE
from multiref_gym.tangrams.figures.knife import FAMILY as KNIFE
from multiref_gym.tangrams.figures.lamp import FAMILY as LAMP
from multiref_gym.tangrams.figures.mountain import FAMILY as MOUNTAIN
from multiref_gym.tangrams.figures.person import FAMILY as PERSON
from multiref_gym.tangrams.figures.rabbit import FAMILY as RABBIT
from multiref_gym.tangrams.figures.rocket import FAMILY as ROCKET
from multiref_gym.tangrams.figures.shape import WORDS as SHAPE_WORDS
from multiref_gym.tangrams.figures.shape import shapes
from multiref_gym.tangrams.figures.shared import SHARED
from multiref_gym.tangrams.figures.teapot import FAMILY as TEAPOT
from multiref_gym.tangrams.figures.tree import FAMILY as TREE
from multiref_gym.tangrams.pieces import exact_corners, rounded
from multiref_gym.tangrams.tangram_set import Tangram, TangramError

FAMILIES: tuple[Family, ...] = (
    PERSON,
    BIRD,
    FISH,
    CAT,
    DOG,
    RABBIT,
    CAMEL,
    HOUSE,
    BOAT,
    TREE,
    ROCKET,
    MOUNTAIN,
    BRIDGE,
    ARROW,
    CHARACTER,
    TEAPOT,
    CUP,
    GOBLET,
    CANDLE,
    LAMP,
    CHAIR,
    HAMMER,
    KNIFE,
)

LEXICON: dict[str, Words] = SHARED | SHAPE_WORDS
for _family in FAMILIES:
    LEXICON.update(_family.words)


def proposed(families: Iterable[Family]) -> list[Sketch]:
    """Returns all sketches of the families, with the family as the first of their attributes."""
    return [
        Sketch({"family": family.name, **sketch.attributes}, sketch.ordered())
        for family in families
        for sketch in family.sketches()
    ]


@cache
def figures() -> tuple[Tangram, ...]:
    """Returns all figures of all families, always the same in the same order.

    Raises:
        TangramError: A template cannot be laid, or looks like another one or shares its attributes: one line that names
            the template and the pieces.
    """
    sketches = proposed(FAMILIES)
    for fault in faults(sketches):
        raise TangramError(fault)
    numbers = defaultdict[str, Iterator[int]](count)
    corners = exact_corners([[piece for _, piece in sketch.pieces] for sketch in sketches])
    tangrams = []
    for sketch, points, shape in zip(sketches, rounded(corners), shapes(corners), strict=True):
        family = sketch.attributes["family"]
        facts = [f"{name}={value}" for name, value in sketch.attributes.items()]
        tangrams.append(
            Tangram(
                id=f"{family}-{next(numbers[family]):04d}",
                pieces=tuple(
                    vertices[: len(piece.vertices)] for vertices, (_, piece) in zip(points, sketch.pieces, strict=True)
                ),
                facts=frozenset(facts).union(f"{name}={value}" for name, value in shape.items()),
                descriptions=_names(facts),
                parts=tuple(part for part, _ in sketch.pieces),
            )
        )
    return tuple(tangrams)


def _names(facts: list[str]) -> tuple[str, ...]:
    """Returns names for the whole figure, a plain one and then what people might say; the family comes first."""
    family, *others = (LEXICON[fact] for fact in facts)
    names = [(family.literal[0], *(words.literal[0] for words in others))]
    for number, noun in enumerate(family.people):
        names.append((noun, *(words.people[number % len(words.people)] for words in others)))
    return tuple(f"{noun} {', '.join(rest)}" for noun, *rest in names)
