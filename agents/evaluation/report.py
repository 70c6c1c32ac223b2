"""The report on a run of RESPECT: a picture of its curves, and a page with the measures and some replayed games.

The page shows targets and true values, because it is an evaluation; the learning never sees them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from multiref_gym.agents.evaluation.measures import Confusion
from multiref_gym.agents.evaluation.pages import page
from multiref_gym.agents.evaluation.pictures import NARROW, draw_band, finish_axes, noted_png
from multiref_gym.agents.evaluation.tables import Sheet, confusion_sheet, percent, share
from multiref_gym.agents.learning.run_folder import fields
from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.files import write_atomically
from multiref_gym.game import LETTERS, Action
from multiref_gym.interaction import Interaction
from multiref_gym.png import data_url
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import TangramSet
from multiref_gym.tangrams.render import svg_path

STYLES = (("-", "#0072b2", "learns from decoded feedback"), ("--", "#8a6d3b", "the initial policy redeployed"))
"""The dashes, colours and meanings of the learner's and CONTROL's curves, which differ without colours too."""
COLUMNS = (
    "round",
    "examples learned from",
    "success",
    "CONTROL success",
    "turns a game",
    "click accuracy",
    "decoder accuracy",
    "positive precision",
)
"""The headings of a run's table; all measures except CONTROL's success are the learner's."""
PANELS = {
    "success": "Games won",
    "turns": "Turns a game (fewer is better)",
    "click_accuracy": "Clicks that were right",
}

SILHOUETTE_SIZE = 100
"""The side of a tangram on a board, in the units of the board's SVG."""


@dataclass(frozen=True, slots=True)
class ReplayedTurn:
    """An action as the page shows it, with the reply that its feedback was decoded from.

    Attributes:
        action: The clicks.
        selected: The positions that are selected after the action.
        truth: The true value of the action, by the targets.
        reply: The speaker's next utterance; after the last action the closing remark, which may be "".
        decoded: The decoded feedback on the action; None for the last one, because the game is over.
    """

    action: Action
    selected: frozenset[int]
    truth: Feedback
    reply: str
    decoded: Feedback | None


def table_row(measured: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the measures of a round as texts, in the order of `COLUMNS`; intervals are in whole percent."""
    (learner, control), decoder = measured["systems"].values(), measured["decoder"]
    return (
        str(measured["round"]),
        str(measured["examples"]),
        percent(learner["success"], 1, "%"),
        percent(control["success"], 1, "%"),
        f"{learner['turns']['mean']:.1f}",
        share(learner["click_accuracy"]["mean"]),
        share(decoder["accuracy"]),
        share(decoder["positive_precision"]),
    )


def draw_curves(results: Mapping[str, Any], path: Path) -> bytes:
    """Draws success, turns a game and click accuracy by round, with 95 % intervals.

    Args:
        results: The content of `results.json`.
        path: The PNG file; it is written completely or not at all.

    Returns:
        The content of the file.
    """
    curves = curves_png(results)
    write_atomically(path, curves)
    return curves


def curves_png(results: Mapping[str, Any], narrow: bool = False) -> bytes:
    """Returns the picture of `draw_curves`.

    Args:
        results: The content of `results.json`.
        narrow: Whether to put the panels below each other, for a phone.
    """
    if narrow:
        figure = Figure(figsize=(NARROW, 7.5), layout="constrained")
        panels = figure.subplot_mosaic([["success"], ["turns"], ["click_accuracy"]], height_ratios=[1.6, 1, 1])
    else:
        figure = Figure(figsize=(9, 4.4), layout="constrained")
        panels = figure.subplot_mosaic([["success", "turns"], ["success", "click_accuracy"]], width_ratios=[1.9, 1])
    rounds = results["rounds"]
    numbers = [measured["round"] for measured in rounds]
    for measure, title in PANELS.items():
        for system, (dashes, colour, meaning) in zip(rounds[0]["systems"], STYLES, strict=True):
            estimates = [measured["systems"][system][measure] for measured in rounds]
            label = f"{system}, {meaning}"
            draw_band(panels[measure], numbers, estimates, dashes, color=colour, marker="o", label=label)
        finish_axes(panels[measure], title, measure)
    if not narrow:
        panels["success"].set_xlabel("round of deployment and learning")
    panels["click_accuracy"].set_xlabel("round")
    panels["success"].legend(loc="lower right", frameon=False, fontsize=9)
    config = results["config"]
    who = "Speakers over the network" if played_over_network(results) else "Simulated speakers"
    note = [who, f"{config['games']} games a round", f"seed {config['seed']}; bands: 95 % intervals"]
    return noted_png(figure, ",\n".join([", ".join(note[:2]), note[2]]) if narrow else ", ".join(note))


def played_over_network(results: Mapping[str, Any]) -> bool:
    """Whether the speakers came to a server, as people or as a simulated crowd."""
    return results.get("deployed_to") == "people"


def write_report(
    results: Mapping[str, Any], curves: bytes, store: InteractionStore, tangrams: TangramSet, path: Path
) -> None:
    """Writes a page with the configuration, the measures, the curves and some games of the first and last round.

    Args:
        results: The content of `results.json`.
        curves: The picture, as `draw_curves` returns it.
        store: The run's interactions and feedback.
        tangrams: The tangrams of the games.
        path: The HTML file; it is written completely or not at all.
    """
    chosen = _chosen_games(store, results["config"], results["rounds"][-1]["round"])
    text = page(
        "report.html",
        title=_title(results["config"]),
        over_network=played_over_network(results),
        curves=data_url(curves),
        narrow_curves=data_url(curves_png(results, narrow=True)),
        measures=Sheet("", COLUMNS, [table_row(measured) for measured in results["rounds"]]),
        confusion=_confusion(results["rounds"]),
        games=[(title, game, _paths(game, tangrams), _replayed(game, feedback)) for title, game, feedback in chosen],
        letters=LETTERS,
        size=SILHOUETTE_SIZE,
        setup={name: fields(results[name]) for name in ("config", "hyperparameters", "versions", "machine")},
    )
    write_atomically(path, text)


def _title(config: Mapping[str, Any]) -> str:
    """Returns the title of the page: the system, the tangrams without their folders, and the seed."""
    kind, _, path = config["tangrams"].partition(":")
    tangrams = f"{kind} ({Path(path).name})" if path else kind
    return f"{config['learner']['name']} on {tangrams}, seed {config['seed']}"


def _confusion(rounds: Sequence[Mapping[str, Any]]) -> Sheet:
    """Returns a table of true and decoded values, over all rounds."""
    counts = np.sum([measured["decoder"]["confusion"] for measured in rounds], axis=0)
    return confusion_sheet("Actions that were replied to, in all rounds", Confusion(counts).by_truth())


def _chosen_games(
    store: InteractionStore, config: Mapping[str, Any], last_round: int
) -> Iterator[tuple[str, Interaction, list[Feedback]]]:
    """Yields the first won and the first lost game of the first and the last round, with a title and the feedback."""
    system, decoder = config["learner"]["name"], config["decoder"]
    for round in sorted({0, last_round}):
        games = list(zip(store.interactions(system, round), store.feedback(decoder, system, round), strict=True))
        for outcome, success in (("won", True), ("lost", False)):
            chosen = next(((game, feedback) for game, feedback in games if game.success is success), None)
            if chosen is not None:
                yield f"Round {round}: a game that was {outcome}", *chosen


def _paths(game: Interaction, tangrams: TangramSet) -> list[str]:
    """Returns the outlines of the tangrams in the listener's order."""
    return [svg_path(tangrams[name], SILHOUETTE_SIZE) for name in game.context.listener_order]


def _replayed(game: Interaction, feedback: Sequence[Feedback]) -> list[ReplayedTurn]:
    """Returns the turns, each with the reply to its action."""
    replies = [*(turn.utterance for turn in game.turns[1:]), game.closing]
    return [
        ReplayedTurn(turn.action, selected, ground_truth(turn.action, game.targets), reply, decoded)
        for turn, selected, reply, decoded in zip_longest(game.turns, game.selections[1:], replies, feedback)
    ]
