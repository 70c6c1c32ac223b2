"""What a run of RESPECT shows: its curves as a picture and a page to read, with some games replayed.

Targets and true values appear in the page, as it is an evaluation; no learning saw them.
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
"""Of the learner and of CONTROL: to be told apart without colours too."""
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
"""The headings of a run's table; all but CONTROL's success is of the learner."""
PANELS = {
    "success": "Games won",
    "turns": "Turns a game (fewer is better)",
    "click_accuracy": "Clicks that were right",
}

SILHOUETTE_SIZE = 100
"""The side of a tangram on a board, in the units of the board's SVG."""


@dataclass(frozen=True, slots=True)
class ReplayedTurn:
    """An action as the page shows it, with the reply that decided what the decoder made of it.

    Attributes:
        action: The clicks.
        selected: The positions selected after them.
        truth: What the action was worth by the targets.
        reply: The speaker's next words; after the last action its closing remark, which may be "".
        decoded: What the decoder made of the action; None after the last one, as the game is over.
    """

    action: Action
    selected: frozenset[int]
    truth: Feedback
    reply: str
    decoded: Feedback | None


def table_row(measured: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the measures of one round as texts, in the order of `COLUMNS`; intervals are in whole percent."""
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
        results: What `results.json` holds.
        path: The PNG file; it is there whole or not at all.

    Returns:
        What the file holds.
    """
    curves = curves_png(results)
    write_atomically(path, curves)
    return curves


def curves_png(results: Mapping[str, Any], narrow: bool = False) -> bytes:
    """Returns the picture of `draw_curves`.

    Args:
        results: What `results.json` holds.
        narrow: Whether the panels stand below each other, to be read on a phone.
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
    """Whether the games were played by whoever came to a server: people, or a simulated crowd."""
    return results.get("deployed_to") == "people"


def write_report(
    results: Mapping[str, Any], curves: bytes, store: InteractionStore, tangrams: TangramSet, path: Path
) -> None:
    """Writes a page with the configuration, the measures, the curves and some games of the first and last round.

    Args:
        results: What `results.json` holds.
        curves: What `draw_curves` returns.
        store: The run's interactions and feedback.
        tangrams: The set that the games were played with.
        path: The HTML file; it is there whole or not at all.
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
    """Returns what the page is called: the system, the tangrams without their folders, and the seed."""
    kind, _, path = config["tangrams"].partition(":")
    tangrams = f"{kind} ({Path(path).name})" if path else kind
    return f"{config['learner']['name']} on {tangrams}, seed {config['seed']}"


def _confusion(rounds: Sequence[Mapping[str, Any]]) -> Sheet:
    """Returns how often each true value was decoded as each, over all rounds."""
    counts = np.sum([measured["decoder"]["confusion"] for measured in rounds], axis=0)
    return confusion_sheet("Actions that were replied to, in all rounds", Confusion(counts).by_truth())


def _chosen_games(
    store: InteractionStore, config: Mapping[str, Any], last_round: int
) -> Iterator[tuple[str, Interaction, list[Feedback]]]:
    """Yields of the first and of the last round the first game that was won and the first that was lost."""
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
