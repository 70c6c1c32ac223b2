"""Settings of a command's process and of the processes that it starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ANSWERS = "MULTIREF_ANSWERS"
"""The environment variable that names the file for kept answers of endpoints; if empty, answers are not kept."""


def progress_beside(out: object) -> Path:
    """Returns the file that holds a command's progress until its output is complete."""
    return Path(f"{out}.progress")


def prepare_process() -> None:
    """Limits torch to one thread, and stops transformers' progress bars, without importing either.

    On one thread, a seed gives the same outcome on any number of cores. Large work is divided over processes in fixed
    parts.
    """
    # Later imports and child processes read these variables.
    os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    if transformers_logging := sys.modules.get("transformers.utils.logging"):
        transformers_logging.disable_progress_bar()


@contextmanager
def keeping_answers(path: Path) -> Iterator[None]:
    """Keeps answers of endpoints in a file, unless the user named another one in `ANSWERS`."""
    if ANSWERS in os.environ:
        yield
        return
    os.environ[ANSWERS] = str(path.absolute())  # also for child processes
    try:
        yield
    finally:
        del os.environ[ANSWERS]
