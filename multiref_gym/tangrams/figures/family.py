"""A family of figures: a rule that proposes sketches, and words for their facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from multiref_gym.tangrams.figures.assembly import SIDES, Sketch


@dataclass(frozen=True)
class Words:
    """The phrases for one fact.

    The phrases for a family are noun phrases ("a bird"); all others read after a noun ("with a square head", "facing
    left").

    Attributes:
        literal: Plain phrases for the visible feature.
        people: Everyday phrases in place of plain ones. A listener that knows only the plain phrases has to learn them.
    """

    literal: tuple[str, ...]
    people: tuple[str, ...]


@dataclass(frozen=True)
class Family:
    """Figures of one kind.

    Attributes:
        name: "bird"; every figure has the fact "family=bird".
        sketches: Proposes the figures, always the same in the same order.
        phrases: For each fact of this family, the plain phrase and then the everyday ones; facts that several families
            share are in `shared.py`.
    """

    name: str
    sketches: Callable[[], Iterator[Sketch]]
    phrases: Mapping[str, tuple[str, ...]]


def both_sides(attribute: str, *phrases: str) -> dict[str, tuple[str, ...]]:
    """Returns the phrases for a fact on the left and on the right, made from phrases with "{}" for the side."""
    return {f"{attribute}={side}": tuple(phrase.format(side) for phrase in phrases) for side in SIDES}
