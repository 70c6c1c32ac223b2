"""Pictures of tangrams by names that say nothing: an id may hold words that would help."""

from __future__ import annotations

from functools import cached_property
from threading import Lock

from PIL import Image

from multiref_gym.agents.deployment.people import Secrets
from multiref_gym.png import png
from multiref_gym.tangrams import TangramSet
from multiref_gym.tangrams.render import silhouette

SIZE = 192
"""Pixels of a side."""


class Pictures:
    """The pictures of a set of tangrams, each drawn once.

    Args:
        tangrams: The set.
        known: What names are made with.

    Attributes:
        names: By tangram.
    """

    def __init__(self, tangrams: TangramSet, known: Secrets) -> None:
        self._tangrams = tangrams
        self.names = {tangram.id: known.sign("picture", tangram.id) for tangram in tangrams}
        self._drawn: dict[str, bytes] = {}
        self._lock = Lock()

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: self._tangrams.place(id) for id, name in self.names.items()}

    def get(self, name: str) -> bytes | None:
        """Returns a picture as a PNG file, None if there is none of this name."""
        if name not in self._places:
            return None
        with self._lock:
            if name not in self._drawn:
                tangram = self._tangrams.tangrams[self._places[name]]
                self._drawn[name] = png(Image.fromarray(silhouette(tangram, SIZE)))
        return self._drawn[name]
