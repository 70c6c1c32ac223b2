"""Which logged games a policy learned from: kept in its folder, so that it is not measured on them unawares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from multiref_gym.checking import read_json
from multiref_gym.digests import digest
from multiref_gym.files import write_json
from multiref_gym.formats.logged_game import LoggedGame

RESULTS = "learning.json"
"""In the folder of a policy: what it was learned from, and how."""


@dataclass(frozen=True)
class _Log:
    learned: list[str]
    speakers: list[str]


@dataclass(frozen=True)
class _Results:
    log: _Log | None = None


@dataclass
class LearnedFrom:
    """Games and speakers, as digests: what is compared with them must be at hand already.

    Attributes:
        games: Digests of the games.
        speakers: Digests of their speakers' names.
    """

    games: set[str]
    speakers: set[str]

    @classmethod
    def of(cls, model: str | Path | None) -> LearnedFrom | None:
        """Returns what a policy learned from, and what it started from as far as that said so; None if it does not say.

        Raises:
            UserError: If what its folder says cannot be read.
        """
        path = Path(model or "", RESULTS)
        if model is None or not path.is_file():
            return None
        log = read_json(_Results, path).log
        return cls(set(log.learned), set(log.speakers)) if log else None

    def save(self, folder: Path) -> None:
        """Writes this to the folder of a policy that was learned from no log, which says nothing else there."""
        write_json(folder / RESULTS, {"log": self.recorded()})

    def recorded(self) -> dict[str, list[str]]:
        """Returns what `of` reads."""
        return {"learned": sorted(self.games), "speakers": sorted(self.speakers)}

    def joined(self, other: LearnedFrom | None) -> LearnedFrom:
        """Returns this together with what another one learned from."""
        return self if other is None else LearnedFrom(self.games | other.games, self.speakers | other.speakers)

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
