"""What a run of RESPECT shows: its curves as a picture and a page to read, with some games replayed.

The page is one file without scripts or links, so that it can be sent around and opened anywhere. Targets and true
values appear in it, as it is an evaluation; no learning saw them.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import zip_longest
from pathlib import Path
from string import Template
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from PIL import Image

from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.files import write_atomically
from multiref_gym.game import LETTERS, MAX_TURNS, Action
from multiref_gym.interaction import Interaction
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

SILHOUETTE_SIZE = 96
PAGE = Path(__file__).with_name("report.html")


def table_row(measured: Mapping[str, Any]) -> tuple[str, ...]:
    """Returns the measures of one round as texts, in the order of `COLUMNS`; intervals are in whole percent."""
    (learner, control), decoder = measured["systems"].values(), measured["decoder"]
    return (
        str(measured["round"]),
        str(measured["examples"]),
        _percent(learner["success"]),
        _percent(control["success"]),
        f"{learner['turns']['mean']:.1f}",
        f"{learner['click_accuracy']['mean']:.1%}",
        f"{decoder['accuracy']:.1%}",
        f"{decoder['positive_precision']:.1%}",
    )


def _percent(estimate: Mapping[str, float]) -> str:
    return f"{estimate['mean']:.1%} ({100 * estimate['low']:.0f}–{100 * estimate['high']:.0f})"


def draw_curves(results: Mapping[str, Any], path: Path) -> None:
    """Draws success, turns a game and click accuracy by round, with 95 % intervals.

    Args:
        results: What `respect.results` returns.
        path: The PNG file; it is there whole or not at all.
    """
    write_atomically(path, _curves_png(results))


def _curves_png(results: Mapping[str, Any]) -> bytes:
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    panels = figure.subplot_mosaic([["success", "turns"], ["success", "click_accuracy"]], width_ratios=[1.9, 1])
    for measure, title in (
        ("success", "Games won"),
        ("turns", "Turns a game (fewer is better)"),
        ("click_accuracy", "Clicks that were right"),
    ):
        _draw_measure(panels[measure], results["rounds"], measure)
        panels[measure].set_title(title, loc="left", fontsize=10)
    panels["success"].set_ylim(0, 1)
    panels["click_accuracy"].set_ylim(0, 1)
    panels["turns"].set_ylim(0, MAX_TURNS + 0.5)
    panels["success"].set_xlabel("round of deployment and learning")
    panels["click_accuracy"].set_xlabel("round")
    panels["success"].legend(loc="upper left", frameon=False, fontsize=9)
    config = results["config"]
    figure.suptitle(
        f"Simulated speakers, {config['games']} games a round, seed {config['seed']}; bands: 95 % intervals",
        fontsize=10,
        color="#555555",
    )
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=150)
    return png.getvalue()


def _draw_measure(axes: Axes, rounds: Sequence[Mapping[str, Any]], measure: str) -> None:
    numbers = [measured["round"] for measured in rounds]
    for system, (dashes, colour, meaning) in zip(rounds[0]["systems"], STYLES, strict=True):
        estimates = [measured["systems"][system][measure] for measured in rounds]
        mean, low, high = ([estimate[part] for estimate in estimates] for part in ("mean", "low", "high"))
        axes.fill_between(numbers, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(numbers, mean, dashes, marker="o", markersize=4, color=colour, label=f"{system}, {meaning}")
    finish_axes(axes, percent=measure != "turns")


def finish_axes(axes: Axes, percent: bool) -> None:
    """Gives a panel of something by round its ticks, its grid and no frame."""
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if percent:
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    else:
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def write_report(results: Mapping[str, Any], store: InteractionStore, tangrams: TangramSet, path: Path) -> None:
    """Writes a page with the configuration, the measures, the curves and some games of the first and last round.

    Args:
        results: What `respect.results` returns.
        store: The run's interactions and feedback.
        tangrams: The set that the games were played with.
        path: The HTML file; it is there whole or not at all.
    """
    atlas = Atlas(tangrams, SILHOUETTE_SIZE)
    games = [
        _replayed(title, game, feedback, atlas)
        for title, game, feedback in _chosen_games(store, results["config"], results["rounds"][-1]["round"])
    ]
    page = Template(PAGE.read_text(encoding="utf-8")).substitute(
        curves=data_uri(_curves_png(results)),
        heading="".join(f"<th>{escape(column)}</th>" for column in COLUMNS),
        rows="\n".join(
            "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in table_row(measured)) + "</tr>"
            for measured in results["rounds"]
        ),
        games="\n".join(games),
        setup="\n".join(
            f"<h3>{escape(name)}</h3><dl>{definitions(results[name])}</dl>"
            for name in ("config", "hyperparameters", "versions", "machine")
        ),
    )
    write_atomically(path, page)


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


_GAME = Template("""\
<article>
<h3>$title</h3>
<p class="note">$game_id · $speaker (simulated) · the board as the listener saw it after the last turn</p>
<div class="board">$cells</div>
<ol>
$turns
</ol>
$closing</article>""")

_CELL = Template("""\
<figure class="$marks"><figcaption>$letter$target</figcaption><img src="$image" alt="$name"></figure>""")

_TURN = Template("""\
<li><q>$utterance</q> <span class="action">$action</span> $decoded $true</li>""")


def _replayed(title: str, game: Interaction, feedback: Sequence[Feedback], atlas: Atlas) -> str:
    names, selected = game.context.listener_order, game.selections[-1]
    cells = [
        _CELL.substitute(
            marks="selected" if position in selected else "",
            letter=LETTERS[position],
            target=' <span class="target" title="a target">◎</span>' if position in game.targets else "",
            image=_png(silhouette),
            name=escape(names[position]),
        )
        for position, silhouette in enumerate(atlas.silhouettes(names))
    ]
    turns = [
        _TURN.substitute(
            utterance=escape(turn.utterance),
            action=escape(_told(turn.action)),
            decoded='<span class="note">no reply, so no feedback</span>' if value is None else _chip("decoded", value),
            true=_chip("true", ground_truth(turn.action, game.targets)),
        )
        for turn, value in zip_longest(game.turns, feedback)
    ]
    return _GAME.substitute(
        title=escape(title),
        game_id=escape(game.game_id),
        speaker=escape(game.speaker),
        cells="\n".join(cells),
        turns="\n".join(turns),
        closing=f"<p>At the end: <q>{escape(game.closing)}</q></p>\n" if game.closing else "",
    )


def _told(action: Action) -> str:
    return str(action) or "no click"


def _chip(kind: str, value: Feedback) -> str:
    return f'<span class="chip {kind} {value.name.lower()}">{kind}: {value.name.lower()}</span>'


def definitions(values: Mapping[str, Any], prefix: str = "") -> str:
    """Returns in HTML the items of a description list; nested names are joined by dots."""
    return "".join(
        definitions(value, f"{prefix}{name}.")
        if isinstance(value, Mapping)
        else f"<dt>{escape(prefix + name)}</dt><dd>{escape(str(value))}</dd>"
        for name, value in values.items()
    )


def _png(silhouette: Any) -> str:
    png = io.BytesIO()
    Image.fromarray(silhouette).save(png, "PNG", optimize=True)
    return data_uri(png.getvalue())


def data_uri(png: bytes) -> str:
    """Returns a picture as a link that holds it."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
