"""`multiref import`: interactions from lines of JSON or a data set of Minari, into a store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Annotated

from multiref_gym.commands.export import WHERE, check_applies, say_skipped
from multiref_gym.commands.options import Name, Round, named
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.formats import FORMATS, read_games
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.store import InteractionStore


@dataclass(frozen=True, kw_only=True)
class Import:
    """Reads the games of a file, or of a data set of Minari, into a store.

    Attributes:
        store: The store, made if there is none: a SQLite file, or a database URL.
        games: The files to read, parts of a round among them: JSON Lines, JSON, Parquet; or what the format reads else.
        minari: The Minari data set to read, which export made.
        system: The system that played these games.
        round: The round to put them into, if not the one that each names.
        skip_bad: Leave out bad games, and say which.
    """

    store: str
    games: Annotated[tuple[str, ...], WHERE] = ()
    minari: Annotated[str | None, WHERE] = None
    system: Name
    round: Round | None = None
    skip_bad: bool = False
    format: Annotated[str | None, named(FORMATS, "What is in --games, if not as it looks: ")] = None

    def run(self, screen: Screen) -> None:
        """Adds all interactions of the file or data set, and its feedback on whole rounds, or nothing.

        Raises:
            BadGame: If a line is no game; the message has its number.
            StoreError: If the system has played one of the rounds already, or a game is there already.
            UserError: If an option does not apply, Minari is missing, or it has no such data set.
            OSError: If the file cannot be read.
        """
        if self.games and self.format == "minari":
            if len(self.games) > 1:
                raise UserError(f"--format minari: {len(self.games)} data sets: allowed is one")
            return replace(self, minari=self.games[0], games=(), format=None).run(screen)
        check_applies(self, "games" if self.minari is None else "minari", {"games": ("format",)})
        decoder = ""
        if self.minari is not None:
            from multiref_gym.formats.minari import decoder_of  # Minari is an extra

            decoder = decoder_of(self.minari)
        format = "minari" if self.minari else self.format
        read = [
            read_games(source, format, skip_bad=self.skip_bad)
            for source in (self.minari and [self.minari]) or self.games
        ]
        games, bad = (list(chain.from_iterable(part)) for part in zip(*read, strict=True))
        if self.round is not None:
            games = [replace(game, interaction=replace(game.interaction, round=self.round)) for game in games]
        decoded = _decoded_rounds(games) if decoder else {}
        # Only now is the store opened: a bad file leaves no empty one behind.
        with InteractionStore(self.store) as store:
            store.add([game.interaction for game in games], self.system, decoded, decoder)
        rounds = _listed({game.interaction.round for game in games})
        told = f"{len(games)} interactions of {self.system!r} added, rounds {rounds}"
        if decoder:
            told += f"; feedback of {decoder!r} on rounds {_listed(decoded)}"
        elif labels := sum(label is not None for game in games for label in game.labels):
            told += f"; {labels} labels not kept, as a store keeps those of a named decoder only"
        if abandoned := sum(game.abandoned for game in games):
            told += f"; {abandoned} were abandoned, which a store does not tell from lost ones"
        screen.say(told)
        say_skipped(bad, screen)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers))) or "none"


def _decoded_rounds(games: Sequence[LoggedGame]) -> dict[int, list[list[Feedback]]]:
    """Returns the feedback of the rounds of which every game was decoded, since a store has none on part of a round."""
    rounds: dict[int, list[list[Feedback]]] = defaultdict(list)
    undecoded = set()
    for game in games:
        values = [label for label in game.labels[:-1] if label is not None]
        rounds[game.interaction.round].append(values)
        if len(values) < len(game.labels) - 1:
            undecoded.add(game.interaction.round)
    return {number: values for number, values in rounds.items() if number not in undecoded}
