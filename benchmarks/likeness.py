"""How similar are simulated speakers' games to people's?

    multiref bench likeness --games SIMULATED.jsonl --human HUMAN.jsonl [--other MORE_HUMAN.jsonl]

There are two answers. The first is the number of statistics of the simulated games that lie within the human interval:
the 95 % bootstrap interval of the human games or, with a second human file, the range of both files' intervals. The
bootstrap draws speakers, since the games of one are similar; it draws games if the file names fewer than two speakers.

The second is how often a classifier recognises a reply as simulated or human without knowing the tangrams: words that
describe a tangram are masked. An accuracy of 0.5 is chance, so the replies would be perfect; the accuracy for people
against people, with speakers divided at random, is the best that can be expected. The features of a reply are its word
n-grams, its length, its turn, the clicks before it, and how the reply and the clicks go together; no speaker is in both
the training and the test part. Success, clicks and right actions depend on the listener as much as on the speaker, so
the simulated games should have a listener as good as the people's. Abandoned games are left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from multiref_gym.agents.evaluation.dialogue_statistics import Interval, compare, praise_rates, units_of
from multiref_gym.agents.evaluation.reply_classifier import people_apart, replies_of, tell_apart
from multiref_gym.agents.evaluation.tables import Sheet, apart, percent, share
from multiref_gym.commands.options import FiguresOptions, Natural
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.formats import read_games
from multiref_gym.interaction import Interaction


def evaluate(
    simulated: Sequence[Interaction], human: Sequence[Sequence[Interaction]], rng: np.random.Generator
) -> dict[str, Any]:
    """Returns all figures.

    Args:
        simulated: The simulated games, one or more. At most as many as in the first human file are used, drawn at
            random: in a longer text, fewer of the words are distinct.
        human: The human games, file by file, one or more in each.
        rng: The random generator.

    Raises:
        UserError: If there are too few replies or speakers for the classifier, or scikit-learn is missing.
    """
    size = min(len(simulated), len(human[0]))
    simulated = [simulated[i] for i in np.sort(rng.choice(len(simulated), size, replace=False))]
    units = [units_of(games) for games in (simulated, *human)]
    compared = compare(units[0], units[1:], rng)
    human_replies = replies_of(human)
    return {
        "games": [len(games) for games in (simulated, *human)],
        "resampled": [f"{len(sample)} {'speakers' if sample[0].speaker else 'games'}" for sample in units],
        "statistics": compared,
        "inside": sum(statistic["inside"] for statistic in compared.values()),
        "praise_rates": [praise_rates(sample) for sample in units],
        "classifier": {
            **tell_apart(replies_of([simulated]), human_replies, rng),
            "people_against_people": people_apart(human_replies, rng),
        },
    }


def show(results: dict[str, Any], screen: Screen) -> None:
    """Prints the figures as tables."""

    def parts(values: Iterable[float]) -> str:
        return " / ".join("-" if math.isnan(value) else f"{value:.{1 if value > 2 else 2}f}" for value in values)

    def spans(intervals: Iterable[Interval]) -> str:
        return " / ".join("–".join(parts([end]) for end in interval) for interval in intervals)

    rows = [
        [
            name,
            parts(row["simulated"]),
            spans(row["simulated_interval"]),
            *(parts(values) for values in row["human"]),
            spans(row["human_interval"]),
            "yes" if row["inside"] else "no",
        ]
        for name, row in results["statistics"].items()
    ]
    sizes = ", ".join(
        f"{file}: {games} games, {drawn}"
        for file, games, drawn in zip(results["files"], results["games"], results["resampled"], strict=True)
    )
    heads = ["", "simulated", "its interval", *results["files"][1:], "human interval", "inside"]
    note = f"95 % bootstrap intervals over speakers or games. {sizes}"
    screen.show(Sheet("", heads, rows, note))

    classifier = results["classifier"]
    rows = [
        [
            cell
            for row in pair
            for cell in (row["feature"], f"{row['weight']:+.2f}", share(row["simulated"]), share(row["human"]))
        ]
        for pair in zip(*classifier["giveaways"].values(), strict=True)
    ]
    heads = ["typical of simulated", "weight", "sim.", "human", "typical of human", "weight", "sim.", "human"]
    note = "The fraction of replies that have a feature, content words masked as _; ^ is the beginning"
    screen.show(Sheet("", heads, rows, note))
    accuracy = percent(apart(classifier["accuracy"], classifier["interval"]), 1, "%", 1)
    screen.show(
        f"inside the human interval: [bold]{results['inside']} of {len(results['statistics'])}[/]\n"
        f"simulated or human, {classifier['replies']} replies: [bold]{accuracy}[/] classified correctly; "
        f"people against people {classifier['people_against_people']:.1%}"
    )


@dataclass(frozen=True, kw_only=True)
class Likeness(FiguresOptions):
    """How similar are simulated speakers' games to people's?

    Attributes:
        games: Simulated games, one JSON object a line.
        human: Games of people.
        other: Games of other people, to widen the human interval.
        seed: Seeds all randomness.
    """

    games: Path
    human: Path
    other: Path | None = None
    seed: Natural = 0

    def run(self, screen: Screen) -> None:
        """Prints the figures and writes them.

        Raises:
            UserError: If a file has no games or a bad one, there are too few replies or speakers for the classifier, or
                scikit-learn is missing.
        """
        paths = [path for path in (self.games, self.human, self.other) if path]
        simulated, *human = (_finished(path) for path in paths)
        results = evaluate(simulated, human, np.random.default_rng(self.seed))
        results |= {"files": [path.name for path in paths], "seed": self.seed}
        as_json = json.loads(json.dumps(results), parse_constant=lambda nan: None)  # JSON cannot hold NaN
        self.write(as_json, "scikit-learn")
        show(results, screen)


def _finished(path: Path) -> list[Interaction]:
    """Returns the games of a file that were not abandoned."""
    games = [logged.interaction for logged in read_games(path)[0] if not logged.abandoned]
    if not games:
        raise UserError(f"{path}: all games were abandoned")
    return games
