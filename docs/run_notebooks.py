"""Runs the notebooks anew and keeps what they print and draw.

    python docs/run_notebooks.py

What goes to standard error (progress, warnings) and times are not kept, so that a run changes nothing that it need not.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = sorted((Path(__file__).parent / "notebooks").glob("*.ipynb"))


def executed(notebook: Path, folder: Path) -> NotebookNode:
    """Returns a notebook as it is after all of its cells have run in a folder.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell fails.
    """
    document = nbformat.read(notebook, as_version=4)
    client = NotebookClient(document, resources={"metadata": {"path": str(folder)}}, record_timing=False)
    client.execute()
    document.metadata["language_info"] = {"name": "python"}  # without the version of Python
    for cell in document.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    return document


def main() -> None:
    """Runs all notebooks and writes them."""
    for notebook in NOTEBOOKS:
        with TemporaryDirectory() as folder:
            nbformat.write(executed(notebook, Path(folder)), notebook)


if __name__ == "__main__":
    main()
