"""`multiref export`: interactions of a store as games, rows for TRL, a log of Inspect, or a data set of Minari."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter
from cyclopts.validators import LimitedChoice

from multiref_gym.commands.options import ForceOption, Round, TangramsName, check_writable, named
from multiref_gym.commands.screen import Screen
from multiref_gym.database import StoreError
from multiref_gym.errors import UserError
from multiref_gym.files import whole
from multiref_gym.formats import FORMATS, checked_games, holds_games, write_games
from multiref_gym.formats.logged_game import BadGame, LoggedGame
from multiref_gym.formats.rows import BadRow, holds_rows
from multiref_gym.formats.trainer import ROW, Trainer
from multiref_gym.registry import feedback_name
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import Atlas, drawn_tangrams, load_tangrams

OPTIONS = {
    "out": ("format", "force"),
    "trl": ("force", "decoder", "ternary", "text", "tangrams", "skip_bad"),
    "inspect": ("force", "decoder", "ternary", "text", "tangrams", "skip_bad"),
    "minari": ("decoder", "ternary", "image", "tangrams", "skip_bad"),
}
"""For each form, the options that do not apply to all forms."""
WHERE = Parameter(group=Group.create_ordered("Where", validator=LimitedChoice(1, 1)))
FORM = Parameter(group=Group.create_ordered("What --out is", validator=LimitedChoice(0, 1)))
FEEDBACK = Parameter(group=Group.create_ordered("Feedback in --trl, --inspect and --minari"))
SHOWN = Parameter(group=Group.create_ordered("Tangrams in --trl, --inspect and --minari"))


@dataclass(frozen=True, kw_only=True)
class Export(ForceOption):
    """Writes the games of a store to a file: games, rows for TRL or a log of Inspect; or to a data set of Minari.

    Attributes:
        store: The store: a SQLite file, or a database URL.
        out: The file to write; some formats write something else, such as a data set.
        minari: The Minari data set to make, such as multiref/sup-v0.
        trl: Rows for TRL: sft, the turns with positive feedback, or kto, the turns with positive or negative feedback.
            The file is .parquet, or .jsonl with --text.
        inspect: A log for `inspect view`: an .eval file.
        decoder: The decoder whose feedback to export, for all rounds that it has decoded. --trl and --inspect need no
            name if the store has one decoder only.
        ternary: Export the feedback of the decoder's ternary form.
        image: How a Minari data set shows the tangrams (tangrams).
        text: Show the tangrams in words instead of pictures, in --trl and --inspect.
        tangrams: The tangrams to show: figures (by default) or kilogram:PATH; they must have pictures.
        skip_bad: Leave out games with other tangrams or, for --minari, games that the environment could not have
            played; list them.
        system: Only the games of this system.
        round: Only the games of this round.
    """

    store: str
    system: str | None = None
    round: Round | None = None
    out: Annotated[str | None, WHERE] = None
    minari: Annotated[str | None, WHERE] = None
    format: Annotated[
        str | None, FORM, named(FORMATS, "A line is a game as in the human games (jsonl, the default), or a row: ")
    ] = None
    trl: Annotated[Trainer | None, FORM] = None
    inspect: Annotated[bool, FORM] = False
    decoder: Annotated[str | None, FEEDBACK] = None
    ternary: Annotated[bool | None, FEEDBACK] = None
    image: Annotated[Literal["tangrams", "board", "none"] | None, SHOWN] = None
    text: Annotated[bool, SHOWN] = False
    tangrams: Annotated[TangramsName | None, SHOWN] = None
    skip_bad: Annotated[bool | None, SHOWN] = None

    def run(self, screen: Screen) -> None:
        """Writes the interactions.

        Raises:
            StoreError: If the store is missing, has no such interactions, or more than one decoder could be meant.
            UserError: If an option does not apply, an extra is missing, these games cannot be exported in this form, or
                an existing file may not be replaced.
            OSError: If the file cannot be written. An existing file stays as it was.
        """
        if self.out and self.format == "minari":
            return replace(self, minari=self.out, out=None, format=None).run(screen)
        if self.minari and (self.trl or self.inspect):
            raise UserError("--trl and --inspect are forms of --out, not of --minari")
        check_applies(self, self._form, OPTIONS)
        if self.ternary and not self.decoder:
            raise UserError("--ternary needs a decoder: add --decoder")
        if self.out is not None:
            self._check_out(Path(self.out))
        bad: list[BadGame] = []
        with InteractionStore(self.store, create=False) as store:
            total = store.count(self.system, self.round)
            if not total:
                raise StoreError(f"{self.store}: no interactions to export; there are: {store.contents()}")
            decoder = self._decoder_in(store)
            games = _reported(self._logged(store, decoder), lambda done: screen.report("games read", done, total))
            note = self._write(games, decoder, bad.append if self.skip_bad else None)
        screen.say(f"{total - len(bad)} interactions written to {self.out or self.minari}{note}")
        say_skipped(bad, screen)

    @property
    def _form(self) -> str:
        """The key of `OPTIONS` for the chosen form."""
        return "minari" if self.minari else "trl" if self.trl else "inspect" if self.inspect else "out"

    def _check_out(self, out: Path) -> None:
        """Checks that the file may be written, and that the extra for it is installed."""
        check_writable(Path, out)
        match self._form:
            case "trl":
                from multiref_gym.formats.trl import check_rows_file

                check_rows_file(out, self.text)
                self.check_replaced(out, "rows for TRL", partial(holds_rows, fields=ROW))
            case "inspect":
                from multiref_gym.formats.inspect_log import check_log_file, holds_log  # Inspect is an extra

                check_log_file(out)
                self.check_replaced(out, "logs of Inspect", holds_log)
            case _:
                format = self.format or "jsonl"
                self.check_replaced(out, f"games in format {format}", partial(holds_games, format=format))

    def _decoder_in(self, store: InteractionStore) -> str:
        """Returns the name, in the store, of the decoder whose feedback is exported; "" for no feedback.

        Raises:
            StoreError: If that decoder has decoded none of these games, or more than one decoder could be meant.
        """
        there = store.decoders(self.system, self.round)
        decoders = f"the store has feedback by: {', '.join(map(repr, there)) or 'no decoder'}"
        if self.decoder is not None:
            name = feedback_name(self.decoder, bool(self.ternary))
            if name not in there:
                raise StoreError(f"{self.store}: {name!r} has decoded none of these games; {decoders}")
            return name
        if self._form in ("out", "minari") or (self._form == "inspect" and not there):
            return ""
        if len(there) != 1:
            what = "choose one by --decoder" if there else "decode the games by `multiref decode`"
            raise StoreError(f"{self.store}: --{self._form} needs one decoder's feedback: {what}; {decoders}")
        return there[0]

    def _logged(self, store: InteractionStore, decoder: str) -> Iterator[LoggedGame]:
        """Yields the games system by system, with the decoder's feedback if there is any."""
        for system in store.systems() if self.system is None else [self.system]:
            games = store.interactions(system, self.round)
            feedback = {
                round: iter(store.feedback(decoder, system, round))
                for round in {game.round for game in games}
                if decoder and store.has_feedback(system, round, decoder)
            }
            for game in games:
                labels = next(feedback[game.round]) if game.round in feedback else []
                place = f"{self.store}, game {game.game_id!r}"
                yield LoggedGame(game, labels=tuple(labels), system=system, place=place)

    def _write(self, games: Iterator[LoggedGame], decoder: str, on_bad: Callable[[BadGame], None] | None) -> str:
        """Writes the games in the chosen form, and returns a note to show."""
        tangrams = self.tangrams or "figures"
        if self.minari:
            from multiref_gym.formats.minari import Minari  # Minari is an extra

            image = None if self.image == "none" else self.image or "tangrams"
            write_games(Minari(tangrams, image, decoder, on_bad), self.minari, games)
            return ""
        out = Path(str(self.out))
        if self._form == "out":
            format = self.format or "jsonl"
            # A user's own format may write anywhere.
            with whole(out, self.force) if format in FORMATS else nullcontext(str(self.out)) as where:
                write_games(format, where, games)
            return ""
        atlas = Atlas(load_tangrams(tangrams) if self.text else drawn_tangrams(tangrams))
        games = checked_games(games, self.store, atlas.tangrams, on_bad=on_bad)
        with whole(out, self.force) as where:
            if self.trl:
                from multiref_gym.formats.trl import Trl, summary

                counts = Trl(self.trl, atlas, self.text).write(where, out.suffix, games)
                return f"; {summary(self.trl, counts, decoder)}"
            from multiref_gym.formats.inspect_log import InspectLog

            InspectLog(atlas, self.text, decoder).write(where, games)
            return f" with the feedback of {decoder or 'nobody'}"


def say_skipped(bad: Sequence[BadRow], screen: Screen, what: str = "games") -> None:
    """Lists the bad games (or other records, named by `what`) that were left out, and why."""
    if bad:
        screen.say(f"{len(bad)} bad {what} skipped:")
        for error in bad:
            screen.say(str(error))


def check_applies(options: object, form: str, of_forms: Mapping[str, Sequence[str]]) -> None:
    """Raises UserError if an option is given that only applies to other forms; `of_forms` has the options of each."""
    for name in dict.fromkeys(chain.from_iterable(of_forms.values())):
        forms = [other for other, names in of_forms.items() if name in names]
        value = getattr(options, name)
        if form not in forms and value is not None and value is not False:  # a round may be 0
            applies = " and ".join(f"--{other}" for other in forms)
            raise UserError(f"--{name.replace('_', '-')} applies to {applies} only, not to --{form}")


def _reported(games: Iterable[LoggedGame], report: Callable[[int], None]) -> Iterator[LoggedGame]:
    """Yields the games, and reports their number."""
    for done, logged in enumerate(games, start=1):
        report(done)
        yield logged
