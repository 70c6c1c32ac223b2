"""Parts that a user may bring, a listener, a speaker, a decoder: what one is called, and what is told of its errors."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from traceback import extract_tb

from multiref_gym.errors import UserError


def part_name(part: object) -> str:
    """Returns `module:name` of a class or a function, or of the class of anything else."""
    while isinstance(part, partial):
        part = part.func
    named = part if hasattr(part, "__qualname__") else type(part)
    return f"{getattr(named, '__module__', type(named).__module__)}:{named.__qualname__}"


def is_own(part: object) -> bool:
    """Whether a part is of this package, so that its errors are defects of the program."""
    return part_name(part).startswith("multiref_gym.")


def blame(kind: str, part: object, error: BaseException) -> None:
    """Raises UserError, with the name of the part and its error as the cause, unless the part is of this package.

    Args:
        kind: What the part is ("speaker").
        part: The part that was called.
        error: What it raised. A UserError says enough already.
    """
    if not isinstance(error, UserError) and not is_own(part):
        raise UserError(f"{kind} {part_name(part)} failed: {told(error)}") from error


def told(error: BaseException) -> str:
    """Returns an error in one line: its kind, its message, and where it was raised, if not in who caught it."""
    frames = [frame for frame in extract_tb(error.__traceback__)[1:] if not frame.filename.startswith("<frozen")]
    said = isinstance(error, SyntaxError) or not frames  # its message says where
    where = "" if said else f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"
    return " ".join(f"{type(error).__name__}: {error}".split()) + where
