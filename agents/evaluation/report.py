"""What a run of RESPECT shows: its curves as a picture and a page to read, with some games replayed.

Targets and true values appear in the page, as it is an evaluation; no learning saw them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from multiref_gym.agents.evaluation.pages import page
from multiref_gym.agents.evaluation.pictures import draw_band, finish_axes, noted_png
from multiref_gym.agents.evaluation.tables import Sheet, percent, share
from multiref_gym.agents.learning.run_folder import fields
from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.files import write_atomically
from multiref_gym.game import LETTERS
from multiref_gym.interaction import Interaction
from multiref_gym.png import data_url, png
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import Atlas, TangramSet

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

SILHOUETTE_SIZE = 96


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
    panels["success"].set_xlabel("round of deployment and learning")
    panels["click_accuracy"].set_xlabel("round")
    panels["success"].legend(loc="upper left", frameon=False, fontsize=9)
    config = results["config"]
    who = "Speakers over the network" if played_over_network(results) else "Simulated speakers"
    note = f"{who}, {config['games']} games a round, seed {config['seed']}; bands: 95 % intervals"
    curves = noted_png(figure, note)
    write_atomically(path, curves)
    return curves


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
    atlas = Atlas(tangrams, SILHOUETTE_SIZE)
    chosen = _chosen_games(store, results["config"], results["rounds"][-1]["round"])
    text = page(
        "report.html",
        over_network=played_over_network(results),
        curves=data_url(curves),
        measures=Sheet("", COLUMNS, [table_row(measured) for measured in results["rounds"]]),
        games=[(title, game, *_replayed(game, feedback, atlas)) for title, game, feedback in chosen],
        letters=LETTERS,
        setup={name: fields(results[name]) for name in ("config", "hyperparameters", "versions", "machine")},
    )
    write_atomically(path, text)


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


def _replayed(game: Interaction, feedback: Sequence[Feedback], atlas: Atlas) -> tuple[dict[str, str], list[Any]]:
    """Returns the pictures of the tangrams by name, and the turns with their decoded and their true feedback."""
    names = game.context.listener_order
    pictures = [data_url(png(Image.fromarray(silhouette))) for silhouette in atlas.silhouettes(names)]
    truth = [ground_truth(turn.action, game.targets) for turn in game.turns]
    return dict(zip(names, pictures, strict=True)), list(zip_longest(game.turns, feedback, truth))
