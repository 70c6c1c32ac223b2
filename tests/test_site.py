"""The documentation site builds without a warning, and has a page for all that there is."""

from __future__ import annotations

import ast
import posixpath
import subprocess
import sys
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import pytest
from filelock import FileLock
from pages import PAGES, ROOT

from multiref_gym.cli import COMMANDS

pytest.importorskip("furo", reason="the site needs the extra 'docs'")

from sphinx.util.inventory import InventoryFile

PACKAGES = ("multiref_gym", "agents", "simulators", "benchmarks")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The site, which is built once, whatever number of processes runs the tests."""
    folder = tmp_path_factory.getbasetemp()
    shared = (folder if worker_id == "master" else folder.parent) / "site"
    built = shared / "built"
    with FileLock(f"{shared}.lock"):
        if not built.exists():
            options = ["--fail-on-warning", "--keep-going", "--quiet"]
            command = [sys.executable, "-m", "sphinx", *options, "docs", str(shared)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            built.touch()
    return shared


def public_names() -> Iterator[str]:
    """Yields the full name of each public class, function and documented constant, where it is defined."""
    for path in (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))):
        parts = path.relative_to(ROOT).with_suffix("").parts
        parts = parts if parts[0] == "multiref_gym" else ("multiref_gym", *parts)
        module = ".".join(part for part in parts if part != "__init__")
        body = ast.parse(path.read_text(encoding="utf-8")).body
        exported = None  # all that is public
        found: list[str] = []
        for node, after in zip_longest(body, body[1:]):
            match node:
                case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                    exported = ast.literal_eval(value)
                case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                    found.append(name)
                case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                        found.append(name)
        public = [name for name in found if not name.startswith("_") and (exported is None or name in exported)]
        yield from (f"{module}.{name}" for name in public)


def test_every_public_name_has_a_page(site: Path) -> None:
    with (site / "objects.inv").open("rb") as stream:
        inventory = InventoryFile.load(stream, "", posixpath.join)
    known = {name for kind, objects in inventory.items() if kind.startswith("py:") for name in objects}
    assert sorted(set(public_names()) - known) == []


def test_every_command_has_a_section_with_its_options(site: Path) -> None:
    page = (site / "commands.html").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f"multiref {name}" in page
    assert "--speaker-prices" in page


def test_llms_txt_leads_to_every_page_of_the_table_of_contents(site: Path) -> None:
    listed = (site / "llms.txt").read_text(encoding="utf-8")
    docs = ROOT / "docs"
    pages = [
        path.relative_to(docs).with_suffix("") for path in (*PAGES, *docs.rglob("*.ipynb")) if docs in path.parents
    ]
    assert [page for page in pages if f"({page.as_posix()}.html)" not in listed and page.stem != "index"] == []
