"""The pictures on the pages: they are there, they are small, and words say what they show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from pages import PAGES, ROOT
from PIL import Image

DOCS = ROOT / "docs"
WRAPPERS = re.findall(r"^\| \[`(\w+)`\]", (DOCS / "wrappers.md").read_text(encoding="utf-8"), re.MULTILINE)

SHADES = ("light", "dark")
LARGEST = {".gif": (120_000, 1_500_000), ".png": (150_000, 1_000_000)}
"""The most bytes of one picture in `docs/pictures`, and of all of its kind."""


def pictures(text: str) -> Iterator[tuple[str, str]]:
    """Yields the path of each picture in a page, and the words that say what it shows."""
    for words, path in re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", text):
        yield path, words
    for kind, path, body in re.findall(r"^```\{(themed|image|figure)\} (\S+)\n(.*?)^```", text, re.M | re.DOTALL):
        options, words = re.findall(r"^:(\w+): (.+)$", body, re.M), re.sub(r"^:.*$", "", body, flags=re.M)
        for shade in SHADES if kind == "themed" else ():
            whole = PurePosixPath(path)
            yield str(whole.with_stem(f"{whole.stem}-{shade}")), words
        if kind != "themed":
            yield path, dict(options).get("alt", "")
    for tag in re.findall(r"<img\b[^>]*>", text):
        attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        yield attributes["src"], attributes.get("alt", "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_picture_of_a_page_is_there_and_words_say_what_it_shows(page: Path) -> None:
    for path, words in pictures(page.read_text(encoding="utf-8")):
        assert path.startswith("https://") or (page.parent / path).is_file(), path
        assert len(words.split()) >= 3, f"{path}: {words!r}"


def test_a_picture_is_found_in_every_form_that_a_page_may_have() -> None:
    page = (
        "![A board\nand words](a.png)\n\n```{themed} b.gif\n:width: 20px\nA game.\n```\n\n"
        "```{image} c.png\n:alt: Lines.\n```\n\n```{image} d.png\n```\n\n"
        '<img src="e.gif" alt="A dog"> <img src="f.gif">\n'
    )
    found = {path: words.strip() for path, words in pictures(page)}
    assert found == {
        "a.png": "A board\nand words",
        "b-light.gif": "A game.",
        "b-dark.gif": "A game.",
        "c.png": "Lines.",
        "d.png": "",
        "e.gif": "A dog",
        "f.gif": "",
    }


@pytest.mark.parametrize("name", [*WRAPPERS, "environment"])
def test_each_wrapper_and_the_environment_have_moving_pictures_for_light_and_dark_pages(name: str) -> None:
    page = DOCS / ("environment.md" if name == "environment" else "wrappers.md")
    assert f"```{{themed}} pictures/{name}.gif\n" in page.read_text(encoding="utf-8")
    images = [Image.open(DOCS / "pictures" / f"{name}-{shade}.gif") for shade in SHADES]
    assert images[0].size == images[1].size
    assert images[0].n_frames == images[1].n_frames > 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", LARGEST)
def test_pictures_are_small(kind: str) -> None:
    largest, together = LARGEST[kind]
    sizes = {path.name: path.stat().st_size for path in (DOCS / "pictures").glob(f"*{kind}")}
    assert {name: size for name, size in sizes.items() if size > largest} == {}
    assert 0 < sum(sizes.values()) <= together
