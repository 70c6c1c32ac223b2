"""What a result was made with, for the files that results are written to."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from typing import Any

PACKAGES = ("multiref-gym", "gymnasium", "numpy", "pillow", "sqlalchemy", "torch", "transformers", "peft")


def provenance() -> dict[str, Any]:
    """Returns `versions` (Python's and the installed packages') and `machine` (system, processor, cores).

    The packages' metadata is read; none of them is imported.
    """
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # An extra that is not installed had no part in the result.
            continue
    machine = {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()}
    return {"versions": versions, "machine": machine}
