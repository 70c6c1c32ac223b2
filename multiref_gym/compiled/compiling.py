"""What compiles functions, once on a machine: their machine code is kept in the user's cache.

Numba looks for changes in the file of a function alone, not in the files of those that it calls. So the folder of the
machine code is named by a hash of all sources that are compiled, of versions and of the processor. It is in
`NUMBA_CACHE_DIR` or, if that is not set, in `multiref-gym` in the user's cache (`XDG_CACHE_HOME` or `~/.cache`). Where
nothing can be written, each process compiles for itself. With `NUMBA_DISABLE_JIT=1` the functions run as plain Python.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import llvmlite.binding  # type: ignore[import-untyped]
import numba
from filelock import FileLock

Function = TypeVar("Function", bound=Callable[..., Any])

_NUMBA: Any = numba  # whose types do not have all that is used
_OPTIONS = {"nogil": True, "error_model": "numpy"}


def compiled(function: Function) -> Function:
    """Compiles a function that compiled functions call; plain Python may not."""
    return _NUMBA.njit(**_OPTIONS, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)  # type: ignore[no-any-return]


def entry(function: Function) -> Function:
    """Compiles a function that plain Python calls, and keeps its machine code with that of all that it calls."""
    folder = cache_folder()
    if folder is None:
        return _NUMBA.njit(**_OPTIONS)(function)  # type: ignore[no-any-return]
    before, _NUMBA.config.CACHE_DIR = _NUMBA.config.CACHE_DIR, str(folder)  # numba reads it in `njit` alone
    try:
        return _NUMBA.njit(**_OPTIONS, cache=True)(function)  # type: ignore[no-any-return]
    finally:
        _NUMBA.config.CACHE_DIR = before


def compile_all(calls: Iterable[tuple[Callable[..., Any], tuple[Any, ...]]]) -> None:
    """Compiles entries for such arguments, if nobody has done so on this machine, and says so on the standard error.

    Args:
        calls: Entries and arguments, which are looked at for their types alone.
    """
    folder = cache_folder()
    if _NUMBA.config.DISABLE_JIT or (folder and (folder / "complete").exists()):
        return
    with FileLock(folder / "lock") if folder else nullcontext():
        if folder and (folder / "complete").exists():  # another process was faster
            return
        kept = "once on this machine" if folder else "as no cache can be written"
        sys.stderr.write(f"multiref-gym compiles the game and its speakers, {kept}: 10 to 30 s ...\n")
        for function, arguments in calls:
            function.compile(tuple(map(_NUMBA.typeof, arguments)))  # type: ignore[attr-defined]
        if folder:
            (folder / "complete").touch()
    sys.stderr.write("multiref-gym has compiled them.\n")


@cache
def cache_folder() -> Path | None:
    """Returns where machine code is kept, or None if nothing can be written there."""
    package = Path(__file__).parents[1]
    sources = [path for folder in ("compiled", "simulators") for path in sorted((package / folder).glob("*.py"))]
    made_of = [path.read_bytes() for path in sources]
    made_of += [name.encode() for name in (sys.version, _NUMBA.__version__, llvmlite.binding.get_host_cpu_name())]
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "multiref-gym"
    folder = Path(_NUMBA.config.CACHE_DIR or users) / hashlib.sha256(b"\0".join(made_of)).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None
