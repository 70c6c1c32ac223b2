"""Games in files and data sets: a file for each format, and the functions that all commands read and write with."""

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
"""The formats by name; a name that is not listed may be an entry-point string itself, as in `multiref_gym.registry`."""

BY_FIELDS = "multiref_gym.formats.by_fields:ByFields"
"""What reads a source of which no format is told."""


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
        source: A file, or what the format reads else: the id or the folder of a data set.
        format: A name of `FORMATS`, or `module:attribute`; None if the records of a file tell by their fields.
        tangrams: The set that every tangram of a game must be in; None for any.
        context_size: How many tangrams a game must have; None for any number.
        skip_bad: Whether bad games are left out. A bad turn row spoils its game.

    Returns:
        The games, and an error for each that was left out.

    Raises:
        BadGame: At the first bad game if they are not left out, or if no game is left.
        UserError: If there is no such format or data set, or reading it takes an extra that is not installed.
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
    """Yields games one by one, as `read_games` reads them, so that not all of them have to be in memory.

    Args:
        source: See `read_games`, as for the other arguments and the errors.
        format: See there.
        tangrams: See there.
        context_size: See there.
        on_bad: Called with the error of each bad game, which is left out; if None the first one is raised.
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
    """Yields games that were read somewhere, each once; see `stream_games` for the arguments and the errors."""
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
        raise BadGame(f"{where}: no games" + (f", as all are bad; {first_bad}" if first_bad else ""))


def read_interactions(source: str | Path) -> list[Interaction]:
    """Returns the games of a source as `read_games` does, without what their records say besides."""
    return [logged.interaction for logged in read_games(source)[0]]


def holds_games(source: str | Path, format: str | None = None) -> bool:
    """Whether `read_games` finds games there, and nothing else."""
    try:
        read_games(source, format)
    except (UserError, OSError):
        return False
    return True


def write_games(format: str | Format, where: str | Path, games: Iterable[LoggedGame]) -> None:
    """Writes games, all or none.

    Args:
        format: A name of `FORMATS`, `module:attribute`, or a format that has been made, with options of its own.
        where: A file, or what the format writes else: the name of a data set.
        games: The games.

    Raises:
        UserError: If there is no such format, it does not hold these games, or `Interaction.check` refuses one.
        OSError: If the file cannot be written.
    """
    writer = _made(format) if isinstance(format, str) else format
    with _blamed(writer):
        writer.write(str(where), map(_checked, games))


def _made(name: str) -> Format:
    make = resolve("format", FORMATS, name)
    if not (isinstance(make, type) and issubclass(make, Format)):
        raise UnknownName(f"unknown format {name!r}: it is no class with the methods 'read' and 'write'")
    return made("format", name, make)  # type: ignore[no-any-return]


@contextmanager
def _blamed(format: Format) -> Iterator[None]:
    """Has the errors of a format that is not of this package name it."""
    try:
        yield
    except (Exception, SystemExit) as error:
        blame("format", format, error)
        raise


def _checked(logged: LoggedGame) -> LoggedGame:
    """Returns the game if it can be kept, else raises UserError."""
    logged.interaction.check()
    storable(logged.reply)
    storable(logged.system)
    return logged


def _check(logged: LoggedGame, place_of: dict[str, str], tangrams: TangramSet | None, size: int | None) -> None:
    """Raises BadGame for what is wrong with a game only beside others, or for what it is read for."""
    if not isinstance(logged, LoggedGame):
        raise TypeError(f"it read {logged!r:.60}: allowed is a LoggedGame or a BadGame")
    try:
        _checked(logged)  # also of formats that do not check it by the field
    except UserError as error:
        raise BadGame(error, logged.place) from error
    game, order = logged.interaction, logged.interaction.context.listener_order
    if game.game_id in place_of:
        there = place_of[game.game_id]
        raise BadGame(f"{game.game_id!r} is the game in {there} already: a game comes once", logged.place, "game_id")
    if size not in (None, len(order)):
        raise BadGame(f"expected {size} tangrams, not {len(order)}", logged.place, "context")
    if tangrams and (missing := [name for name in order if name not in tangrams]):
        what = f"no tangram {missing[0]!r} in {tangrams.name}; {len(missing)} missing"
        raise BadGame(what, logged.place, "context")
