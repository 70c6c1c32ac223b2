"""The error that a user can mend, and the check that raises it for an argument."""


class UserError(ValueError):
    """Bad input: a file, a name, a text or an option. The message alone says what is wrong, where, and what is allowed.

    The commands print it as one line. Any other error is a defect of the program, and keeps its traceback.
    """


def require(name: str, value: object, allowed: str, valid: bool) -> None:
    """Raises UserError if the value of an argument is not valid, saying what is allowed."""
    if not valid:
        raise UserError(f"{name}={value!r}: allowed is {allowed}")


def is_int(value: object, low: int, high: int | None = None) -> bool:
    """Whether a value is an int within these bounds; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value and (high is None or value <= high)
