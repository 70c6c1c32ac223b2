"""The error that a user can mend."""


class UserError(ValueError):
    """Bad input: a file, a name, a text or an option. The message alone says what is wrong, where, and what is allowed.

    The commands print it as one line. Any other error is a defect of the program, and keeps its traceback.
    """
