"""`multiref export`: interactions of a store, as lines of JSON or as a data set of Minari."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter
from cyclopts.validators import LimitedChoice

from multiref_gym.commands.options import ForceOption, Round, TangramsName, check_writable, named
from multiref_gym.commands.screen import Screen
from multiref_gym.database import StoreError
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.files import whole
from multiref_gym.formats import FORMATS, holds_games, write_games
from multiref_gym.formats.logged_game import BadGame, LoggedGame
from multiref_gym.formats.rows import BadRow
from multiref_gym.interaction import Interaction
from multiref_gym.registry import feedback_name
from multiref_gym.store import InteractionStore

OPTIONS = {"out": ("format", "force"), "minari": ("decoder", "ternary", "image", "tangrams", "skip_bad")}
WHERE = Parameter(group=Group("Where", validator=LimitedChoice(1, 1)))


@dataclass(frozen=True, kw_only=True)
class Export(ForceOption):
    """Writes the games of a store to a file, or to a data set of Minari.

    Attributes:
        store: The store: a SQLite file, or a database URL.
        out: The file to write, or what the format writes else.
        minari: The Minari data set to make, such as multiref/sup-v0.
        decoder: A Minari data set's feedback: that of this decoder in all rounds that it has decoded.
        ternary: That of the decoder's ternary form.
        image: A Minari data set's pictures (tangrams).
        tangrams: For them: figures (by default) or kilogram:PATH, all that are drawn.
        skip_bad: Leave out of it games that the environment could not have played, and say which.
        system: Only the games of this system.
        round: Only the games of this round.
    """

    store: str
    out: Annotated[str | None, WHERE] = None
    minari: Annotated[str | None, WHERE] = None
    format: Annotated[
        str | None, named(FORMATS, "A line of --out is a game as in the human games (jsonl, the default), or a row: ")
    ] = None
    decoder: str | None = None
    ternary: bool | None = None
    image: Literal["tangrams", "board", "none"] | None = None
    tangrams: TangramsName | None = None
    skip_bad: bool | None = None
    system: str | None = None
    round: Round | None = None

    def run(self, screen: Screen) -> None:
        """Writes the interactions.

        Raises:
            StoreError: If there is no such store, none of its interactions is meant, or the decoder decoded none of
                them.
            UserError: If an option does not apply, Minari is missing, these games make no data set of that name, or a
                file is there that is not to be replaced.
            OSError: If the file cannot be written. One that was there before stays as it was.
        """
        if self.out and self.format == "minari":
            return replace(self, minari=self.out, out=None, format=None).run(screen)
        check_applies(self, "out" if self.minari is None else "minari", OPTIONS)
        if self.ternary and not self.decoder:
            raise UserError("--ternary is of a decoder: add --decoder")
        format = self.format or "jsonl"
        if self.out is not None:
            check_writable(Path, Path(self.out))
            self.check_replaced(Path(self.out), f"games in format {format}", partial(holds_games, format=format))
        decoder = "" if self.decoder is None else feedback_name(self.decoder, bool(self.ternary))
        with InteractionStore(self.store, create=False) as store:
            systems = store.systems() if self.system is None else [self.system]
            games = [(system, game) for system in systems for game in store.interactions(system, self.round)]
            if not games:
                raise StoreError(f"{self.store}: no interactions to export; there are: {store.contents()}")
            labels = _feedback(store, decoder, games) if decoder else [[]] * len(games)
        logged = [
            LoggedGame(game, labels=tuple(of_game), system=system)
            for (system, game), of_game in zip(games, labels, strict=True)
        ]
        bad: list[BadGame] = []
        if self.out is not None:
            # Where a format of one's own writes, nobody else knows.
            with whole(Path(self.out), self.force) if format in FORMATS else nullcontext(self.out) as where:
                write_games(format, where, logged)
        else:
            from multiref_gym.formats.minari import Minari  # Minari is an extra

            image = None if self.image == "none" else self.image or "tangrams"
            skip = bad.append if self.skip_bad else None
            write_games(Minari(self.tangrams or "figures", image, decoder, skip), str(self.minari), logged)
        screen.say(f"{len(games) - len(bad)} interactions written to {self.out or self.minari}")
        say_skipped(bad, screen)


def say_skipped(bad: Sequence[BadRow], screen: Screen, what: str = "games") -> None:
    """Says how many bad games, or what they are, were left out, and what is wrong with each."""
    if bad:
        screen.say(f"{len(bad)} bad {what} skipped:")
        for error in bad:
            screen.say(str(error))


def check_applies(options: object, form: str, of_forms: Mapping[str, Sequence[str]]) -> None:
    """Raises UserError if an option is given that applies to another form only: of each form, its own options."""
    for other, names in of_forms.items():
        for name in names:
            if other != form and getattr(options, name) not in (None, False):
                raise UserError(f"--{name.replace('_', '-')} applies to --{other} only, not to --{form}")


def _feedback(store: InteractionStore, decoder: str, games: Sequence[tuple[str, Interaction]]) -> list[list[Feedback]]:
    """Returns the decoder's feedback on each game of a system, [] where it has not decoded the game's round."""
    rounds = dict.fromkeys((system, game.round) for system, game in games)
    decoded = {
        (system, round): iter(store.feedback(decoder, system, round))
        for system, round in rounds
        if store.has_feedback(system, round, decoder)
    }
    if not decoded:
        there = ", ".join(f"round {round} of {system!r}" for system, round in rounds)
        raise StoreError(f"{decoder!r} has not decoded any of what is to be exported: {there}")
    return [next(decoded[system, game.round]) if (system, game.round) in decoded else [] for system, game in games]
