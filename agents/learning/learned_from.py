"""The logged games that a policy learned from, kept in its folder, so that nobody tests it on them unawares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from multiref_gym.checking import read_json
from multiref_gym.digests import digest
from multiref_gym.files import write_json
from multiref_gym.formats.logged_game import LoggedGame

RESULTS = "learning.json"
"""The file in a policy's folder that records how and from which games it learned."""


@dataclass(frozen=True)
class _Log:
    learned: list[str]
    speakers: list[str]


@dataclass(frozen=True)
class _Results:
    log: _Log | None = None


@dataclass
class LearnedFrom:
    """Games and speakers, as digests; other games can only be compared with them, not read from them.

    Attributes:
        games: Digests of the games.
        speakers: Digests of their speakers' names.
    """

    games: set[str]
    speakers: set[str]

    @classmethod
    def of(cls, model: str | Path | None) -> LearnedFrom | None:
        """Returns the games that a policy and its base learned from, as far as recorded; None if nothing is recorded.

        Raises:
            UserError: If the record in its folder cannot be read.
        """
        path = Path(model or "", RESULTS)
        if model is None or not path.is_file():
            return None
        log = read_json(_Results, path).log
        return cls(set(log.learned), set(log.speakers)) if log else None

    def save(self, folder: Path) -> None:
        """Writes the record to the folder of a policy that did not learn from a log, with nothing else."""
        write_json(folder / RESULTS, {"log": self.recorded()})

    def recorded(self) -> dict[str, list[str]]:
        """Returns the record in the form that `of` reads."""
        return {"learned": sorted(self.games), "speakers": sorted(self.speakers)}

    def joined(self, other: LearnedFrom | None) -> LearnedFrom:
        """Returns this record joined with another one."""
        return self if other is None else LearnedFrom(self.games | other.games, self.speakers | other.speakers)

    def add(self, logged: LoggedGame) -> None:
        """Adds a game."""
        self.games.add(logged.digest)
        self.speakers.add(_named(logged))

    def shared(self, games: Iterable[LoggedGame]) -> tuple[int, set[str]]:
        """Returns how many of these games were learned from, and the names of their speakers who were learned from."""
        games = list(games)
        learned = sum(logged.digest in self.games for logged in games)
        return learned, {logged.interaction.speaker for logged in games if _named(logged) in self.speakers}


def _named(logged: LoggedGame) -> str:
    return digest(logged.interaction.speaker)[:16]
