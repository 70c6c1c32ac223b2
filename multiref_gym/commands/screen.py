"""What a command shows: what it says, and how far it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.segment import Segment

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


def printable(text: str) -> str:
    """Returns a text that a terminal does nothing but show, but for line ends and tabs.

    Control characters, marks that turn the direction of writing and halves of surrogates become U+FFFD.
    """
    return _CONTROL.sub("\ufffd", text)


class PrintableConsole(Console):
    """A console on which texts control nothing, whoever wrote them; only what Rich adds itself does."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yields the segments of what is to be shown."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


class Screen:
    """The standard output, and below what was said one bar of progress, which goes away when all is done.

    Where the output is no terminal there is no bar.

    Attributes:
        console: What is written to.
    """

    def __init__(self) -> None:
        self.console = PrintableConsole(highlight=False)
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        self._progress = Progress(*columns, console=self.console)
        self._task = self._progress.add_task("")
        self._live = Live(self._progress, console=self.console, transient=True, refresh_per_second=2)

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Takes the bar away."""
        self._live.stop()

    def say(self, text: str) -> None:
        """Writes a line, however long; line ends in it are blanks."""
        self.console.print(" ".join(text.splitlines()), markup=False, soft_wrap=True)

    def show(self, *what: Any) -> None:
        """Writes tables, or texts with Rich's markup, in place of the bar and what stands above it."""
        self.settle()
        self.console.print(*what)

    def settle(self) -> None:
        """Takes the bar away, and what stands above it."""
        self._live.stop()

    def report(self, step: str, done: int, total: int | None) -> None:
        """Says how far a step is: what is done, how much of it, and of how much, None if nobody knows."""
        begins = self._progress.tasks[0].description != step or not self._live.is_started
        if begins:
            self._progress.reset(self._task, description=step)
        self._progress.update(self._task, completed=done, total=total)
        if begins:
            self._live.start()
            self._live.refresh()

    def show_above(self, what: RenderableType) -> None:
        """Has something stand above the bar, in place of what stood there, until `show` takes both away."""
        self._live.update(Group(what, self._progress))
