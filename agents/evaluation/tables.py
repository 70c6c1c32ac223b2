"""Tables of benchmarks, for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from rich import box
from rich.console import JustifyMethod
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its title, the headings of its columns, and its rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Returns the table as Markdown."""
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *self.rows]
        return f"**{self.title}**\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"

    def html(self) -> str:
        """Returns the table in HTML."""
        head, *body = (
            f"<tr>{''.join(f'<{cell}>{escape(text)}</{cell}>' for text in row)}</tr>"
            for cell, row in [("th", self.columns), *(("td", row) for row in self.rows)]
        )
        rows = "\n".join(body)
        caption = f"<caption>{escape(self.title)}</caption>"
        return f'<div class="wide"><table>{caption}\n<thead>{head}</thead>\n<tbody>\n{rows}\n</tbody></table></div>'

    def printed(self) -> Table:
        """Returns the table for a terminal."""
        table = Table(title=self.title, box=box.SIMPLE, padding=0)
        for number, (column, *texts) in enumerate(zip(self.columns, *self.rows, strict=True)):
            # Headings and intervals wrap at spaces, words never, so that a table of seven rounds fits 80 columns.
            longest = max(len(word) for text in (column, *texts) for word in text.split())
            justify: JustifyMethod = "right" if number else "left"
            table.add_column(column, justify=justify, min_width=longest, no_wrap=not number)
        for row in self.rows:
            table.add_row(*row)
        return table


def percent(estimate: dict[str, float] | None) -> str:
    """Returns an estimate and its interval in whole percent, a dash for what was not measured."""
    if estimate is None:
        return "–"
    mean, low, high = (100 * estimate[part] for part in ("mean", "low", "high"))
    return f"{mean:.0f} ({low:.0f}–{high:.0f})"


def rounds_heads(results: dict[str, Any]) -> list[str]:
    """Returns the headings of columns for all rounds of some results, which have `config.rounds`."""
    return ["round 0", *(str(round) for round in range(1, results["config"]["rounds"] + 1))]


def told_seeds(results: dict[str, Any]) -> str:
    """Returns what is said of figures of results, which have their `seeds`."""
    count = len(results["seeds"])
    return "1 seed" if count == 1 else f"means over {count} seeds"
