"""What holds in the process of a command, and in those that it starts."""

from __future__ import annotations

import os
import sys


def prepare_process() -> None:
    """Has torch take one thread, and transformers draw no bars, without importing either.

    On one thread a seed gives the same outcome on any number of cores. Most batches are too small to share anyway.
    """
    # For what is imported later, and for processes that are started.
    os.environ |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)
    if transformers_logging := sys.modules.get("transformers.utils.logging"):
        transformers_logging.disable_progress_bar()
