"""Tangram sets by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from multiref_gym.tangrams.figures import figures
from multiref_gym.tangrams.kilogram import described_alike, read_drawings, read_kilogram, read_part
from multiref_gym.tangrams.tangram_set import Tangram, TangramError, TangramSet


@cache
def load_tangrams(spec: str) -> TangramSet:
    """Returns a set of tangrams; the same spec gives the same object.

    Args:
        spec: "figures" for the figures that come with the package, or "kilogram:PATH" for KiloGram, where PATH is a
            checkout of it, its ``dataset`` folder, or a description file in that folder. "kilogram-known:PATH" and
            "kilogram-new:PATH" are the tangrams that many people described, each with a part of its descriptions, so
            that what is learned from the known ones can be tried on the new ones.

    Raises:
        TangramError: one line on what is wrong: the spec, a missing folder or file, a malformed file.
    """
    source, _, path = spec.partition(":")
    if spec == "figures":
        return TangramSet("figures", figures(), split_by="facts", source=(load_tangrams, (spec,)))
    if source == "kilogram" and path:
        return _kilogram(spec, read_kilogram(path))
    if source in ("kilogram-known", "kilogram-new") and path:
        return _kilogram(spec, read_part(path, known=source == "kilogram-known"))
    raise TangramError(
        f"unknown tangrams {spec!r}: expected 'figures' or 'kilogram:PATH', or 'kilogram-known:PATH' or "
        "'kilogram-new:PATH' for a part of KiloGram's descriptions"
    )


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
    return TangramSet(spec, (*described, *others), split_by="id", source=(drawn_tangrams, (spec,)))


def _kilogram(spec: str, tangrams: Sequence[Tangram]) -> TangramSet:
    return TangramSet(spec, tangrams, split_by="id", overlap=described_alike, source=(load_tangrams, (spec,)))
