"""Tangrams' pictures with names that reveal nothing, because an id may contain helpful words."""

from __future__ import annotations

from functools import cached_property
from threading import Lock

from PIL import Image

from multiref_gym.agents.deployment.people import Secrets
from multiref_gym.png import png
from multiref_gym.tangrams import TangramSet
from multiref_gym.tangrams.render import silhouette

SIZE = 192
"""The side of a picture, in pixels."""


class Pictures:
    """The pictures of a set of tangrams, each drawn once.

    Args:
        tangrams: The set.
        secrets: They sign the names of the pictures.

    Attributes:
        names: The names of the pictures, by tangram.
    """

    def __init__(self, tangrams: TangramSet, secrets: Secrets) -> None:
        self._tangrams = tangrams
        self.names = {tangram.id: secrets.sign("picture", tangram.id) for tangram in tangrams}
        self._drawn: dict[str, bytes] = {}
        self._lock = Lock()

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: self._tangrams.place(id) for id, name in self.names.items()}

    def get(self, name: str) -> bytes | None:
        """Returns a picture as a PNG file, None if no picture has this name."""
        if name not in self._places:
            return None
        with self._lock:
            if name not in self._drawn:
                tangram = self._tangrams.tangrams[self._places[name]]
                self._drawn[name] = png(Image.fromarray(silhouette(tangram, SIZE)))
        return self._drawn[name]
