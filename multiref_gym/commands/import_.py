"""`multiref import`: reads interactions from lines of JSON or a Minari data set into a store."""

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
        store: The store, created if missing: a SQLite file, or a database URL.
        games: The files to read, which may be parts of one round: JSON Lines, JSON, Parquet; some formats read
            something else.
        minari: The Minari data set to read, made by export.
        system: The system that played these games.
        round: The round of all games, instead of the round that each game names.
        skip_bad: Leave out bad games, and list them.
    """

    store: str
    games: Annotated[tuple[str, ...], WHERE] = ()
    minari: Annotated[str | None, WHERE] = None
    system: Name
    round: Round | None = None
    skip_bad: bool = False
    format: Annotated[str | None, named(FORMATS, "The format of --games, if it is not to be guessed: ")] = None

    def run(self, screen: Screen) -> None:
        """Adds all interactions of the file or data set, and its feedback on whole rounds, or nothing.

        Raises:
            BadGame: If a line is not a game; the message has its number.
            StoreError: If the system has played one of the rounds already, or a game exists already.
            UserError: If an option does not apply, Minari is missing, or there is no such data set.
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
        # The store is opened only now, so that a bad file does not leave an empty one behind.
        with InteractionStore(self.store) as store:
            store.add([game.interaction for game in games], self.system, decoded, decoder)
        rounds = _listed({game.interaction.round for game in games})
        message = f"{len(games)} interactions of {self.system!r} added, rounds {rounds}"
        if decoder:
            message += f"; feedback of {decoder!r} on rounds {_listed(decoded)}"
        elif labels := sum(label is not None for game in games for label in game.labels):
            message += f"; {labels} labels were left out: a store keeps only those of a named decoder"
        if abandoned := sum(game.abandoned for game in games):
            message += f"; {abandoned} were abandoned; a store counts them as lost"
        screen.say(message)
        say_skipped(bad, screen)


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(numbers))) or "none"


def _decoded_rounds(games: Sequence[LoggedGame]) -> dict[int, list[list[Feedback]]]:
    """Returns the feedback of the rounds that were decoded completely; a store holds no feedback on part of a round."""
    rounds: dict[int, list[list[Feedback]]] = defaultdict(list)
    undecoded = set()
    for game in games:
        values = [label for label in game.labels[:-1] if label is not None]
        rounds[game.interaction.round].append(values)
        if len(values) < len(game.labels) - 1:
            undecoded.add(game.interaction.round)
    return {number: values for number, values in rounds.items() if number not in undecoded}
