"""A table of several listeners on the same logged games, from the results of `multiref benchmark`.

A listener is named after its results' folder. The best come first, by exact match with rewarded actions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from pydantic import ConfigDict, create_model

from multiref_gym.agents.evaluation.offline import FIGURES, figure_text
from multiref_gym.agents.evaluation.pictures import FAINT, bare_axes, figure_png
from multiref_gym.agents.evaluation.tables import Sheet
from multiref_gym.checking import read_json
from multiref_gym.commands.options import ForceOption, make_folder
from multiref_gym.commands.screen import Screen
from multiref_gym.digests import check_digest
from multiref_gym.errors import UserError
from multiref_gym.files import write_atomically, write_json

SAME = ("games", "decoder")
"""The settings that compared listeners must share."""

HEADINGS = {
    "exact_match": "exact match",
    "click_precision": "click precision",
    "click_recall": "click recall",
    "legality": "legal",
    "log_prob_rewarded": "log p (+)",
    "log_prob_corrected": "log p (–)",
    "auc": "AUC",
}
DRAWN = ("exact_match", "click_precision", "click_recall", "auc")
COLOUR = "#0072b2"

Board = dict[str, Any]


class BadResults(UserError):
    """A folder's results cannot be on the leaderboard; the message names the file and the field."""


def collect(folders: Sequence[Path], skip_bad: bool = False) -> tuple[Board, list[BadResults]]:
    """Reads results and puts the best first.

    Args:
        folders: One or more; the first good one sets the settings that the others must share.
        skip_bad: Whether to leave out results that are broken or do not fit.

    Returns:
        The leaderboard: `config` (the shared settings), `counts` and `listeners`; and an error for each folder that was
        left out.

    Raises:
        BadResults: At the first folder that is bad or repeated if bad ones are not left out, or if none is left.
    """
    listeners: list[dict[str, Any]] = []
    errors: list[BadResults] = []
    places = [folder.resolve() for folder in folders]
    names = [place.name for place in dict.fromkeys(places)]
    for number, (folder, place) in enumerate(zip(folders, places, strict=True)):
        name = place.name
        try:
            if place in places[:number]:
                raise BadResults(f"{folder}: the folder is given twice")
            results = _read(folder / "results.json")
            if listeners:
                _check_same(folder / "results.json", results, listeners[0])
        except BadResults as error:
            if not skip_bad:
                raise
            errors.append(error)
        else:
            listeners.append({"name": name if names.count(name) == 1 else str(folder), **results})
    if not listeners:
        raise BadResults(f"no results that can be compared; the first folder: {errors[0]}")
    first = listeners[0]
    board = {
        "config": {field: first["config"][field] for field in SAME},
        "counts": {field: first["counts"][field] for field in ("games", "turns", "rewarded", "corrected")},
        "listeners": sorted(listeners, key=_exact_match, reverse=True),
    }
    return board, errors


def _exact_match(results: dict[str, Any]) -> float:
    figure = results["figures"]["exact_match"]
    return figure["mean"] if figure else 0.0


def _object(**kinds: Any) -> Any:
    """Returns the type of an object with these fields; other fields are kept."""
    needed: dict[str, Any] = {name: (kind, ...) for name, kind in kinds.items()}
    return create_model("Object", __config__=ConfigDict(extra="allow"), **needed)


RESULTS = _object(
    config=_object(games=str, decoder=str, listener=str, batch=int),
    counts=_object(games=int, turns=int, rewarded=int, corrected=int),
    figures=_object(**dict.fromkeys(FIGURES, dict[str, float] | None)),
    milliseconds=float,
)


def _read(path: Path) -> dict[str, Any]:
    results: dict[str, Any] = read_json(RESULTS, path, BadResults).model_dump()
    check_digest(path, read_json(dict[str, Any], path), BadResults)  # of the fields in the order of the file
    return results


def _check_same(path: Path, results: dict[str, Any], first: dict[str, Any]) -> None:
    for field in SAME:
        one, other = results["config"][field], first["config"][field]
        if one != other:
            raise BadResults(
                f"{path}, field 'config.{field}': {one!r}, but {other!r} in the results before: all listeners need "
                f"the same {' and '.join(SAME)}"
            )


def sheet(board: Board) -> Sheet:
    """Returns the table: name, figures with intervals, milliseconds a turn."""
    rows = []
    for results in board["listeners"]:
        figures = {key: figure_text(key, results["figures"][key]) for key in HEADINGS}
        figures["legality"] = figures["legality"].split()[0]  # to fit 80 columns
        latency = f"{results['milliseconds']:.2f} ({results['config']['batch']})"
        rows.append([results["name"], *figures.values(), latency])
    return Sheet("", ["listener", *HEADINGS.values(), "ms a turn (batch)"], rows, _caption(board))


def _caption(board: Board) -> str:
    counts = board["counts"]
    return (
        f"{counts['turns']} turns of {counts['games']} games; decoder {board['config']['decoder']}: "
        f"{counts['rewarded']} actions rewarded (+), {counts['corrected']} corrected (–); "
        "in brackets 95 % bootstrap intervals over games"
    )


def draw(board: Board, path: Path) -> None:
    """Draws the figures of `DRAWN` with their intervals, a panel for each and a line for each listener, best on top."""
    listeners = board["listeners"][::-1]
    figure = Figure(figsize=(2 + 2.4 * len(DRAWN), 1.4 + 0.4 * len(listeners)), layout="constrained")
    panels = figure.subplots(1, len(DRAWN), sharey=True)
    for axes, key in zip(panels, DRAWN, strict=True):
        for height, results in enumerate(listeners):
            measured = results["figures"][key]
            if measured is None:
                axes.text(0.5, height, "–", ha="center", va="center", color="#888888")
            else:
                axes.plot([measured["low"], measured["high"]], [height, height], color=COLOUR, linewidth=2, alpha=0.5)
                axes.plot(measured["mean"], height, "o", color=COLOUR, markersize=6)
        if key == "auc":
            axes.axvline(0.5, color="#888888", linewidth=0.8, linestyle=":")  # chance
        axes.set_xlim(0, 1)
        axes.set_ylim(-0.6, len(listeners) - 0.4)
        axes.set_yticks(range(len(listeners)), [results["name"] for results in listeners])
        axes.tick_params(axis="y", length=0)
        axes.set_title(HEADINGS[key], loc="left", fontsize=10)
        bare_axes(axes, "x", "top", "right", "left")
    figure.supxlabel(_caption(board).replace("in brackets", "bars:"), fontsize=8, color=FAINT)
    write_atomically(path, figure_png(figure))


@dataclass(frozen=True)
class Leaderboard(ForceOption):
    """Collects results of `multiref benchmark` into one table of listeners.

    Attributes:
        results: Folders, each an --out of `multiref benchmark`.
        out: The folder of leaderboard.md, leaderboard.json and leaderboard.png.
        skip_bad: Leave out results that do not fit, and count them.
    """

    results: tuple[Path, ...]
    _: KW_ONLY
    out: Path
    skip_bad: bool = False

    def run(self, screen: Screen) -> None:
        """Prints the table and writes it.

        Raises:
            UserError: If a folder is repeated, has no results, or has results of other games or another decoder than
                the first, or an existing leaderboard may not be replaced.
        """
        for name in ("leaderboard.md", "leaderboard.json", "leaderboard.png"):
            self.check_replaced(self.out / name, "a leaderboard", Path.is_file)
        board, bad = collect(self.results, self.skip_bad)
        make_folder(self.out)
        write_atomically(self.out / "leaderboard.md", sheet(board).markdown())
        write_json(self.out / "leaderboard.json", board)
        draw(board, self.out / "leaderboard.png")
        screen.show(sheet(board))
        if bad:
            screen.say(f"{len(bad)} bad results skipped; the first: {bad[0]}")
        screen.say(f"leaderboard.md, leaderboard.json and leaderboard.png are in {self.out}")
