"""What holds in the process of a command, and in those that it starts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ANSWERS = "MULTIREF_ANSWERS"
"""The environment variable of the file in which answers of endpoints are kept; if it is empty, they are not."""


def progress_beside(out: object) -> Path:
    """Returns where a command keeps what it has done, until all that it writes is in its place."""
    return Path(f"{out}.progress")


def prepare_process() -> None:
    """Has torch take one thread, and transformers draw no bars, without importing either.

    On one thread a seed gives the same outcome on any number of cores. What is worth sharing is shared in fixed parts.
    """
    # For what is imported later, and for processes that are started.
    os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    if transformers_logging := sys.modules.get("transformers.utils.logging"):
        transformers_logging.disable_progress_bar()


@contextmanager
def keeping_answers(path: Path) -> Iterator[None]:
    """Has answers of endpoints kept in a file, unless the user named another one in `ANSWERS`."""
    if ANSWERS in os.environ:
        yield
        return
    os.environ[ANSWERS] = str(path.absolute())  # of processes that are started, too
    try:
        yield
    finally:
        del os.environ[ANSWERS]
