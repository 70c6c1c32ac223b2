"""Draws a contact sheet of a set of tangrams."""

from __future__ import annotations

from dataclasses import dataclass

from multiref_gym.commands.options import AnyFile, Count, ForceOption, Natural, TangramOptions
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.files import whole
from multiref_gym.tangrams import contact_sheet

WIDTH, SMALLEST = 960, 24
"""The width of a sheet with a sample, and the smallest side of a silhouette on it, in pixels."""

PNG = b"\x89PNG\r\n\x1a\n"
"""The first bytes of a PNG file."""


@dataclass(frozen=True, kw_only=True)
class TangramsCommand(TangramOptions, ForceOption):
    """Draws a contact sheet of a set of tangrams.

    Attributes:
        sample: Draw only this many tangrams of each family, chosen at random, one family in a row.
        seed: The seed of the sample.
        out: The PNG file to write.
    """

    sample: Count | None = None
    seed: Natural = 0
    out: AnyFile

    def run(self, screen: Screen) -> None:
        """Draws the tangrams.

        Raises:
            UserError: If there are no such tangrams, or the file is not a PNG file or may not be replaced.
        """
        if self.out.suffix.lower() != ".png":
            raise UserError(f"--out {self.out}: allowed is a file whose name ends in .png")
        self.check_replaced(self.out, "a PNG file", lambda path: path.read_bytes().startswith(PNG))
        tangrams = self.chosen_tangrams()
        if self.sample:
            width = max(SMALLEST, WIDTH // self.sample)
            sheet = contact_sheet(tangrams, self.sample, width, self.sample, self.seed)
        else:
            sheet = contact_sheet(tangrams)
        with whole(self.out, self.force) as unfinished:
            sheet.save(unfinished, format="PNG", optimize=True)
        screen.say(f"{tangrams.name}, {len(tangrams)} tangrams, in {self.out}")
