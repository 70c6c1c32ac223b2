"""What compiles a function, once on a machine: its machine code is kept in the user's cache.

Numba looks for changes in the file of a function alone, not in the files of those that it calls. So the folder of the
machine code is named by a hash of all sources that are compiled: another version has another folder. With
`NUMBA_DISABLE_JIT=1` the same functions run as plain Python.
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

Function = TypeVar("Function", bound=Callable[..., Any])

CACHE = "MULTIREF_CACHE"
"""The environment variable that names another folder for machine code than `multiref-gym` in the user's cache."""

_SOURCES = [path for folder in ("compiled", "simulators") for path in sorted((Path(__file__).parents[1] / folder).glob("*.py"))]
_OPTIONS = {"nogil": True, "error_model": "numpy"}


def compiled(function: Function) -> Function:
    """Compiles a function that compiled functions call, and plain Python does not."""
    return numba.njit(**_OPTIONS, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)  # type: ignore[no-any-return]


def entry(function: Function) -> Function:
    """Compiles a function that plain Python calls, and keeps its machine code with that of all that it calls."""
    folder = _cache_folder()
    if folder is None:
        return numba.njit(**_OPTIONS)(function)  # type: ignore[no-any-return]
    before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(folder)  # numba reads it in `njit` alone
    try:
        return numba.njit(**_OPTIONS, cache=True)(function)  # type: ignore[no-any-return]
    finally:
        numba.config.CACHE_DIR = before


@cache
def _cache_folder() -> Path | None:
    """Returns where machine code is kept, or None if nothing can be written there."""
    where = os.environ.get(CACHE) or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "multiref-gym"
    sources = hashlib.sha256(b"\0".join(path.read_bytes() for path in _SOURCES)).hexdigest()[:16]
    folder = Path(where) / sources
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None
