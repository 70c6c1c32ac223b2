"""A page of the documentation as a script: what a reader does who copies one block after another."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if not {"_build", "api"} & set(path.parts)),
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
]
"""All pages in Markdown, but those that are made when the site is built."""

LONGEST = 1200.0
"""Seconds after which a page has failed."""
BLOCK = re.compile(r"^(?:(<!-- not run: [^\n]+) -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\S+\.(?:py|toml|json|jsonl|csv|txt))\n")
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True)
class Page:
    """A page in Markdown.

    Attributes:
        script: Its blocks of Bash and Python as one script for Bash. A block whose first line is `# NAME.py` is saved
            under that name; other blocks of Python are run.
        files: What the script finds in its folder, by name.
        printed: The lines of its blocks `text`, which show what the commands print.
    """

    script: str
    files: Mapping[str, str]
    printed: tuple[str, ...]

    @classmethod
    def of(cls, path: Path) -> Page:
        """Reads a page."""
        steps, files, printed = ["set -euo pipefail"], {}, []
        for number, (not_run, language, content) in enumerate(BLOCK.findall(path.read_text(encoding="utf-8"))):
            if not_run:
                continue
            named = FILE.match(content)
            if language == "bash":
                steps.append(content)
            elif language == "text":
                printed += content.splitlines()
            elif named:
                files[f"block-{number}"] = content
                steps.append(f"cp block-{number} {named[1]}")
            elif language == "python":
                files[f"block-{number}"] = content
                steps.append(f"python block-{number}")
        return cls("\n".join(steps), files, tuple(printed))

    def run(self, folder: Path, commands: Path | None = None, **environment: str) -> str:
        """Runs the script in a folder, as in a new terminal, and returns all that it printed.

        Args:
            folder: The folder.
            commands: Where the script finds `python` and other commands first; where this Python is, if None.
            **environment: Environment variables.

        Raises:
            AssertionError: If a command of it failed.
        """
        for name, content in self.files.items():
            (folder / name).write_text(content, encoding="utf-8")
        path = f"{commands or Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        with (folder / "printed.log").open("w+", encoding="utf-8") as log:
            # What runs in the background ends with the script.
            script = subprocess.Popen(
                ["bash", "-c", f"trap 'jobs -p | xargs -r kill || true; wait' EXIT\n{self.script}"],
                cwd=folder,
                env=os.environ | {"PATH": path, "COLUMNS": "100"} | environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                ended: int | str = script.wait(LONGEST)
            except subprocess.TimeoutExpired:
                os.killpg(script.pid, signal.SIGKILL)
                ended = f"not after {LONGEST:.0f} s"
        output = (folder / "printed.log").read_text(encoding="utf-8")
        assert ended == 0, f"ended: {ended}\n{output}"
        return output

    def not_printed(self, output: str) -> Iterator[str]:
        """Yields the lines that the page shows and its script did not print, numbers and spaces aside."""
        lines = {alike(line) for line in output.splitlines()}
        yield from (line for line in self.printed if alike(line) not in lines and line.strip() not in ("", "..."))


def alike(line: str) -> str:
    """Returns a line with each number as 0, and one space where there are several."""
    return " ".join(NUMBER.sub("0", line).split())
