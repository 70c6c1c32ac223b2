"""Options that several commands share: types of their values, and groups of them that a command inherits.

A command is a frozen dataclass, and its fields are its options: cyclopts reads them from the command line. (It raises
its errors with messages of one line, where others print boxes and exit.) Their help is in the docstrings.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from cyclopts import Parameter, Token
from cyclopts.validators import Number

from multiref_gym.checking import storable
from multiref_gym.errors import UserError
from multiref_gym.provenance import is_results, write_results
from multiref_gym.registry import DECODERS, LISTENERS, SPEAKERS
from multiref_gym.tangrams import TangramSet, load_tangrams
from multiref_gym.tangrams.loading import full_name
from multiref_gym.tangrams.tangram_set import SplitName


def _whole(kind: Any, tokens: Sequence[Token]) -> int:
    try:
        return int(tokens[0].value)
    except ValueError as error:  # cyclopts alone would round
        raise ValueError(f"{tokens[0].value!r} is no whole number") from error


def check_writable(kind: Any, path: Path | None) -> None:
    """Raises UserError if no file can be written here: better before an hour of games than after it."""
    if path is None:
        return
    if path.is_dir():
        raise UserError(f"cannot write to {path}: it is a folder")
    if path.exists() and not path.is_file():
        raise UserError(f"cannot write to {path}: it is there already, and is no file")  # but a device or a pipe
    if not path.parent.is_dir():
        raise UserError(f"cannot write to {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UserError(f"cannot write to {path}: permission denied")


def check_new(kind: Any, path: Path | None) -> None:
    """Raises UserError if no file can be written here, or there is one already."""
    check_writable(kind, path)
    if path is not None and os.path.lexists(path):
        raise UserError(f"cannot write to {path}: it is there already")


def make_folder(folder: Path) -> None:
    """Makes a folder for what a command writes, if there is none.

    Raises:
        UserError: If it cannot be made, or takes no files.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise UserError(f"cannot write to {folder}: permission denied")


def check_new_folder(folder: Path) -> None:
    """Raises UserError if there is something in a folder already, or it cannot be made and written to."""
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"cannot write to {folder}: there is something in it already; choose another --out")
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    if not there.is_dir():
        raise UserError(f"cannot write to {folder}: {there} is a file")
    if not os.access(there, os.W_OK):
        raise UserError(f"cannot write to {folder}: permission denied")


Count = Annotated[int, Parameter(converter=_whole, validator=Number(gte=1, lte=1_000_000))]
"""A whole number from 1 to a million, as what is counted is in memory at once."""


def _numbers(kind: Any, tokens: Sequence[Token]) -> range:
    first, colon, last = tokens[0].value.partition(":")
    try:
        numbers = range(int(first), int(last)) if colon else range(int(first))
    except ValueError as error:
        raise ValueError(
            f"{tokens[0].value!r}: allowed is a number of games, or FIRST:LAST of those of a run"
        ) from error
    if not 0 <= numbers.start < numbers.stop <= 1_000_000:
        raise ValueError(f"{tokens[0].value!r}: allowed are 1 to 1000000 games, or FIRST:LAST with FIRST before LAST")
    return numbers


Numbers = Annotated[range, Parameter(converter=_numbers)]
"""The numbers of games: those before a number, or those from one number on and before another."""
Folds = Annotated[int, Parameter(converter=_whole, validator=Number(gte=2, lte=1_000_000))]
"""A whole number of parts, two at least, as one is left out in turn."""
Steps = Annotated[int, Parameter(converter=_whole, validator=Number(gte=1, lte=1_000_000_000))]
"""A whole number of steps, which are taken one after the other."""
Natural = Annotated[int, Parameter(converter=_whole, validator=Number(gte=0))]
"""A whole number of at least 0, such as a seed."""
Round = Annotated[int, Parameter(converter=_whole, validator=Number(gte=0, lte=2**31 - 1))]
"""The number of a round, as every database takes it."""
Positive = Annotated[float, Parameter(validator=Number(gt=0, lt=math.inf))]
"""A number above 0."""
NotNegative = Annotated[float, Parameter(validator=Number(gte=0, lt=math.inf))]
"""A number of at least 0."""
Name = Annotated[str, Parameter(validator=lambda kind, name: name and storable(name))]
"""A name to be kept; what comes from a command line may be no text."""
Share = Annotated[float, Parameter(validator=Number(gte=0, lte=1))]
"""A number from 0 to 1."""
AnyFile = Annotated[Path, Parameter(validator=check_writable)]
"""A file that can be written, be it there already or not."""
NewFile = Annotated[Path, Parameter(validator=check_new)]
"""A file that can be written and is not there yet."""


def named(names: Mapping[str, str], note: str = "") -> Parameter:
    """Returns what tells of an option that is one of some registered names."""
    return Parameter(help=f"{note}{', '.join(names)} or module:attribute.")


ListenerName = Annotated[str, named(LISTENERS)]
SpeakerName = Annotated[str, named(SPEAKERS, "Its name, with that of its model if it has one (llm:MODEL): ")]
DecoderName = Annotated[
    str, named(DECODERS, "Its name, with that of its model or file if it has one (prompted:MODEL, calibrated:FILE): ")
]
TangramsName = Annotated[str, Parameter(converter=lambda kind, tokens: full_name(tokens[0].value))]
"""A spec of tangrams; it names the file that is read, and so do all results."""

Options = TypeVar("Options")
Flat = Annotated[Options, Parameter(name="*")]
"""A dataclass whose fields are options of the command that has it. A default is that of its class, not of its value."""


@dataclass(frozen=True, kw_only=True)
class TangramOptions:
    """Which tangrams are played with.

    Attributes:
        tangrams: figures or kilogram:PATH; kilogram-screened:PATH is without words that may offend.
        split: The part of them.
    """

    tangrams: TangramsName = "figures"
    split: SplitName = "all"

    def chosen_tangrams(self) -> TangramSet:
        """Loads the tangrams.

        Raises:
            TangramError: If there are no such tangrams.
        """
        return load_tangrams(self.tangrams).split(self.split)


@dataclass(frozen=True, kw_only=True)
class ForceOption:
    """What becomes of a file that is there already: nothing, if not asked for.

    Attributes:
        force: Replace the file that is there, if it holds what is written now.
    """

    force: bool = False

    def check_replaced(self, path: Path, what: str, holds: Callable[[Path], bool]) -> None:
        """Checks, before an hour of games, that a file may take this place.

        Args:
            path: The file.
            what: What is going to be written, for the message.
            holds: Whether a file holds such a thing.

        Raises:
            UserError: If a file is there, and it is not to be replaced or holds something else. So a command never
                replaces what it reads, which is something else.
        """
        if not os.path.lexists(path):
            return
        if not self.force:
            raise UserError(f"cannot write to {path}: it is there already; --force replaces {what}")
        if not path.is_file() or (path.stat().st_size and not holds(path)):
            raise UserError(f"cannot write to {path}: it is there already, and --force only replaces {what}")


@dataclass(frozen=True, kw_only=True)
class FiguresOptions(ForceOption):
    """Where the figures that a benchmark found are kept.

    Attributes:
        json: Where to write the figures.
    """

    json: AnyFile | None = None

    def __post_init__(self) -> None:
        if self.json is not None:
            self.check_replaced(self.json, "results", is_results)

    def write(self, results: dict[str, Any], *packages: str) -> dict[str, Any]:
        """Writes results, if they are to be kept, and returns them with their provenance; see `write_results`."""
        return write_results(self.json, results, *packages, replace=self.force)
