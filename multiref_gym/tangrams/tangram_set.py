"""Tangrams and sets of them: look-up, the train, dev and test splits, and similar tangrams."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, Literal, Self, get_args

import numpy as np

from multiref_gym.errors import UserError

SplitName = Literal["train", "dev", "test", "all"]

TRAIN_SHARE, DEV_SHARE = 0.70, 0.15


class TangramError(UserError):
    """Tangrams are not available: an unknown spec, split or id, a missing or malformed file, too small a set."""


class TangramWarning(UserWarning):
    """Tangrams are left out of a set because they are incomplete."""


class UnknownTangramError(TangramError, KeyError):
    """The set does not hold the id."""

    # KeyError would show the message in quotes.
    __str__ = Exception.__str__


@dataclass(frozen=True, eq=False)
class Tangram:
    """A figure of seven pieces, with its descriptions.

    Attributes:
        id: "person-0007" or "page1-0.png"; stable across runs and versions of the data.
        pieces: the vertices of each piece, float64 (n, 2), x to the right and y down, in their own units.
        facts: its features: "family=person", "facing=left"; for KiloGram, the words of people's descriptions.
        descriptions: people's names for the whole figure.
        parts: the name of each piece's part ("head"), or "" if unknown.
    """

    id: str
    pieces: tuple[np.ndarray, ...]
    facts: frozenset[str]
    descriptions: tuple[str, ...]
    parts: tuple[str, ...]


def shared_facts(tangrams: Sequence[Tangram]) -> np.ndarray:
    """Returns for each two tangrams the share of their facts that both have (Jaccard), float32 (n, n)."""
    column = {fact: i for i, fact in enumerate(sorted({fact for tangram in tangrams for fact in tangram.facts}))}
    holds = np.zeros((len(tangrams), len(column)), np.float32)
    for row, tangram in enumerate(tangrams):
        holds[row, [column[fact] for fact in tangram.facts]] = 1
    shared = holds @ holds.T
    sizes = holds.sum(axis=1)
    return np.asarray(shared / np.maximum(sizes[:, None] + sizes - shared, 1))


def in_words(tangrams: TangramSet, ids: Sequence[str]) -> list[str]:
    """Describes tangrams in words: all plain features of a figure, or one recorded description of a KiloGram tangram.

    Raises:
        TangramError: the set does not hold one of them, or it has no description.
    """
    for id in ids:
        if not tangrams[id].descriptions:
            raise TangramError(f"{id!r} of {tangrams.name} cannot be shown in words: it has no description")
    return [tangrams[id].descriptions[0] for id in ids]


class TangramSet:
    """An ordered set of tangrams with distinct ids. It never changes, so a copy is the same object.

    A pickle holds the call that makes the set again if there is one, such as `load_tangrams`, and otherwise the
    tangrams.

    Args:
        name: shown in messages, such as "figures" or "figures/train".
        tangrams: the tangrams, in the order of the set.
        split_by: what decides a tangram's split. With "facts", tangrams with the same facts are in the same split, so
            that no test tangram shares its description with a training tangram.
        overlap: the similarity of each two tangrams, float32 (n, n), 0 for none; contexts are drawn by it.
        source: a function and its arguments that return the set again, also in another process.
    """

    def __init__(
        self,
        name: str,
        tangrams: Sequence[Tangram],
        split_by: Literal["facts", "id"] = "facts",
        overlap: Callable[[Sequence[Tangram]], np.ndarray] = shared_facts,
        source: tuple[Callable[..., TangramSet], tuple[Any, ...]] | None = None,
    ) -> None:
        self.name = name
        self.tangrams = tuple(tangrams)
        self.ids = tuple(tangram.id for tangram in self.tangrams)
        self.split_by = split_by
        self._places = {id: place for place, id in enumerate(self.ids)}
        if len(self._places) < len(self.tangrams):
            raise TangramError(f"{name}: two tangrams share an id")
        self._overlap = overlap
        self._source = source
        self._splits: dict[str, TangramSet] = {"all": self}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: Any) -> str | tuple[Any, ...]:
        return self._source or super().__reduce_ex__(protocol)

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_splits": {"all": self}}  # the other splits are made from the set later

    def __repr__(self) -> str:
        return f"TangramSet({self.name!r}, {len(self)} tangrams)"

    def __len__(self) -> int:
        return len(self.tangrams)

    def __iter__(self) -> Iterator[Tangram]:
        return iter(self.tangrams)

    def __contains__(self, id: object) -> bool:
        return id in self._places

    def __getitem__(self, id: str) -> Tangram:
        return self.tangrams[self.place(id)]

    def place(self, id: str) -> int:
        """Returns a tangram's place in the order of the set.

        Raises:
            UnknownTangramError: the set does not hold it.
        """
        try:
            return self._places[id]
        except KeyError:
            example = f", such as {self.ids[0]!r}" if self.ids else ""
            raise UnknownTangramError(
                f"no tangram {id!r} in {self.name}: expected one of its {len(self)} ids{example}"
            ) from None

    def split(self, name: SplitName) -> TangramSet:
        """Returns the train (70 %), dev (15 %) or test (15 %) part, or all of the set.

        A tangram's part depends only on its facts (or id): not on other tangrams, the process or a seed.

        Raises:
            TangramError: there is no such part.
        """
        if name not in get_args(SplitName):
            raise TangramError(f"unknown split {name!r}: expected one of {', '.join(get_args(SplitName))}")
        if name not in self._splits:
            members = [tangram for tangram in self.tangrams if self._part(tangram) == name]
            source = (TangramSet.split, (self, name))
            self._splits[name] = TangramSet(f"{self.name}/{name}", members, self.split_by, self._overlap, source)
        return self._splits[name]

    def _part(self, tangram: Tangram) -> SplitName:
        key = tangram.id if self.split_by == "id" else "\n".join(sorted(tangram.facts))
        fraction = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
        if fraction < TRAIN_SHARE:
            return "train"
        return "dev" if fraction < TRAIN_SHARE + DEV_SHARE else "test"

    def nearest(self, number: int) -> np.ndarray:
        """Returns for each tangram at least `number` of the most similar ones.

        Returns:
            int32 (n, width, 2): the index of each, the most similar first, and the place where the group of equally
            similar ones ends. Shorter rows end with zeros.

        Raises:
            TangramError: `number` is that of all other tangrams, or no two tangrams are similar at all.
        """
        unreachable = f"contexts of {self.name} cannot be made similar"
        if number >= len(self.tangrams) - 1:
            raise TangramError(f"{unreachable}: a context of {number + 1} is the whole set, and only 0 is possible")
        if not (self._overlaps > 0).any():
            raise TangramError(f"{unreachable}: no two of its tangrams have a fact in common, and only 0 is possible")
        rankings = [self._ranking(anchor, number) for anchor in range(len(self.tangrams))]
        nearest = np.zeros((len(rankings), max(sum(map(len, groups)) for groups in rankings), 2), np.int32)
        for row, groups in zip(nearest, rankings, strict=True):
            place = 0
            for group in groups:
                end = place + len(group)
                row[place:end, 0], row[place:end, 1] = group, end
                place = end
        return nearest

    def _ranking(self, anchor: int, number: int) -> tuple[list[int], ...]:
        """The ``number`` indices most similar to the anchor, in groups of equal overlap; the last group is complete."""
        overlaps = self._overlaps[anchor]
        near = np.flatnonzero(overlaps >= np.partition(overlaps, -number)[-number])
        order = near[np.argsort(-overlaps[near], kind="stable")].tolist()
        return tuple(list(group) for _, group in groupby(order, key=lambda index: overlaps[index]))

    @cached_property
    def _overlaps(self) -> np.ndarray:
        """The similarity of each two tangrams, float32 (n, n), and -1 for a tangram with itself."""
        overlaps = self._overlap(self.tangrams)
        np.fill_diagonal(overlaps, -1)
        return overlaps
