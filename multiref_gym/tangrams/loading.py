"""Tangram sets by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from multiref_gym.tangrams.figures import figures
from multiref_gym.tangrams.kilogram import described_alike, find_descriptions, read_drawings, read_kilogram, read_part
from multiref_gym.tangrams.tangram_set import Tangram, TangramError, TangramSet

KILOGRAM = ("kilogram", "kilogram-screened", "kilogram-known", "kilogram-new")
"""The names before the path in a KiloGram spec."""


@cache
def load_tangrams(spec: str) -> TangramSet:
    """Returns a set of tangrams; the same spec gives the same object.

    Args:
        spec: "figures" for the package's own figures, or "kilogram:PATH" for KiloGram, where PATH is a checkout, its
            ``dataset`` folder, or a description file in that folder. In a folder, the first existing one of
            ``kilogram.DESCRIPTION_FILES`` is read, and the set's name says which. "kilogram-screened:PATH" leaves out
            words that ``screening.may_offend``, and a ``TangramWarning`` counts them. "kilogram-known:PATH" and
            "kilogram-new:PATH" are the tangrams with many descriptions, each with one part of them, so that a policy
            that learned from the known ones can be tested on the new ones.

    Raises:
        TangramError: one line about the problem: the spec, a missing folder or file, a malformed file.
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
    """Returns a spec for `load_tangrams` that names the description file rather than its folder."""
    source, _, path = spec.partition(":")
    if source not in KILOGRAM or not path:
        return spec
    try:
        return f"{source}:{find_descriptions(Path(path).expanduser())}"
    except TangramError:  # `load_tangrams` will report it
        return spec


def drawn_tangrams(spec: str) -> TangramSet:
    """Returns the set of `load_tangrams`; for KiloGram, also with drawn but undescribed tangrams, which people got,
    too.

    Raises:
        TangramError: As in `load_tangrams`; also if a drawing is malformed.
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
