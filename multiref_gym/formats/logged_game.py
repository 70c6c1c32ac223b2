"""A game that somebody played, as every format reads and writes it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from multiref_gym.feedback import Exchange, Feedback
from multiref_gym.formats.rows import BadRow
from multiref_gym.interaction import Interaction


class BadGame(BadRow):
    """What is no game."""


@dataclass(frozen=True, slots=True)
class LoggedGame:
    """A game that was played, and what its record says besides.

    Attributes:
        interaction: The game.
        reply: What was said after the last turn of the record where the game went on, "" if it did not.
        labels: Explicit feedback on each turn, None for a turn that has none. It may be given for the first turns only.
        system: What was deployed, "" where the record does not say.
        place: Where the record is, such as "FILE, line 3", for messages; games do not differ by it.
        abandoned: Whether somebody left the game before its end, so that it was neither won nor lost.
    """

    interaction: Interaction
    reply: str = ""
    labels: tuple[Feedback | None, ...] = ()
    system: str = ""
    place: str = field(default="", compare=False)
    abandoned: bool = False

    def __post_init__(self) -> None:
        missing = len(self.interaction.turns) - len(self.labels)
        object.__setattr__(self, "labels", (*self.labels, *[None] * missing))

    @property
    def digest(self) -> str:
        """A hash of what was said and done in it, the same for any kind of record and any labels."""
        game = self.interaction
        said = [[turn.utterance, sorted(turn.action.clicks)] for turn in game.turns]
        seen = [game.context.listener_order, sorted(game.targets), said, self.reply]
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()

    def exchanges(self) -> list[Exchange]:
        """Returns an exchange for every turn that was replied to: all, or all but the last."""
        exchanges = self.interaction.exchanges()
        if self.reply:
            *before, last = self.interaction.turns
            exchanges.append(Exchange(before[-1].action if before else None, last.utterance, last.action, self.reply))
        return exchanges


@runtime_checkable
class Format(Protocol):
    """A way to keep games. It is made without arguments where a command names it."""

    def read(self, where: str) -> Iterator[LoggedGame | BadGame]:
        """Yields the games, and in the place of what is none the error that says what is wrong, and where.

        Raises:
            UserError: If nothing can be read there at all.
            OSError: If a file cannot be read.
        """
        ...

    def write(self, where: str, games: Iterable[LoggedGame]) -> None:
        """Writes games, all or none.

        Raises:
            UserError: If these games cannot be kept so.
            OSError: If a file cannot be written.
        """
        ...


def fingerprint(games: Sequence[LoggedGame]) -> str:
    """Returns a short hash of what is replayed, the same for games in any order and for any kind of record."""
    replayed = sorted(f"{logged.digest} {json.dumps(logged.labels)}" for logged in games)
    return hashlib.sha256("\n".join(replayed).encode()).hexdigest()[:16]
