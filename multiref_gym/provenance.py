"""Writes results as JSON, with the versions and the machine that made them."""

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
    """Adds `provenance` and a digest to results, writes them completely or not at all, and returns them.

    Args:
        path: The file; None writes nothing.
        results: The results, as JSON can hold them.
        *packages: See `provenance`.
        replace: Whether an existing file may be replaced.

    Raises:
        ValueError: If there is a NaN or an infinity, which JSON cannot hold.
        OSError: If the file cannot be written.
    """
    results = with_digest({**results, **provenance(*packages)})
    if path is not None:
        write_json(path, results, replace=replace)
    return results


def is_results(path: Path) -> bool:
    """Whether `write_results` wrote a file."""
    try:
        return {"versions", "machine"} <= read_json(dict[str, Any], path).keys()
    except UserError:
        return False


def provenance(*packages: str) -> dict[str, Any]:
    """Returns `versions` (Python's and the installed packages') and `machine` (system, processor, cores).

    Reads the packages' metadata and imports none of them.

    Args:
        *packages: Packages to list besides those that every result lists.
    """
    versions = {"python": platform.python_version()}
    for package in (*PACKAGES, *packages):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # an extra that is not installed did not affect the result
            continue
    machine = {"system": platform.system(), "processor": _processor(), "cores": os.cpu_count()}
    return {"versions": versions, "machine": machine}


def _processor() -> str:
    """Returns the processor's model, or its architecture if the system does not give the model."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
