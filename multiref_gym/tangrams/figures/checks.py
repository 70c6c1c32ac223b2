"""The requirements for a sketch to become a figure, checked exactly, for all sketches at once.

A listener can tell any two figures apart by their looks and by their descriptions, so no two sketches may share their
outline or their attributes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from multiref_gym.tangrams.figures.assembly import Sketch
from multiref_gym.tangrams.figures.shape import outlines
from multiref_gym.tangrams.pieces import SEVEN, contacts, exact_corners


def faults(sketches: Sequence[Sketch]) -> Iterator[str]:
    """Yields the faults of the sketches, one line each, naming the template and the pieces.

    First come sketches that are not the seven pieces; they take no part in the other checks.
    """
    complete = []
    for sketch in sketches:
        kinds = tuple(piece.kind for _, piece in sketch.pieces)
        if Counter(kinds) == Counter(SEVEN):
            complete.append(sketch)
        else:
            yield f"figure template {sketch}: not the seven pieces but {', '.join(kinds) or 'none'}"
    if complete:
        corners = exact_corners([[piece for _, piece in sketch.pieces] for sketch in complete])
        yield from _badly_laid(complete, corners)
        yield from _twins(complete, [frozenset(sketch.attributes.items()) for sketch in complete], "attributes")
        yield from _twins(complete, [row.tobytes() for row in outlines(corners)], "outline")


def _badly_laid(sketches: Sequence[Sketch], corners: np.ndarray) -> Iterator[str]:
    overlap, touch = contacts(corners)
    steps = overlap | touch | np.eye(len(SEVEN), dtype=bool)
    # Everything connected to the first piece is reached within seven steps.
    joined = np.linalg.matrix_power(steps.astype(np.int64), len(SEVEN))[:, 0] > 0
    for number in np.flatnonzero(overlap.any(axis=(1, 2)) | ~joined.all(axis=1)).tolist():
        names = [f"{part} ({piece.kind})" for part, piece in sketches[number].pieces]
        said = [f"{names[i]} overlaps {names[j]}" for i, j in np.argwhere(np.triu(overlap[number]))]
        if not joined[number].all():
            apart = ", ".join(names[i] for i in np.flatnonzero(~joined[number]))
            said.append(f"{names[0]} is not connected with {apart}")
        yield f"figure template {sketches[number]}: {', '.join(said)}"


def _twins(sketches: Sequence[Sketch], marks: Sequence[Hashable], what: str) -> Iterator[str]:
    first: dict[Hashable, Sketch] = {}
    for sketch, mark in zip(sketches, marks, strict=True):
        if mark in first:
            yield f"figure template {sketch}: has the {what} of {first[mark]}"
        else:
            first[mark] = sketch
