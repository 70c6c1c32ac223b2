"""The tutorials and the how-to pages do what they say, as a reader does who copies their blocks one after another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from human_like import CALLED, write_kilogram
from pages import PAGES, ROOT, Page
from postgresql_server import USER, running_postgresql

SCRIPTS = [path for path in PAGES if path.parent.name in ("tutorials", "how-to")]
GIVEN = ("kilogram", "minari", "postgresql", "ray", "verifiers")
"""Pages whose readers have more than the package; a fixture of the same name provides it."""


@pytest.fixture
def kilogram(tmp_path: Path) -> None:
    """A folder in the form of KiloGram, which is not in this repository; one of its descriptions may offend."""
    dataset = write_kilogram(tmp_path / "kilogram", CALLED | {"page9-1": ("a naked dancer", "a dancer")}) / "dataset"
    shutil.copy(dataset / "full.json", dataset / "dense.json")


@pytest.fixture
def minari(tmp_path: Path) -> None:
    """The extra, and the examples of a clone."""
    pytest.importorskip("minari")
    (tmp_path / "docs").symlink_to(ROOT / "docs")


@pytest.fixture
def postgresql(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server, and what tells PostgreSQL's programs where it is."""
    with running_postgresql(tmp_path_factory.mktemp("server")) as server:
        monkeypatch.setenv("PGHOST", str(server.sockets))
        monkeypatch.setenv("PGUSER", USER)
        monkeypatch.setenv("PATH", str(server.programs), prepend=os.pathsep)
        yield


@pytest.fixture
def ray() -> None:
    """The extra."""
    pytest.importorskip("ray")


@pytest.fixture
def verifiers() -> Path:
    """The folder of the commands in an environment of its own."""
    commands = ROOT / ".venv-verifiers" / "bin"
    if not commands.exists():
        pytest.skip("there is no .venv-verifiers: run `make verifiers`")
    return commands


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_page_runs_and_prints_what_it_shows(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    given = {"CLONE": str(ROOT), "HF_DATASETS_CACHE": str(tmp_path / "cache")}
    commands = request.getfixturevalue(path.stem) if path.stem in GIVEN else None
    page = Page.of(path)
    output = page.run(tmp_path, commands, **given)
    assert list(page.not_printed(output)) == [], output


def test_a_page_that_fails_or_prints_something_else_is_found_out(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python\n# mine.py\nprint('won 3 of 4')\n```\n```bash\npython mine.py\n```\n```text\nwon 1 of 2\nlost\n```\n"
    )
    assert list(Page.of(page).not_printed(Page.of(page).run(tmp_path))) == ["lost"]
    page.write_text("```bash\nfalse\n```\n")
    with pytest.raises(AssertionError):
        Page.of(page).run(tmp_path)


def test_a_block_is_left_out_only_if_the_page_says_so(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    left_out = "<!-- not run: why -->\n```bash\nfalse\n```\n"
    page.write_text(f"{left_out}```bash\necho one\n```\n{left_out}```bash\necho two\n```\n")
    assert Page.of(page).run(tmp_path).split() == ["one", "two"]
