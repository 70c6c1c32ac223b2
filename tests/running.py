"""Commands as a user runs them, but in this process."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from functools import partial

import pytest

from multiref_gym import cli
from multiref_gym.agents.evaluation import intervals
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


@contextmanager
def few_draws() -> Iterator[None]:
    """Has intervals drawn from few draws, where nothing is asked about how wide they are.

    Those of an area under the curve take most of the time of the commands that show them.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intervals, "interval", partial(intervals.interval, resamples=100))
        yield
