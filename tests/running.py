"""Commands as a user runs them, but in this process."""

from __future__ import annotations

import io
from contextlib import redirect_stderr

from multiref_gym import cli
from multiref_gym.errors import UserError


def run(*words: object) -> None:
    """Runs `multiref` with these words.

    Raises:
        UserError: With the line that the command complains with.
    """
    with redirect_stderr(io.StringIO()) as complaint:
        code = cli.main(list(map(str, words)))
    if code:
        assert code == 2
        assert complaint.getvalue().count("\n") == 1
        raise UserError(complaint.getvalue().strip())
