"""The notebooks run, and print what they show."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbclient")
sys.path.insert(0, str(Path(__file__).parents[1] / "docs"))

import nbformat
from run_notebooks import NOTEBOOKS, executed


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


def printed(document: Any) -> list[str]:
    """Returns what each cell of code prints. Pictures may differ between machines."""
    cells = [cell for cell in document.cells if cell.cell_type == "code"]
    return ["".join(output.text for output in cell.outputs if output.output_type == "stream") for cell in cells]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_prints_what_it_shows(notebook: Path, tmp_path: Path) -> None:
    assert printed(executed(notebook, tmp_path)) == printed(nbformat.read(notebook, as_version=4))
