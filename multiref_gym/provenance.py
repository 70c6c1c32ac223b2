"""Results as JSON, with what they were made with."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from multiref_gym.checking import read_json
from multiref_gym.digests import with_digest
from multiref_gym.errors import UserError
from multiref_gym.files import write_json

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


def write_results(path: Path | None, results: dict[str, Any], *packages: str, replace: bool = True) -> dict[str, Any]:
    """Adds `provenance` and a digest to results, writes them to a file, whole or not at all, and returns them.

    Args:
        path: The file, None if they are not to be kept.
        results: What was found, fit for JSON.
        *packages: As of `provenance`.
        replace: Whether a file that is there gives way.

    Raises:
        ValueError: If there is a NaN or an infinity in them, for which JSON has no word.
        OSError: If the file cannot be written.
    """
    results = with_digest({**results, **provenance(*packages)})
    if path is not None:
        write_json(path, results, replace=replace)
    return results


def is_results(path: Path) -> bool:
    """Whether a file holds what `write_results` wrote."""
    try:
        return {"versions", "machine"} <= read_json(dict[str, Any], path).keys()
    except UserError:
        return False


def provenance(*packages: str) -> dict[str, Any]:
    """Returns `versions` (Python's and the installed packages') and `machine` (system, processor, cores).

    The packages' metadata is read; none of them is imported.

    Args:
        *packages: What had a part beside what has one in every result.
    """
    versions = {"python": platform.python_version()}
    for package in (*PACKAGES, *packages):
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
