"""Calls a function in a separate process with a time limit."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import TypeVar

from multiref_gym.errors import UserError

Found = TypeVar("Found")


def limited(function: Callable[[], Found], seconds: float) -> Found:
    """Calls a function in a new process and returns its result.

    Args:
        function: A module-level function, because its name is sent to the process; or a `partial` of one.
        seconds: The time limit.

    Raises:
        UserError: If it fails with any error, or takes longer and the process is killed.
    """
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_result, args=(function, sender))
    process.start()
    sender.close()
    try:
        if not receiver.poll(seconds):
            raise UserError(f"stopped at its time limit of {seconds:g} s")
        found, error = receiver.recv()
    except EOFError:
        raise UserError("its process ended before it was done") from None
    finally:
        process.kill()
        process.join()
    if error:
        raise UserError(error)
    return found  # type: ignore[no-any-return]


def _send_result(function: Callable[[], object], sender: Connection) -> None:
    try:
        sender.send((function(), ""))
    except Exception as error:
        sender.send((None, (str(error).strip() or type(error).__name__).splitlines()[0]))
