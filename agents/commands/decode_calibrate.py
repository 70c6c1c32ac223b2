"""`multiref decode --calibrate`: calibrates a prompted decoder on simulated games, before it decodes any log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiref_gym.agents.decoders.calibrated import is_calibration
from multiref_gym.agents.decoders.calibrating import calibrate
from multiref_gym.agents.evaluation.tables import Sheet, share
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.provenance import write_results

if TYPE_CHECKING:
    from multiref_gym.agents.commands.decode import Decode

PRECISION = 0.95
"""The default precision wanted for positives."""


def calibrate_decoder(command: Decode, screen: Screen) -> None:
    """Calibrates a decoder, writes the file that `calibrated:FILE` reads, and shows figures on simulated replies.

    Args:
        command: The decoder, the wanted precision, and the file to write.
        screen: Shows progress and results.

    Raises:
        UserError: As in `Decode.run`.
        OSError: If the file cannot be written. An existing file stays as it was.
    """
    if command.out is None:
        raise UserError("expected --out, the file for the calibration")
    command.check_replaced(command.out, "a calibration", is_calibration)
    precision = PRECISION if command.precision is None else command.precision
    found = calibrate(command.decoder, precision, lambda asked: screen.report("replies read", asked, None))
    write_results(command.out, found, replace=command.force)
    held_back = found["held_back"]
    title = f"{command.decoder} on {held_back['replies']} simulated replies that were held back, area under the curve"
    rows = [
        [
            f"{row['threshold']:.2f}{' (chosen)' if row['threshold'] == found['threshold'] else ''}",
            *(share(row[figure]) for figure in ("accuracy", "positive_precision", "positive_recall")),
        ]
        for row in held_back["thresholds"]
    ]
    heads = ["positive from", "accuracy", "positive precision", "positive recall"]
    screen.show(Sheet(f"{title} {held_back['auc']:.3f}", heads, rows))
    screen.say(f"use it as --decoder calibrated:{command.out}")
