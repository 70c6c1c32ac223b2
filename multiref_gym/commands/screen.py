"""A command's output: messages, tables and progress."""

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
    """Makes a text harmless for a terminal: everything but line ends and tabs is only shown.

    Control characters, text-direction marks and halves of surrogates become U+FFFD.
    """
    return _CONTROL.sub("\ufffd", text)


class PrintableConsole(Console):
    """A console on which texts cannot control the terminal, whoever wrote them; only Rich's own codes can."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yields the segments to show."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


class Screen:
    """The standard output, with one progress bar below the messages, which disappears at the end.

    If the output is not a terminal, there is no bar.

    Attributes:
        console: The console to write to.
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
        """Removes the bar."""
        self._live.stop()

    def say(self, text: str) -> None:
        """Writes one line of any length; line ends in the text become blanks."""
        self.console.print(" ".join(text.splitlines()), markup=False, soft_wrap=True)

    def show(self, *what: Any) -> None:
        """Writes tables, or texts with Rich's markup, in place of the bar and anything above it."""
        self.settle()
        self.console.print(*what)

    def settle(self) -> None:
        """Removes the bar, and anything above it."""
        self._live.stop()

    def report(self, step: str, done: int, total: int | None) -> None:
        """Reports the progress of a step: its name, the amount done, and the total, None if unknown."""
        begins = self._progress.tasks[0].description != step or not self._live.is_started
        if begins:
            self._progress.reset(self._task, description=step)
        self._progress.update(self._task, completed=done, total=total)
        if begins:
            self._live.start()
            self._live.refresh()

    def show_above(self, what: RenderableType) -> None:
        """Shows something above the bar, in place of the last such thing, until `show` removes both."""
        self._live.update(Group(what, self._progress))
