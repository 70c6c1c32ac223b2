"""Makes the parts of the site that come from the code, when the site is built, so that they are always up to date."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from enum import Enum
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.addnodes import toctree
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from multiref_gym import cli

ROOT = Path(__file__).parents[1]
INCLUDED = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}
"""Files of the project that are also pages of the site, with the names of these pages."""

LINK = re.compile(r"(\]\()([^)\s#:]+)((?:#[^)\s]*)?\))")
INCLUDE = re.compile(r"^```\{include\} \.\./(\S+)\n```$", re.MULTILINE)
TABLE = re.compile(r"(?:^\|.*\|$\n?)+", re.MULTILINE)
INDENTED = re.compile(r"(^\S.*\n\n)((?: {4}.*\n)+)", re.MULTILINE)
"""An indented block, which Markdown shows as code."""
FENCE = re.compile(r"^```.*$\n?", re.MULTILINE)

KEPT = (property, classmethod, staticmethod, Enum)
"""The members of a class that are documented besides its methods."""


# Commands.


def commands() -> str:
    """Returns the `--help` of all commands in Markdown, with a heading for each."""
    app = cli.new_app()
    for name in cli.COMMANDS:
        _, apps, _ = app.parse_commands(name.split())
        apps[-1].help = None  # so that the docstring is taken, which is longer than the line in the table of commands
    text = app.generate_docs(output_format="markdown", flatten_commands=True, heading_level=2)
    sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    of_commands = tuple(f"## {app.name[0]} {name}\n" for name in cli.COMMANDS)
    return "".join(section for section in sections if section.startswith(of_commands))


class CommandsDirective(SphinxDirective):
    """The directive `{commands}`, which inserts all commands."""

    def run(self) -> list[nodes.Node]:
        """Returns the sections of the commands."""
        return self.parse_text_to_nodes(commands(), allow_section_headings=True)


class DocstringDirective(SphinxDirective):
    """The directive `{docstring} module:attribute`, which inserts a docstring that is written in Markdown."""

    required_arguments: ClassVar[int] = 1

    def run(self) -> list[nodes.Node]:
        """Returns the sections of the docstring."""
        module, _, attribute = self.arguments[0].partition(":")
        text = cleandoc(getattr(import_module(module), attribute).__doc__)
        return self.parse_text_to_nodes(with_whole_rows(text), allow_section_headings=True)


class ThemedDirective(SphinxDirective):
    """`{themed} NAME.gif`: `NAME-light.gif` and `NAME-dark.gif`, of which the page shows the one that suits its theme.

    The content is what is seen in the picture, in words.
    """

    required_arguments: ClassVar[int] = 1
    option_spec: ClassVar[dict[str, Any]] = {"width": directives.length_or_unitless}
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Returns both pictures."""
        self.assert_has_content()
        path, words = Path(self.arguments[0]), " ".join(self.content)
        shades = {shade: str(path.with_stem(f"{path.stem}-{shade}")) for shade in ("light", "dark")}
        return [
            nodes.image(uri=uri, alt=words, classes=[f"only-{shade}"], **self.options) for shade, uri in shades.items()
        ]


def with_whole_rows(text: str) -> str:
    """Returns a text with each row of its tables in one line; a row without a first cell continues the row above."""
    lines: list[str] = []
    for line in text.split("\n"):
        first, *rest = line.strip("|").split("|")
        if line.startswith("|") and not first.strip():
            above = lines.pop().strip("|").split("|")
            both = zip(above, [first, *rest], strict=True)
            line = f"|{'|'.join(f'{one.rstrip()} {other.strip()} ' for one, other in both)}|"
        lines.append(line)
    return "\n".join(lines)


# Links and docstrings, as Sphinx reads them.


def read_source(app: Sphinx, page: str, source: list[str]) -> None:
    """Inserts the files that a page includes, and makes all links lead to pages of the site."""
    here = (ROOT / "docs" / page).parent
    text = linked(source[0], here, here)
    source[0] = INCLUDE.sub(lambda found: linked((ROOT / found[1]).read_text(encoding="utf-8"), ROOT, here), text)


def linked(text: str, folder: Path, here: Path) -> str:
    """Returns a text whose links, relative to `folder`, lead to the same places from the folder `here`."""

    def on_site(link: re.Match[str]) -> str:
        path = Path(os.path.normpath(folder / link[2]))
        name = path.relative_to(ROOT).as_posix()
        if name in INCLUDED:
            target = os.path.relpath(ROOT / "docs" / INCLUDED[name], here)
        elif name.startswith("docs/"):
            target = os.path.relpath(path, here)
        else:  # a file of the project that is not a page; readers can download it
            target = f"path:{os.path.relpath(path, here)}"
        return f"{link[1]}{target}{link[3]}"

    return LINK.sub(on_site, text)


def read_docstring(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Removes the Markdown from a docstring that reStructuredText does not know."""
    text, *sections = re.split(r"^## ", "\n".join(lines), maxsplit=1, flags=re.MULTILINE)
    if sections:  # another page has all of them
        text += "\nMore is on the page of :doc:`the environment </environment>`.\n"
    if what == "module":
        text = INDENTED.sub(r"\1::\n\n\2", text)
    text = TABLE.sub(lambda table: "::\n\n" + re.sub("^", "    ", table[0], flags=re.MULTILINE), FENCE.sub("", text))
    lines[:] = text.split("\n")


def read_signature(
    app: Sphinx, what: str, name: str, thing: object, options: object, signature: str | None, returned: str | None
) -> tuple[str, None] | None:
    """Removes the signatures of commands, because their options are on another page."""
    return ("", None) if signature and "Annotated[" in signature else None


def is_skipped(app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: object) -> bool | None:
    """Whether a member is left out.

    Fields are left out, because the docstring of their class describes them, and classes that are on their package's
    page.
    """
    if what in ("class", "exception"):
        return None if callable(thing) or isinstance(thing, KEPT) else True
    module = app.env.current_document.autodoc_module
    package = module.rpartition(".")[0]
    above = import_module(package) if package else None
    exported = isinstance(thing, type) and thing.__module__ == module and name in getattr(above, "__all__", ())
    return True if exported else None


# llms.txt: a table of contents for language models.


def write_llms(app: Sphinx, error: Exception | None) -> None:
    """Writes `llms.txt`: the table of contents, with the first sentence of each page."""
    if error is None and app.builder.format == "html":
        (app.outdir / "llms.txt").write_text("\n".join(_llms(app)) + "\n", encoding="utf-8")


def _llms(app: Sphinx) -> Iterator[str]:
    yield f"# {app.config.project}\n\n> {_opening(app, 'index')}"
    for tree in app.env.get_doctree("index").findall(toctree):
        yield f"\n## {tree['caption']}\n"
        for name, page in tree["entries"]:
            title, opening = name or app.env.titles[page].astext(), _opening(app, page)
            yield f"- [{title}]({app.builder.get_target_uri(page)}){opening and f': {opening}'}"


def _opening(app: Sphinx, page: str) -> str:
    """Returns the first sentence of a page; "" if it has none."""
    paragraphs = app.env.get_doctree(page).findall(nodes.paragraph)
    texts = (" ".join(found.astext().split()) for found in paragraphs if isinstance(found.parent, nodes.section))
    return re.split(r"(?<=[.?!]) ", next(filter(None, texts), ""), maxsplit=1)[0]


def setup(app: Sphinx) -> dict[str, bool]:
    """Registers all of this with Sphinx."""
    app.add_directive("commands", CommandsDirective)
    app.add_directive("docstring", DocstringDirective)
    app.add_directive("themed", ThemedDirective)
    app.connect("source-read", read_source)
    app.connect("autodoc-process-docstring", read_docstring)
    app.connect("autodoc-process-signature", read_signature)
    app.connect("autodoc-skip-member", is_skipped)
    app.connect("build-finished", write_llms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
