"""The package's own figures, laid by rule from templates of all seven pieces, a file a family.

A family proposes sketches; those that cannot be laid are dropped, and so are those that look like an earlier one or
share its attributes, so that a listener can tell any two figures apart by what is said of them.

To add a family, write a file with a generator of sketches like the others, list it in `FAMILIES`, and give each of
its facts words in ``lexicon.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache

from multiref_gym.tangrams.figures.assembly import Sketch
from multiref_gym.tangrams.figures.bird import birds
from multiref_gym.tangrams.figures.boat import boats
from multiref_gym.tangrams.figures.cat import cats
from multiref_gym.tangrams.figures.dog import dogs
from multiref_gym.tangrams.figures.fish import fish
from multiref_gym.tangrams.figures.house import houses
from multiref_gym.tangrams.figures.person import people
from multiref_gym.tangrams.figures.rocket import rockets
from multiref_gym.tangrams.figures.tree import trees
from multiref_gym.tangrams.lexicon import LEXICON
from multiref_gym.tangrams.render import silhouette
from multiref_gym.tangrams.tangram_set import Tangram

FAMILIES: dict[str, Callable[[], Iterator[Sketch]]] = {
    "person": people,
    "bird": birds,
    "fish": fish,
    "cat": cats,
    "dog": dogs,
    "house": houses,
    "boat": boats,
    "tree": trees,
    "rocket": rockets,
}


@cache
def figures() -> tuple[Tangram, ...]:
    """Returns all figures of all families, always the same in the same order."""
    return tuple(_distinct(tangram for family in FAMILIES for tangram in _family(family)))


def _family(family: str) -> Iterator[Tangram]:
    laid = (sketch for sketch in FAMILIES[family]() if not sketch.fault())
    return (_tangram(family, number, sketch) for number, sketch in enumerate(laid))


def _distinct(tangrams: Iterator[Tangram]) -> Iterator[Tangram]:
    """Leaves out those with the facts or, on a picture, the outline of an earlier one."""
    seen: set[object] = set()
    for tangram in tangrams:
        outline = (silhouette(tangram, 48) < 128).tobytes()
        if tangram.facts not in seen and outline not in seen:
            seen |= {tangram.facts, outline}
            yield tangram


def _tangram(family: str, number: int, sketch: Sketch) -> Tangram:
    attributes = {"family": family, **sketch.attributes}
    facts = [f"{name}={value}" for name, value in attributes.items()]
    pieces = sketch.ordered()
    return Tangram(
        id=f"{family}-{number:04d}",
        pieces=tuple(piece.array() for _, piece in pieces),
        facts=frozenset(facts),
        descriptions=_names(facts),
        parts=tuple(part for part, _ in pieces),
    )


def _names(facts: list[str]) -> tuple[str, ...]:
    """Returns names for the whole figure, a plain one and then what people might say; the family comes first."""
    words = [LEXICON[fact] for fact in facts]
    phrases = [[word.literal[0] for word in words], *zip(*(word.people for word in words), strict=True)]
    return tuple(f"{noun} {', '.join(rest)}" for noun, *rest in phrases)
