"""The tutorials and the how-to pages do what they say, as a reader does who copies their blocks one after another."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import Page

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(path for folder in ("tutorials", "how-to") for path in (DOCS / folder).glob("*.md"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_runs_and_prints_what_it_shows(path: Path, tmp_path: Path) -> None:
    page = Page.of(path)
    output = page.run(tmp_path)
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
