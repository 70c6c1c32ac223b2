"""Names and errors of the parts that a user may bring: listeners, speakers and decoders."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from traceback import extract_tb

from multiref_gym.errors import UserError


def part_name(part: object) -> str:
    """Returns `module:name` of a class or a function; for any other object, of its class."""
    while isinstance(part, partial):
        part = part.func
    named = part if hasattr(part, "__qualname__") else type(part)
    return f"{getattr(named, '__module__', type(named).__module__)}:{named.__qualname__}"


def is_own(part: object) -> bool:
    """Whether a part belongs to this package: then its errors are defects of the program."""
    return part_name(part).startswith("multiref_gym.")


def blame(kind: str, part: object, error: BaseException) -> None:
    """Raises UserError, with the part's name and error, unless the part belongs to this package.

    Args:
        kind: The kind of the part ("speaker").
        part: The part that was called.
        error: The error that it raised. A UserError is left alone, since it says enough already.
    """
    if not isinstance(error, UserError) and not is_own(part):
        raise UserError(f"{kind} {part_name(part)} failed: {error_text(error)}") from error


def error_text(error: BaseException) -> str:
    """Returns an error in one line: its type, its message, and its file and line unless the caller itself raised it."""
    frames = [frame for frame in extract_tb(error.__traceback__)[1:] if not frame.filename.startswith("<frozen")]
    said = isinstance(error, SyntaxError) or not frames  # its message says where
    where = "" if said else f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"
    return " ".join(f"{type(error).__name__}: {error}".split()) + where
