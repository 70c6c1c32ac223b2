"""The error that a user can mend, and the check that raises it for an argument."""

from numbers import Integral, Real


class UserError(ValueError):
    """Bad input: a file, a name, a text or an option. The message alone says what is wrong, where, and what is allowed.

    The commands print it as one line. Any other error is a defect of the program, and keeps its traceback.
    """


def require(name: str, value: object, allowed: str, valid: bool) -> None:
    """Raises UserError if the value of an argument is not valid, saying what is allowed."""
    if not valid:
        raise UserError(f"{name}={value!r}: allowed is {allowed}")


def is_int(value: object, low: int, high: int | None = None) -> bool:
    """Whether a value is an int, Python's or NumPy's, within these bounds; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        return False
    return low <= int(value) and (high is None or int(value) <= high)


def is_number(value: object, low: float, high: float) -> bool:
    """Whether a value is a number, Python's or NumPy's, within these bounds; NaN, True and False are none."""
    return not isinstance(value, bool) and isinstance(value, Real) and low <= float(value) <= high
