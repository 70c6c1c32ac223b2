"""Games in files and data sets: one module for each format, and the functions to read and write any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from multiref_gym.checking import storable
from multiref_gym.errors import UserError
from multiref_gym.formats.logged_game import BadGame, Format, LoggedGame
from multiref_gym.interaction import Interaction
from multiref_gym.parts import blame
from multiref_gym.registry import UnknownName, made, resolve
from multiref_gym.tangrams import TangramSet

FORMATS = {
    "jsonl": "multiref_gym.formats.jsonl:GameRecords",
    "interaction": "multiref_gym.formats.interaction_rows:InteractionRows",
    "turn": "multiref_gym.formats.turn_rows:TurnRows",
    "minari": "multiref_gym.formats.minari:Minari",
}
"""The formats by name; an unlisted name may be an entry-point string, as in `multiref_gym.registry`."""

BY_FIELDS = "multiref_gym.formats.by_fields:ByFields"
"""The format used when none is named."""


def read_games(
    source: str | Path,
    format: str | None = None,
    *,
    tangrams: TangramSet | None = None,
    context_size: int | None = None,
    skip_bad: bool = False,
) -> tuple[list[LoggedGame], list[BadGame]]:
    """Reads games.

    Args:
        source: A file; for some formats something else, such as the id or the folder of a data set.
        format: A name of `FORMATS`, or `module:attribute`; None recognises the records of a file by their fields.
        tangrams: The set that every tangram of a game must be in; None for any.
        context_size: The number of tangrams that a game must have; None for any number.
        skip_bad: Whether to leave out bad games. A bad turn row makes its game bad.

    Returns:
        The games, and an error for each game that was left out.

    Raises:
        BadGame: At the first bad game if bad games are not left out, or if no game is left.
        UserError: If there is no such format or data set, or an extra to read it is not installed.
        OSError: If the file cannot be read.
    """
    errors: list[BadGame] = []
    on_bad = errors.append if skip_bad else None
    games = list(stream_games(source, format, tangrams=tangrams, context_size=context_size, on_bad=on_bad))
    return games, errors


def stream_games(
    source: str | Path,
    format: str | None = None,
    *,
    tangrams: TangramSet | None = None,
    context_size: int | None = None,
    on_bad: Callable[[BadGame], None] | None = None,
) -> Iterator[LoggedGame]:
    """Yields the games of `read_games` one by one, so that not all of them need be in memory.

    Args:
        source: See `read_games`, also for the other arguments and the errors.
        format: See `read_games`.
        tangrams: See `read_games`.
        context_size: See `read_games`.
        on_bad: Called with the error of each bad game, which is left out; if None, the first error is raised.
    """
    reader = _made(format or BY_FIELDS)
    with _blamed(reader):
        yield from checked_games(reader.read(str(source)), str(source), tangrams, context_size, on_bad)


def checked_games(
    games: Iterable[LoggedGame | BadGame],
    where: str,
    tangrams: TangramSet | None = None,
    context_size: int | None = None,
    on_bad: Callable[[BadGame], None] | None = None,
) -> Iterator[LoggedGame]:
    """Yields games from any reader after checking them; see `stream_games` for the arguments and the errors."""
    place_of: dict[str, str] = {}
    first_bad: BadGame | None = None
    for found in games:
        try:
            if isinstance(found, BadGame):
                raise found
            _check(found, place_of, tangrams, context_size)
        except BadGame as error:
            if on_bad is None:
                raise
            first_bad = first_bad or error
            on_bad(error)
            continue
        place_of[found.interaction.game_id] = found.place
        yield found
    if not place_of:
        raise BadGame(f"{where}: no games" + (f": all are bad; {first_bad}" if first_bad else ""))


def read_interactions(source: str | Path) -> list[Interaction]:
    """Returns the interactions of a source's games, without the other contents of their records; see `read_games`."""
    return [logged.interaction for logged in read_games(source)[0]]


def holds_games(source: str | Path, format: str | None = None) -> bool:
    """Whether a source holds games, and nothing else."""
    try:
        read_games(source, format)
    except (UserError, OSError):
        return False
    return True


def write_games(format: str | Format, where: str | Path, games: Iterable[LoggedGame]) -> None:
    """Writes games, all or none.

    Args:
        format: A name of `FORMATS`, `module:attribute`, or a format object.
        where: A file; for some formats something else, such as the name of a data set.
        games: The games.

    Raises:
        UserError: If there is no such format, it cannot hold these games, or `Interaction.check` rejects one.
        OSError: If the file cannot be written.
    """
    writer = _made(format) if isinstance(format, str) else format
    with _blamed(writer):
        writer.write(str(where), map(_checked, games))


def _made(name: str) -> Format:
    make = resolve("format", FORMATS, name)
    if not (isinstance(make, type) and issubclass(make, Format)):
        raise UnknownName(f"unknown format {name!r}: it is not a class with the methods 'read' and 'write'")
    return made("format", name, make)  # type: ignore[no-any-return]


@contextmanager
def _blamed(format: Format) -> Iterator[None]:
    """Names a format from outside this package in its errors."""
    try:
        yield
    except (Exception, SystemExit) as error:
        blame("format", format, error)
        raise


def _checked(logged: LoggedGame) -> LoggedGame:
    """Returns the game if it can be stored, else raises UserError."""
    logged.interaction.check()
    storable(logged.reply)
    storable(logged.system)
    return logged


def _check(logged: LoggedGame, place_of: dict[str, str], tangrams: TangramSet | None, size: int | None) -> None:
    """Raises BadGame if a game repeats another one, or does not fit the tangrams or the size asked for."""
    if not isinstance(logged, LoggedGame):
        raise TypeError(f"it returned {logged!r:.60}: allowed is a LoggedGame or a BadGame")
    try:
        _checked(logged)  # needed for formats that do not check each field
    except UserError as error:
        raise BadGame(error, logged.place) from error
    game, order = logged.interaction, logged.interaction.context.listener_order
    if game.game_id in place_of:
        there = place_of[game.game_id]
        raise BadGame(f"{game.game_id!r} is already the game in {there}: each game comes once", logged.place, "game_id")
    if size not in (None, len(order)):
        raise BadGame(f"expected {size} tangrams, not {len(order)}", logged.place, "context")
    if tangrams and (missing := [name for name in order if name not in tangrams]):
        what = f"no tangram {missing[0]!r} in {tangrams.name}; {len(missing)} missing"
        raise BadGame(what, logged.place, "context")
