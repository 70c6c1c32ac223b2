"""Statistics of the dialogues in games: utterances, actions, and how the two go together.

The 95 % intervals are bootstrap intervals. The bootstrap draws speakers with replacement, because one speaker's games
are alike; it draws games if fewer than two speakers are named.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiref_gym.agents.evaluation.intervals import interval
from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.interaction import Interaction

RESAMPLES = 1000
"""Fewer than elsewhere, because each resample measures all games again."""
ROUNDING = 1e-9
"""The rounding of floating-point numbers can put a value this far outside an interval."""


def _any_of(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(words.split())})\b", re.IGNORECASE)


NEGATIVE = _any_of("""
    no not nope don'?t wrong incorrect mistake error instead undo cancel remove delete
    un-?select de-?select unclick
""")
PRAISE = _any_of("""
    yes yep yeah ok okay right correct exactly good great nice perfect cool awesome thanks thank
""")
NEXT = _any_of("first next now then another last final")
LAST = _any_of("last final")
ANNOUNCEMENT = re.compile(rf"{_any_of('total').pattern}|\bthere are\b|\b[3-5] (?:images|shapes|sets)\b", re.IGNORECASE)
# As loose as the pattern by which people's undo turns were counted: a short "now the house" matches as well.
UNDO_ONLY = re.compile(
    r"\W*(?:undo|no|not that|wrong|incorrect|that'?s wrong|deselect|remove|delete)[^,]{0,25}", re.IGNORECASE
)
OPENING = 4
"""The number of words in the opening of a reply."""

DISTINCT_WORDS = "distinct words per 1000"

TURN = np.dtype([
    ("length", int),  # in words, separated by spaces
    ("selects", int),
    ("deselects", int),
    ("truth", int),
    ("undo_only", bool),
    ("answered", bool),  # the next fields describe the reply, and are zero if there is none
    ("praised", bool),  # in the opening, like the next two
    ("opens_negative", bool),
    ("opens_next", bool),
    ("negative", bool),
    ("overlap", float),
])  # fmt: skip
GAME = np.dtype([("success", bool), ("turns", int), ("announces", bool), ("says_last", bool)])


@dataclass(frozen=True)
class Unit:
    """A unit that the bootstrap draws: all games of one speaker, or one game if speakers are unknown.

    Attributes:
        speaker: The speaker's name; "" if unknown.
        turns: A `TURN` for each turn.
        games: A `GAME` for each game.
        words: The distinct words of the utterances, in lower case.
        word_count: The number of words in the utterances.
    """

    speaker: str
    turns: np.ndarray
    games: np.ndarray
    words: frozenset[str]
    word_count: int

    @property
    def praise_rate(self) -> float:
        """The fraction of good actions whose reply opens with praise; NaN if there are none or no speaker is named."""
        good = self.turns[self.turns["answered"] & (self.turns["truth"] == Feedback.POSITIVE)]
        return _mean(good["praised"]) if self.speaker else math.nan


def words_of(text: str) -> list[str]:
    """Returns the words of a text in lower case, without punctuation but with their apostrophes."""
    return re.findall(r"[a-z0-9']+", text.lower())


def overlap(utterance: str, reply: str) -> float:
    """Returns the fraction of the words in two texts that are in both (Jaccard); 0 if there are no words."""
    one, other = set(words_of(utterance)), set(words_of(reply))
    return len(one & other) / max(1, len(one | other))


def units_of(interactions: Sequence[Interaction]) -> list[Unit]:
    """Measures one or more games: a unit for each speaker if at least two are named, otherwise one for each game."""
    by_speaker = defaultdict[str, list[Interaction]](list)
    for interaction in interactions:
        by_speaker[interaction.speaker].append(interaction)
    if len(by_speaker.keys() - {""}) < 2:
        return [_unit("", [interaction]) for interaction in interactions]
    return [_unit(speaker, games) for speaker, games in by_speaker.items()]


def _unit(speaker: str, games: Sequence[Interaction]) -> Unit:
    turns = np.array([row for game in games for row in _turns(game)], TURN)
    chats = [[turn.utterance for turn in game.turns] for game in games]
    rows = [
        (game.success, len(chat), bool(ANNOUNCEMENT.search(chat[0])), any(map(LAST.search, chat)))
        for game, chat in zip(games, chats, strict=True)
    ]
    words = [word for chat in chats for utterance in chat for word in words_of(utterance)]
    return Unit(speaker, turns, np.array(rows, GAME), frozenset(words), len(words))


def _turns(game: Interaction) -> Iterable[tuple[Any, ...]]:
    replies = [*(turn.utterance for turn in game.turns[1:]), None]
    for turn, reply in zip(game.turns, replies, strict=True):
        action, utterance = turn.action, turn.utterance
        opening = " ".join((reply or "").split()[:OPENING])
        yield (
            len(utterance.split()),
            len(action.select),
            len(action.deselect),
            ground_truth(action, game.targets),
            bool(UNDO_ONLY.fullmatch(utterance)),
            reply is not None,
            *(bool(pattern.search(opening)) for pattern in (PRAISE, NEGATIVE, NEXT)),
            bool(NEGATIVE.search(reply or "")),
            overlap(utterance, reply or ""),
        )


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if values.size else math.nan


def statistics(units: Sequence[Unit]) -> dict[str, list[float]]:
    """Returns the values of each statistic, by its name; NaN if there is nothing to measure.

    A unit may be given more than once, because the bootstrap draws with replacement.
    """
    turns, games = (np.concatenate([getattr(unit, name) for unit in units]) for name in ("turns", "games"))
    good, mixed, bad = (
        turns[turns["answered"] & (turns["truth"] == truth)]
        for truth in (Feedback.POSITIVE, Feedback.NEUTRAL, Feedback.NEGATIVE)
    )
    word_count = sum(unit.word_count for unit in units)
    distinct = len(frozenset[str]().union(*(unit.words for unit in units)))
    clicks = [(turns["selects"] == selects) & (turns["deselects"] == deselects) for selects, deselects in CLICKS]
    praise = np.array([unit.praise_rate for unit in units])
    praise = praise[~np.isnan(praise)]
    return {
        "success": [_mean(games["success"])],
        "turns per game": [_mean(games["turns"])],
        "words per utterance": [_mean(turns["length"])],
        "words per utterance: quartiles": np.quantile(turns["length"], [0.25, 0.5, 0.75], method="weibull").tolist(),
        DISTINCT_WORDS: [1000 * distinct / max(1, word_count)],
        "good action: reply opens with praise": [_mean(good["praised"])],
        "good action: reply has no marker": [_mean(~good["praised"] & ~good["negative"])],
        "good action: reply opens negative": [_mean(good["opens_negative"])],
        "good action: reply opens with 'next', 'now', ...": [_mean(good["opens_next"])],
        "mixed action: reply is negative": [_mean(mixed["negative"])],
        "bad action: reply is negative": [_mean(bad["negative"])],
        "bad action: words in common with the reply": [_mean(bad["overlap"])],
        "speakers who praise below 0.2 / above 0.6": [_mean(praise < 0.2), _mean(praise > 0.6)],
        "turns that only undo": [_mean(turns["undo_only"])],
        "games that announce how many": [_mean(games["announces"])],
        "games with 'last' or 'final'": [_mean(games["says_last"])],
        "one select / swap / one deselect": [_mean(kind) for kind in clicks],
        "good / mixed / bad actions": [_mean(turns["truth"] == truth) for truth in (1, 0, -1)],
    }


CLICKS = ((1, 0), (1, 1), (0, 1))
"""The usual clicks of a turn: the numbers of selections and of deselections."""


def praise_rates(units: Sequence[Unit]) -> list[float]:
    """Returns the fraction of good actions that each speaker praises, sorted."""
    return sorted(unit.praise_rate for unit in units if not math.isnan(unit.praise_rate))


Interval = tuple[float, float]


def intervals(units: Sequence[Unit], rng: np.random.Generator) -> dict[str, list[Interval]]:
    """Returns the 95 % bootstrap intervals of each statistic; the bootstrap draws units."""
    values = statistics(units)
    distinct = list(chain.from_iterable([name] * len(value) for name, value in values.items())).index(DISTINCT_WORDS)

    def drawn(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        samples = (statistics([units[i] for i in row]) for row in rows)
        found = np.array([list(chain.from_iterable(sample.values())) for sample in samples]).T
        # A unit that is drawn twice adds no new words the second time, so every resample has too few distinct words.
        found[distinct] += values[DISTINCT_WORDS] - found[distinct].mean()
        return found

    ends = zip(*(end.tolist() for end in interval(drawn, [len(units)], rng, RESAMPLES)), strict=True)
    return {name: list(islice(ends, len(value))) for name, value in values.items()}


def compare(
    simulated: Sequence[Unit], human: Sequence[Sequence[Unit]], rng: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """Returns each statistic of the simulated and the human games, and whether the simulated value is human-like.

    Args:
        simulated: The simulated games.
        human: The human games, file by file.
        rng: Draws the resamples.

    Returns:
        For each statistic, the values of both (`simulated`, and `human` for each file) and their intervals;
        `human_interval` spans the intervals of all files, and `inside` says whether the simulated values lie in it.
    """
    columns = [(statistics(units), intervals(units, rng)) for units in (simulated, *human)]
    results = {}
    for name, value in columns[0][0].items():
        people = [spans[name] for _, spans in columns[1:]]
        allowed = [(min(span[i][0] for span in people), max(span[i][1] for span in people)) for i in range(len(value))]
        results[name] = {
            "simulated": value,
            "simulated_interval": columns[0][1][name],
            "human": [values[name] for values, _ in columns[1:]],
            "human_interval": allowed,
            "inside": all(
                low - ROUNDING <= part <= high + ROUNDING for part, (low, high) in zip(value, allowed, strict=True)
            ),
        }
    return results
