"""Calls functions in new processes of this machine."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from typing import Any, TypeVar

from multiref_gym.commands.process import prepare_process

Found = TypeVar("Found")


def in_own_process(function: Callable[..., Found], *arguments: Any) -> Found:
    """Calls a function in a new process and returns its result; so the process's peak of memory is that of the call.

    Args:
        function: A module-level function, because its name is sent to the process.
        arguments: Its arguments.
    """
    # A shared pool of processes would continue jobs that it has handed out already.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_prepare_process) as pool:
        return pool.submit(function, *arguments).result()


def _prepare_process() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process gets it too, and ends this one
    prepare_process()


def _end_with_parent() -> None:
    """Ends this process when its parent is gone: a run that nobody waits for must not go on writing."""
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
