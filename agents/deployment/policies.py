"""The deployed policies: each is loaded once and kept while a game needs it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from sqlalchemy import Row

from multiref_gym.agents.listeners.named import new_listener
from multiref_gym.digests import digest
from multiref_gym.listener import Listener, View, decided
from multiref_gym.registry import LISTENERS
from multiref_gym.tangrams import TangramSet


@dataclass(frozen=True, slots=True)
class Policy:
    """The source of a listener.

    Attributes:
        listener: Its name.
        model: The policy, None for the one that ships.
    """

    listener: str
    model: str | None = None

    @classmethod
    def of(cls, text: str) -> Policy:
        """Reads what `str` writes: a name, and a model after a colon; `module:attribute:MODEL` of a user's own."""
        parts = text.split(":", 1 if text.partition(":")[0] in LISTENERS else 2)
        named = 1 if parts[0] in LISTENERS else 2
        return cls(":".join(parts[:named]), ":".join(parts[named:]) or None)

    def __str__(self) -> str:
        return self.listener if self.model is None else f"{self.listener}:{self.model}"

    def resolved(self) -> Policy:
        """Returns the same policy with the full path of its model's folder, so that any process can load it."""
        is_folder = self.model is not None and Path(self.model).is_dir()
        return replace(self, model=str(Path(self.model or "").resolve())) if is_folder else self

    def load(self, tangrams: TangramSet) -> Listener:
        """Loads the listener; see `new_listener` for the errors."""
        return new_listener(self.listener, tangrams, model=self.model)


def fingerprint(listener: Listener, policy: Policy) -> str:
    """Returns a mark of a policy: a hash of its weights and settings, or its name if it has no weights."""
    # Imported here, because a listener without weights does not need torch.
    from multiref_gym.agents.learning import learn

    model: Any = getattr(listener, "model", None)
    weights = learn.fingerprint(model) if hasattr(model, "state_dict") else ""
    return digest([policy.listener, weights or policy.model, getattr(listener, "settings", {})])[:16]


class Policies:
    """Listeners by the ids of their arms.

    Args:
        tangrams: The set that games are played with.
    """

    def __init__(self, tangrams: TangramSet) -> None:
        self._tangrams = tangrams
        self._loaded: dict[int, Listener] = {}
        self._lock = Lock()

    def get(self, arm: Row[Any]) -> Listener:
        """Returns the listener of an arm.

        Raises:
            UserError: As in `new_listener`.
        """
        with self._lock:
            if arm.id not in self._loaded:
                self._loaded[arm.id] = Policy.of(arm.policy).load(self._tangrams)
            return self._loaded[arm.id]

    def put(self, arm: int, listener: Listener) -> None:
        """Keeps a listener that is loaded already."""
        with self._lock:
            self._loaded[arm] = listener

    def keep(self, needed: Collection[int]) -> None:
        """Drops all others."""
        with self._lock:
            for arm in self._loaded.keys() - set(needed):
                del self._loaded[arm]


def warm_up(listener: Listener, tangrams: TangramSet, size: int) -> None:
    """Lets a listener look at every tangram and act once, so that the first person need not wait for it.

    Raises:
        UserError: If it cannot act.
    """
    ids = [tangram.id for tangram in tangrams]
    for start in range(0, len(ids), size):
        shown = tuple((ids[start:] + ids)[:size])
        decided(listener, [View(shown, (), "the one on the left", frozenset(), "warm-up")], [np.random.default_rng(0)])
