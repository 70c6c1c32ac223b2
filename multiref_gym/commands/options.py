"""Options that several commands share: types of their values, and groups of options that a command inherits.

A command is a frozen dataclass whose fields are its options. Cyclopts reads them from the command line; its errors have
messages of one line, and it does not exit on its own. The help is in the docstrings.
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
    except ValueError as error:  # cyclopts would round
        raise ValueError(f"{tokens[0].value!r} is not a whole number") from error


def check_writable(kind: Any, path: Path | None) -> None:
    """Raises UserError if the file cannot be written, before an hour of games rather than after it."""
    if path is None:
        return
    if path.is_dir():
        raise UserError(f"cannot write to {path}: it is a folder")
    if path.exists() and not path.is_file():
        raise UserError(f"cannot write to {path}: it exists and is not a file")  # a device or a pipe
    if not path.parent.is_dir():
        raise UserError(f"cannot write to {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UserError(f"cannot write to {path}: permission denied")


def check_new(kind: Any, path: Path | None) -> None:
    """Raises UserError if the file cannot be written, or exists already."""
    check_writable(kind, path)
    if path is not None and os.path.lexists(path):
        raise UserError(f"cannot write to {path}: it exists already")


def make_folder(folder: Path) -> None:
    """Makes a folder for a command's output, if there is none.

    Raises:
        UserError: If it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from error
    if not os.access(folder, os.W_OK):
        raise UserError(f"cannot write to {folder}: permission denied")


def check_new_folder(folder: Path) -> None:
    """Raises UserError if a folder is not empty, or cannot be made and written to."""
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"cannot write to {folder}: it is not empty; choose another --out")
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    if not there.is_dir():
        raise UserError(f"cannot write to {folder}: {there} is a file")
    if not os.access(there, os.W_OK):
        raise UserError(f"cannot write to {folder}: permission denied")


Count = Annotated[int, Parameter(converter=_whole, validator=Number(gte=1, lte=1_000_000))]
"""A whole number from 1 to a million: the counted things are all in memory."""


def _numbers(kind: Any, tokens: Sequence[Token]) -> range:
    first, colon, last = tokens[0].value.partition(":")
    try:
        numbers = range(int(first), int(last)) if colon else range(int(first))
    except ValueError as error:
        raise ValueError(f"{tokens[0].value!r}: allowed is a number of games, or FIRST:LAST") from error
    if not 0 <= numbers.start < numbers.stop <= 1_000_000:
        raise ValueError(f"{tokens[0].value!r}: allowed are 1 to 1000000 games, or FIRST:LAST with FIRST before LAST")
    return numbers


Numbers = Annotated[range, Parameter(converter=_numbers)]
"""A range of game numbers: all below a number, or from one number to below another."""
Folds = Annotated[int, Parameter(converter=_whole, validator=Number(gte=2, lte=1_000_000))]
"""A whole number of parts, at least two, because each is left out once."""
Steps = Annotated[int, Parameter(converter=_whole, validator=Number(gte=1, lte=1_000_000_000))]
"""A whole number of steps, taken one after the other."""
Natural = Annotated[int, Parameter(converter=_whole, validator=Number(gte=0))]
"""A whole number of at least 0, such as a seed."""
Round = Annotated[int, Parameter(converter=_whole, validator=Number(gte=0, lte=2**31 - 1))]
"""The number of a round, within the limits of every database."""
Positive = Annotated[float, Parameter(validator=Number(gt=0, lt=math.inf))]
"""A number above 0."""
NotNegative = Annotated[float, Parameter(validator=Number(gte=0, lt=math.inf))]
"""A number of at least 0."""
Name = Annotated[str, Parameter(validator=lambda kind, name: name and storable(name))]
"""A name to store; it must be valid text, which an argument of the command line need not be."""
Share = Annotated[float, Parameter(validator=Number(gte=0, lte=1))]
"""A number from 0 to 1."""
AnyFile = Annotated[Path, Parameter(validator=check_writable)]
"""A file that can be written, whether it exists or not."""
NewFile = Annotated[Path, Parameter(validator=check_new)]
"""A file that can be written and does not exist yet."""


def named(names: Mapping[str, str], note: str = "") -> Parameter:
    """Returns the help of an option whose value is a registered name."""
    return Parameter(help=f"{note}{', '.join(names)} or module:attribute.")


ListenerName = Annotated[str, named(LISTENERS, "The listener: ")]
SpeakerName = Annotated[str, named(SPEAKERS, "The speaker, with its model if it uses one (llm:MODEL): ")]
DecoderName = Annotated[
    str, named(DECODERS, "The decoder, with its model or file if it uses one (prompted:MODEL, calibrated:FILE): ")
]
TangramsName = Annotated[str, Parameter(converter=lambda kind, tokens: full_name(tokens[0].value))]
"""A name for `load_tangrams` that says which file is read; all results record it."""

Options = TypeVar("Options")
Flat = Annotated[Options, Parameter(name="*")]
"""A dataclass whose fields become options of the command. Its defaults are those of the class, not of an instance."""


@dataclass(frozen=True, kw_only=True)
class TangramOptions:
    """The tangrams to play with.

    Attributes:
        tangrams: figures or kilogram:PATH; kilogram-screened:PATH leaves out words that may offend.
        split: The part of the tangrams.
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
    """What to do with a file that exists already; by default it is kept.

    Attributes:
        force: Replace an existing file, if it holds the same kind of data.
    """

    force: bool = False

    def check_replaced(self, path: Path, what: str, holds: Callable[[Path], bool]) -> None:
        """Checks that a file may be written, before an hour of games rather than after it.

        Args:
            path: The file.
            what: The kind of data to be written, for the message.
            holds: Whether a file holds this kind of data.

        Raises:
            UserError: If the file exists and is not to be replaced, or holds another kind of data. So a command never
                replaces its own input, which is of another kind.
        """
        if not os.path.lexists(path):
            return
        if not self.force:
            raise UserError(f"cannot write to {path}: it exists already; --force replaces {what}")
        if not path.is_file() or (path.stat().st_size and not holds(path)):
            raise UserError(f"cannot write to {path}: it exists already, and --force only replaces {what}")


@dataclass(frozen=True, kw_only=True)
class FiguresOptions(ForceOption):
    """Where a benchmark writes its figures.

    Attributes:
        json: Where to write the figures.
    """

    json: AnyFile | None = None

    def __post_init__(self) -> None:
        if self.json is not None:
            self.check_replaced(self.json, "results", is_results)

    def write(self, results: dict[str, Any], *packages: str) -> dict[str, Any]:
        """Writes results if a file was given, and returns them with their provenance; see `write_results`."""
        return write_results(self.json, results, *packages, replace=self.force)
