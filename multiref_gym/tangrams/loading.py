"""Tangram sets by name."""

from __future__ import annotations

from functools import cache

from multiref_gym.tangrams.figures import figures
from multiref_gym.tangrams.kilogram import described_alike, read_kilogram
from multiref_gym.tangrams.tangram_set import TangramError, TangramSet


@cache
def load_tangrams(spec: str) -> TangramSet:
    """Returns a set of tangrams; the same spec gives the same object.

    Args:
        spec: "figures" for the figures that come with the package, or "kilogram:PATH" for KiloGram, where PATH is a
            checkout of it, its ``dataset`` folder, or a description file in that folder.

    Raises:
        TangramError: one line on what is wrong: the spec, a missing folder or file, a malformed file.
    """
    source, _, path = spec.partition(":")
    if spec == "figures":
        return TangramSet("figures", figures(), split_by="facts")
    if source == "kilogram" and path:
        return TangramSet(spec, read_kilogram(path), split_by="id", overlap=described_alike)
    raise TangramError(f"unknown tangrams {spec!r}: expected 'figures' or 'kilogram:PATH'")
