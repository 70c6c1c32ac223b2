"""Draws a contact sheet of a set of tangrams."""

from __future__ import annotations

from dataclasses import dataclass

from multiref_gym.commands.options import Count, Natural, NewFile, TangramOptions
from multiref_gym.commands.screen import Screen
from multiref_gym.tangrams import contact_sheet

WIDTH, SMALLEST = 960, 24
"""The width of a sheet that shows a sample, and the least side of a silhouette on it, in pixels."""


@dataclass(frozen=True, kw_only=True)
class TangramsCommand(TangramOptions):
    """Draws a contact sheet of a set of tangrams.

    Attributes:
        sample: Only so many of each family, drawn at random, in a row.
        seed: Of the sample.
        out: The PNG file to draw them in.
    """

    sample: Count | None = None
    seed: Natural = 0
    out: NewFile

    def run(self, screen: Screen) -> None:
        """Draws the tangrams."""
        tangrams = self.chosen_tangrams()
        if self.sample:
            width = max(SMALLEST, WIDTH // self.sample)
            sheet = contact_sheet(tangrams, self.sample, width, self.sample, self.seed)
        else:
            sheet = contact_sheet(tangrams)
        sheet.save(self.out, format="PNG", optimize=True)
        screen.say(f"{tangrams.name}, {len(tangrams)} tangrams, in {self.out}")
