"""Which logged games a policy learned from: kept in its folder, so that it is not measured on them unawares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multiref_gym.checking import read_json
from multiref_gym.digests import digest
from multiref_gym.formats.logged_game import LoggedGame

RESULTS = "learning.json"
"""In the folder of a policy: what it was learned from, and how."""


@dataclass
class LearnedFrom:
    """Games and speakers, as digests, which tell nobody who they are.

    Attributes:
        games: Digests of the games.
        speakers: Digests of their speakers' names.
    """

    games: set[str]
    speakers: set[str]

    @classmethod
    def of(cls, model: str | Path | None) -> LearnedFrom | None:
        """Returns what a policy and all that it started from learned from; None if its folder does not say.

        Raises:
            UserError: If what its folder says cannot be read.
        """
        path = Path(model or "", RESULTS)
        if model is None or not path.is_file():
            return None
        log = read_json(dict[str, Any], path).get("log")
        return cls(set(log["learned"]), set(log["speakers"])) if log else None

    def add(self, logged: LoggedGame) -> None:
        """Adds a game."""
        self.games.add(logged.digest)
        self.speakers.add(_named(logged))

    def shared(self, games: Iterable[LoggedGame]) -> tuple[int, set[str]]:
        """Returns how many of some games were learned from, and the names of their speakers who were."""
        games = list(games)
        known = sum(logged.digest in self.games for logged in games)
        return known, {logged.interaction.speaker for logged in games if _named(logged) in self.speakers}


def _named(logged: LoggedGame) -> str:
    return digest(logged.interaction.speaker)[:16]
