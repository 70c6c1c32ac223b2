"""Tables for a terminal and in Markdown, and the texts of estimates in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.console import JustifyMethod
from rich.markup import escape
from rich.table import Table

NAME = 30
"""The most characters in a first column that is not folded in a terminal."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: its title, the headings of its columns, its rows, and a caption below; all are texts without markup."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    def markdown(self) -> str:
        """Returns the table as Markdown."""
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *self.rows]
        cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
        parts = [
            f"**{self.title}**" if self.title else "",
            "\n".join(f"| {' | '.join(line)} |" for line in cells),
            f"{self.caption}." if self.caption else "",
        ]
        return "\n\n".join(filter(None, parts)) + "\n"

    def __rich__(self) -> Table:
        """Returns the table for a terminal."""
        table = Table(title=escape(self.title), caption=escape(self.caption), box=box.SIMPLE, padding=0)
        for number, (column, *texts) in enumerate(zip(self.columns, *self.rows, strict=True)):
            # Headings and intervals wrap at spaces but never within words, so a table of seven rounds fits 80 columns.
            longest = max((len(word) for text in (column, *texts) for word in text.split()), default=0)
            short = not number and max(map(len, (column, *texts))) <= NAME
            justify: JustifyMethod = "right" if number else "left"
            width = longest if number or short else None
            table.add_column(escape(column), justify=justify, min_width=width, no_wrap=short, overflow="fold")
        for row in self.rows:
            table.add_row(*map(escape, row))
        return table


def percent(estimate: Mapping[str, float] | None, decimals: int = 0, sign: str = "", ends: int = 0) -> str:
    """Returns an estimate in percent with its interval, such as "80 (75–85)"; a dash for None.

    Args:
        estimate: The estimate, with `mean`, `low` and `high`.
        decimals: The number of decimals of the mean.
        sign: The text after the mean, such as "%".
        ends: The number of decimals of the interval's ends.
    """
    if estimate is None:
        return "–"
    mean, low, high = (100 * estimate[part] for part in ("mean", "low", "high"))
    return f"{mean:.{decimals}f}{sign} ({low:.{ends}f}–{high:.{ends}f})"


def apart(mean: float, interval: Sequence[float]) -> dict[str, float]:
    """Returns an estimate for `percent`, from a mean and an interval that are stored separately."""
    return {"mean": mean, "low": interval[0], "high": interval[1]}


def share(value: float | None) -> str:
    """Returns a fraction in percent with one decimal; a dash for None."""
    return "–" if value is None else f"{value:.1%}"


def confusion_sheet(title: str, counts: Mapping[str, Mapping[str, int]]) -> Sheet:
    """Returns a table of the counts of `Confusion.by_truth`, with a row for each true value."""
    rows = [[true, *map(str, decoded.values())] for true, decoded in counts.items()]
    return Sheet(title, ["true \\ decoded", *counts], rows)


def rounds_heads(results: dict[str, Any]) -> list[str]:
    """Returns the headings of the columns for all rounds, from results with `config.rounds`."""
    return ["round 0", *(str(round) for round in range(1, results["config"]["rounds"] + 1))]


def seeds_note(results: dict[str, Any]) -> str:
    """Returns a note on the number of seeds, from results with `seeds`."""
    count = len(results["seeds"])
    return "1 seed" if count == 1 else f"means over {count} seeds"


def success_sheet(title: str, results: dict[str, Any], means: Mapping[str, Any], runs: Mapping[str, Any]) -> Sheet:
    """Returns a table of success by round: the mean of each system, then its runs if there are several.

    Args:
        title: The beginning of the table's title.
        results: Results with `seeds`, `config.rounds` and `config.games`.
        means: For each system, an estimate for each round.
        runs: For each system and seed, an estimate for each round.
    """
    rows = [[name, *map(percent, won)] for name, won in means.items()]
    if len(results["seeds"]) > 1:
        rows += [
            [f"{name}, seed {seed}", *(f"{100 * each['mean']:.0f}" for each in won)]
            for name, of_system in runs.items()
            for seed, won in of_system.items()
        ]
    games = results["config"]["games"]
    title = f"{title}, in percent; simulated speakers, {games} games a round, {seeds_note(results)}"
    return Sheet(title, ["system", *rounds_heads(results)], rows)
