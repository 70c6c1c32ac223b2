"""The error for mistakes that a user can fix, and checks of arguments."""

from numbers import Integral, Real


class UserError(ValueError):
    """Bad input: a file, a name, a text or an option. The message says what is wrong, where, and what is allowed.

    Commands print it as one line. Any other error is a defect of the program, and keeps its traceback.
    """


def require(name: str, value: object, allowed: str, valid: bool) -> None:
    """Raises UserError, which says what is allowed, if the value of an argument is not valid."""
    if not valid:
        raise UserError(f"{name}={value!r}: allowed is {allowed}")


def is_int(value: object, low: int, high: int | None = None) -> bool:
    """Whether a value is an int (Python's or NumPy's) within these bounds; True and False are not ints here."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        return False
    return low <= int(value) and (high is None or int(value) <= high)


def is_number(value: object, low: float, high: float) -> bool:
    """Whether a value is a number (Python's or NumPy's) within these bounds; NaN, True and False are not."""
    return not isinstance(value, bool) and isinstance(value, Real) and low <= float(value) <= high
