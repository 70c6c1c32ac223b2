"""What compiles functions, once on a machine: their machine code is kept in the user's cache.

Numba looks for changes in the file of a function alone, not in the files of those that it calls. So the folder of the
machine code is named by a hash of all sources that are compiled. It is in `NUMBA_CACHE_DIR` or, if that is not set, in
`multiref-gym` in the user's cache (`XDG_CACHE_HOME` or `~/.cache`). Where nothing can be written, each process compiles
for itself. With `NUMBA_DISABLE_JIT=1` the functions run as plain Python.
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

_NUMBA: Any = numba  # whose types do not have all that is used
_EVENTS: Any = _event
_OPTIONS = {"nogil": True, "error_model": "numpy"}


def compiled(function: Function) -> Function:
    """Compiles a function that compiled functions call; plain Python may not."""
    return _NUMBA.njit(**_OPTIONS, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)  # type: ignore[no-any-return]


def entry(function: Function) -> Function:
    """Compiles a function that plain Python calls, and keeps its machine code with that of all that it calls."""
    folder, before = cache_folder(), _NUMBA.config.CACHE_DIR
    _NUMBA.config.CACHE_DIR = str(folder)  # numba reads it in `njit` alone
    try:
        return _NUMBA.njit(**_OPTIONS, cache=folder is not None)(function)  # type: ignore[no-any-return]
    finally:
        _NUMBA.config.CACHE_DIR = before


@cache
def cache_folder() -> Path | None:
    """Returns where machine code is kept, or None if nothing can be written there."""
    package = Path(__file__).parents[1]
    sources = [path for folder in ("compiled", "simulators") for path in sorted((package / folder).glob("*.py"))]
    version = hashlib.sha256(b"\0".join([path.read_bytes() for path in sources])).hexdigest()[:16]
    try:
        users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "multiref-gym"
        folder = Path(_NUMBA.config.CACHE_DIR or users) / version
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # the second if the user has no home
        return None
    return folder if os.access(folder, os.W_OK) else None


class _Announcement(_EVENTS.Listener):  # type: ignore[misc]
    """Says that something is compiled when it begins to be, as it takes a while."""

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
