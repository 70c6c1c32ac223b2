"""What a result was made with, for the files that results are written to."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    "multiref-gym",
    "gymnasium",
    "numpy",
    "pillow",
    "sqlalchemy",
    "stable-baselines3",
    "torch",
    "transformers",
    "peft",
)


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
    machine = {"system": platform.system(), "processor": _processor(), "cores": os.cpu_count()}
    return {"versions": versions, "machine": machine}


def _processor() -> str:
    """Returns the processor's model, or its architecture where the system does not say."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
