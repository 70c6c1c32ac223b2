"""A recorded game, the common form of all formats."""

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
    """A record does not hold a valid game."""


@dataclass(frozen=True, slots=True)
class LoggedGame:
    """A recorded game, with the other contents of its record.

    Attributes:
        interaction: The game.
        reply: The speaker's words after the last turn of the record if the game went on, "" if it did not.
        labels: Explicit feedback on each turn, None for a turn without. It may cover only the first turns.
        system: The system that played, "" if the record does not name it.
        place: The place of the record, such as "FILE, line 3", for messages; it is ignored when games are compared.
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
        """A hash of the utterances and actions, which does not depend on the kind of record or on labels."""
        game = self.interaction
        said = [[turn.utterance, sorted(turn.action.clicks)] for turn in game.turns]
        seen = [game.context.listener_order, sorted(game.targets), said, self.reply]
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()

    def exchanges(self) -> list[Exchange]:
        """Returns an exchange for every turn with a reply: all turns, or all but the last."""
        exchanges = self.interaction.exchanges()
        if self.reply:
            *before, last = self.interaction.turns
            exchanges.append(Exchange(before[-1].action if before else None, last.utterance, last.action, self.reply))
        return exchanges


@runtime_checkable
class Format(Protocol):
    """A way to store games. A command makes it without arguments."""

    def read(self, where: str) -> Iterator[LoggedGame | BadGame]:
        """Yields the games; a bad game yields an error that says what is wrong, and where.

        Raises:
            UserError: If nothing can be read there at all.
            OSError: If a file cannot be read.
        """
        ...

    def write(self, where: str, games: Iterable[LoggedGame]) -> None:
        """Writes games, all or none.

        Raises:
            UserError: If the format cannot hold these games.
            OSError: If a file cannot be written.
        """
        ...


def fingerprint(games: Sequence[LoggedGame]) -> str:
    """Returns a short hash of the games, which does not depend on their order or on the kind of record."""
    replayed = sorted(f"{logged.digest} {json.dumps(logged.labels)}" for logged in games)
    return hashlib.sha256("\n".join(replayed).encode()).hexdigest()[:16]
