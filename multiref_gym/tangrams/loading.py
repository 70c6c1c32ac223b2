"""Tangram sets by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from multiref_gym.tangrams.figures import figures
from multiref_gym.tangrams.kilogram import described_alike, find_descriptions, read_drawings, read_kilogram, read_part
from multiref_gym.tangrams.tangram_set import Tangram, TangramError, TangramSet

KILOGRAM = ("kilogram", "kilogram-screened", "kilogram-known", "kilogram-new")
"""What stands before the path in a spec of KiloGram."""


@cache
def load_tangrams(spec: str) -> TangramSet:
    """Returns a set of tangrams; the same spec gives the same object.

    Args:
        spec: "figures" for the figures that come with the package, or "kilogram:PATH" for KiloGram, where PATH is a
            checkout of it, its ``dataset`` folder, or a description file in that folder; of a folder the first of
            ``kilogram.DESCRIPTION_FILES`` is read, and the set's name says which. "kilogram-screened:PATH" leaves out
            what ``screening.may_offend``, and a ``TangramWarning`` counts it. "kilogram-known:PATH" and
            "kilogram-new:PATH" are the tangrams that many people described, each with a part of its descriptions, so
            that what is learned from the known ones can be tried on the new ones.

    Raises:
        TangramError: one line on what is wrong: the spec, a missing folder or file, a malformed file.
    """
    source, _, path = spec.partition(":")
    if spec == "figures":
        return TangramSet("figures", figures(), split_by="facts", source=(load_tangrams, (spec,)))
    if source in ("kilogram", "kilogram-screened") and path:
        return _kilogram(spec, read_kilogram(path, screened=source == "kilogram-screened"))
    if source in KILOGRAM and path:
        return _kilogram(spec, read_part(path, known=source == "kilogram-known"))
    raise TangramError(
        f"unknown tangrams {spec!r}: expected 'figures' or 'kilogram:PATH'; 'kilogram-screened:PATH' without words "
        "that may offend; or 'kilogram-known:PATH' or 'kilogram-new:PATH' for a part of KiloGram's descriptions"
    )


def full_name(spec: str) -> str:
    """Returns a spec for `load_tangrams` with the description file that is read in place of a folder that holds it."""
    source, _, path = spec.partition(":")
    if source not in KILOGRAM or not path:
        return spec
    try:
        return f"{source}:{find_descriptions(Path(path).expanduser())}"
    except TangramError:  # `load_tangrams` says so
        return spec


def drawn_tangrams(spec: str) -> TangramSet:
    """Returns what `load_tangrams` does, and of KiloGram also what is drawn but not described: people got those, too.

    Raises:
        TangramError: As `load_tangrams`, or if a drawing is malformed.
    """
    described = load_tangrams(spec)
    source, _, path = spec.partition(":")
    if not source.startswith("kilogram"):
        return described
    others = [tangram for tangram in read_drawings(path) if tangram.id not in described]
    return TangramSet(described.name, (*described, *others), split_by="id", source=(drawn_tangrams, (spec,)))


def _kilogram(spec: str, tangrams: Sequence[Tangram]) -> TangramSet:
    source = load_tangrams, (spec,)
    return TangramSet(full_name(spec), tangrams, split_by="id", overlap=described_alike, source=source)
