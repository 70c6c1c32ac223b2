"""Compiles functions once on each machine; the machine code is kept in the user's cache.

Numba only notices changes in the file of a function, not in the files of the functions that it calls. So the name of
the cache folder is a hash of all compiled sources. The folder is in `NUMBA_CACHE_DIR` or, if that is not set, in
`multiref-gym` in the user's cache (`XDG_CACHE_HOME` or `~/.cache`). If nothing can be written there, each process
compiles again. With `NUMBA_DISABLE_JIT=1` the functions run as plain Python.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import event as _event

Function = TypeVar("Function", bound=Callable[..., Any])

_NUMBA: Any = numba  # its type stubs are incomplete
_EVENTS: Any = _event
_OPTIONS = {"nogil": True, "error_model": "numpy"}


def compiled(function: Function) -> Function:
    """Compiles a function for other compiled functions to call; plain Python must not call it."""
    return _NUMBA.njit(**_OPTIONS, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)  # type: ignore[no-any-return]


def entry(function: Function) -> Function:
    """Compiles a function for plain Python to call, and caches its machine code with that of all that it calls."""
    folder, before = cache_folder(), _NUMBA.config.CACHE_DIR
    _NUMBA.config.CACHE_DIR = str(folder)  # numba reads it only in `njit`
    try:
        return _NUMBA.njit(**_OPTIONS, cache=folder is not None)(function)  # type: ignore[no-any-return]
    finally:
        _NUMBA.config.CACHE_DIR = before


@cache
def cache_folder() -> Path | None:
    """Returns the folder for machine code, or None if nothing can be written there."""
    package = Path(__file__).parents[1]
    sources = [path for folder in ("compiled", "simulators") for path in sorted((package / folder).glob("*.py"))]
    version = hashlib.sha256(b"\0".join([path.read_bytes() for path in sources])).hexdigest()[:16]
    try:
        users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "multiref-gym"
        folder = Path(_NUMBA.config.CACHE_DIR or users) / version
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError if the user has no home folder
        return None
    return folder if os.access(folder, os.W_OK) else None


class _Announcement(_EVENTS.Listener):  # type: ignore[misc]
    """Announces compilation when it begins, because it takes a while."""

    def on_start(self, event: Any) -> None:
        if event.data["dispatcher"].py_func.__module__.startswith("multiref_gym."):
            self._say()

    @cache  # noqa: B019 (there is one announcement, which lives as long as the process)
    def _say(self) -> None:
        kept = "once on this machine" if cache_folder() else "as no cache can be written"
        sys.stderr.write(f"multiref-gym compiles the game and its speakers, {kept}, for up to 30 s\n")

    def on_end(self, event: Any) -> None:
        pass


_EVENTS.register("numba:compile", _Announcement())
