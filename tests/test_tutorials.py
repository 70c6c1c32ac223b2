"""The tutorials and the how-to pages do what they say, as a reader does who copies their blocks one after another."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pages import Page

ROOT = Path(__file__).parents[1]
PAGES = sorted(path for folder in ("tutorials", "how-to") for path in (ROOT / "docs" / folder).glob("*.md"))
COMMANDS = {"verifiers": ROOT / ".venv-verifiers" / "bin"}
"""The folder of commands, for a page that needs an environment of its own."""


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_runs_and_prints_what_it_shows(path: Path, tmp_path: Path) -> None:
    commands = COMMANDS.get(path.stem, Path(sys.executable).parent)
    if not commands.exists():
        pytest.skip(f"there is no {commands.parent.name}: run `make verifiers`")
    page = Page.of(path)
    output = page.run(tmp_path, commands, CLONE=str(ROOT), HF_DATASETS_CACHE=str(tmp_path / "cache"))
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
