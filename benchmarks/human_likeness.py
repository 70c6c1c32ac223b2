"""How like people's are the games of a simulated speaker?

    python -m benchmarks.human_likeness --games SIMULATED.jsonl --human HUMAN.jsonl [--other MORE_HUMAN.jsonl]

Two answers. The first is how many statistics of the simulated games lie within the human interval: the 95 % bootstrap
interval of the human games or, with a second human file, the range that both files' intervals span. Speakers are what
is drawn with replacement, since the games of one are alike; games are where the file names fewer than two speakers.

The second is how well a classifier tells simulated from human replies when it knows nothing of the tangrams: the words
that say what a tangram looks like are masked. 0.5 is chance, and so perfect; that of people against people, speakers
halved at random, says what is to be had. A reply is its word n-grams, how long it is, which turn it is, what was
clicked before it and how the two go together; a speaker is never in both the part that is learned from and the part
that is judged. Success, clicks and truth of the actions are the listener's doing as much as the speaker's, so the
games should be those of a listener as good as the people's.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from multiref_gym.commands.options import check_writable, natural
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback, ground_truth
from multiref_gym.interaction import Interaction, read_jsonl
from multiref_gym.provenance import provenance

RESAMPLES = 1000
ROUNDING = 1e-9
"""What a value may lie outside an interval by the rounding of floating-point numbers alone."""
FOLDS = 10
HALVINGS = 10
"""How many times the human speakers are halved to tell people from people."""
SHOWN = 15
"""How many features of each side are listed."""


# Statistics -----------------------------------------------------------------------------------------------------------


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
# As loose as the count that is known of people: a short "now the house" passes as well.
UNDO_ONLY = re.compile(
    r"\W*(?:undo|no|not that|wrong|incorrect|that'?s wrong|deselect|remove|delete)[^,]{0,25}", re.IGNORECASE
)
OPENING = 4
"""How many words of a reply are its opening."""

DISTINCT_WORDS = "distinct words per 1000"

TURN = np.dtype([
    ("length", int),  # in words, apart by spaces
    ("selects", int),
    ("deselects", int),
    ("truth", int),
    ("undo_only", bool),
    ("answered", bool),  # what follows is of the reply, and zero where there is none
    ("praised", bool),  # in the opening, as the next two
    ("opens_negative", bool),
    ("opens_next", bool),
    ("negative", bool),
    ("overlap", float),
])  # fmt: skip
GAME = np.dtype([("success", bool), ("turns", int), ("announces", bool), ("says_last", bool)])


@dataclass(frozen=True)
class Unit:
    """What the bootstrap draws: the games of one speaker, or one game of nobody in particular.

    Attributes:
        speaker: Who spoke, "" if unknown.
        turns: One `TURN` a turn.
        games: One `GAME` a game.
        words: The words said, in lower case.
        said: How many words were said.
    """

    speaker: str
    turns: np.ndarray
    games: np.ndarray
    words: frozenset[str]
    said: int

    @property
    def praise_rate(self) -> float:
        """How often the reply to a good action opens with praise; NaN where nobody can be said to have a habit."""
        good = self.turns[self.turns["answered"] & (self.turns["truth"] == Feedback.POSITIVE)]
        return _mean(good["praised"]) if self.speaker else math.nan


def words_of(text: str) -> list[str]:
    """Returns the words in lower case, without punctuation."""
    return re.findall(r"[a-z0-9']+", text.lower())


def overlap(utterance: str, reply: str) -> float:
    """Returns the share of the words of two texts that both hold (Jaccard), 0 if there are none."""
    said, answered = set(words_of(utterance)), set(words_of(reply))
    return len(said & answered) / max(1, len(said | answered))


def units_of(interactions: Sequence[Interaction]) -> list[Unit]:
    """Measures games, one or more: by speaker if they name at least two, and game by game otherwise."""
    by_speaker = defaultdict[str, list[Interaction]](list)
    for interaction in interactions:
        by_speaker[interaction.speaker].append(interaction)
    if len(by_speaker.keys() - {""}) < 2:
        return [_unit("", [interaction]) for interaction in interactions]
    return [_unit(speaker, games) for speaker, games in by_speaker.items()]


def _unit(speaker: str, games: Sequence[Interaction]) -> Unit:
    turns = np.array([row for game in games for row in _turns(game)], TURN)
    words = [word for game in games for turn in game.turns for word in words_of(turn.utterance)]
    return Unit(speaker, turns, np.array([_game(game) for game in games], GAME), frozenset(words), len(words))


def _game(game: Interaction) -> tuple[Any, ...]:
    chat = [turn.utterance for turn in game.turns]
    announces = bool(ANNOUNCEMENT.search(chat[0]))
    return game.success, len(chat), announces, any(LAST.search(utterance) for utterance in chat)


def _turns(game: Interaction) -> Iterable[tuple[Any, ...]]:
    replies = [*(turn.utterance for turn in game.turns[1:]), None]
    for turn, reply in zip(game.turns, replies, strict=True):
        action, said = turn.action, turn.utterance
        opening = " ".join((reply or "").split()[:OPENING])
        yield (
            len(said.split()),
            len(action.select),
            len(action.deselect),
            ground_truth(action, game.targets),
            bool(UNDO_ONLY.fullmatch(said)),
            reply is not None,
            *(bool(pattern.search(opening)) for pattern in (PRAISE, NEGATIVE, NEXT)),
            bool(NEGATIVE.search(reply or "")),
            overlap(said, reply or ""),
        )


def _mean(values: np.ndarray) -> float:
    return float(np.mean(values)) if values.size else math.nan


def statistics(units: Sequence[Unit]) -> dict[str, list[float]]:
    """Returns every statistic by its name, NaN where nothing can be said.

    A unit may come more than once, as the bootstrap draws it.
    """
    turns, games = (np.concatenate([getattr(unit, name) for unit in units]) for name in ("turns", "games"))
    good, mixed, bad = (
        turns[turns["answered"] & (turns["truth"] == truth)]
        for truth in (Feedback.POSITIVE, Feedback.NEUTRAL, Feedback.NEGATIVE)
    )
    said = sum(unit.said for unit in units)
    distinct = len(frozenset[str]().union(*(unit.words for unit in units)))
    clicks = [(turns["selects"] == selects) & (turns["deselects"] == deselects) for selects, deselects in CLICKS]
    praise = np.array([unit.praise_rate for unit in units])
    praise = praise[~np.isnan(praise)]
    return {
        "success": [_mean(games["success"])],
        "turns per game": [_mean(games["turns"])],
        "words per utterance": [_mean(turns["length"])],
        "words per utterance: quartiles": np.quantile(turns["length"], [0.25, 0.5, 0.75], method="weibull").tolist(),
        DISTINCT_WORDS: [1000 * distinct / max(1, said)],
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
"""The usual clicks of a turn: how many are selected and how many deselected."""


def praise_rates(units: Sequence[Unit]) -> list[float]:
    """Returns how often each speaker praises a good action, sorted."""
    return sorted(unit.praise_rate for unit in units if not math.isnan(unit.praise_rate))


Interval = tuple[float, float]


def intervals(units: Sequence[Unit], rng: np.random.Generator) -> dict[str, list[Interval]]:
    """Returns the 95 % bootstrap intervals of every statistic, drawing units with replacement."""
    drawn = [statistics([units[i] for i in rng.integers(len(units), size=len(units))]) for _ in range(RESAMPLES)]
    values = statistics(units)
    return {name: _interval(name, np.array([sample[name] for sample in drawn]), values[name]) for name in values}


def _interval(name: str, drawn: np.ndarray, value: list[float]) -> list[Interval]:
    if name == DISTINCT_WORDS:
        # Who is drawn twice brings no new word the second time, so every resample has too few.
        drawn = drawn - drawn.mean(axis=0) + value
    known = [column[~np.isnan(column)] for column in drawn.T]
    return [
        (float(np.quantile(column, 0.025)), float(np.quantile(column, 0.975))) if column.size else (math.nan, math.nan)
        for column in known
    ]


def compare(
    simulated: Sequence[Unit], human: Sequence[Sequence[Unit]], rng: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """Returns each statistic of the simulated and the human games, and whether the first lies within the second's.

    Args:
        simulated: The simulated games.
        human: The human games, file by file.
        rng: The source of the resamples.
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


# Classifier -----------------------------------------------------------------------------------------------------------

# What is not masked: the words that any description and any feedback is put together with. Where
# a part is ("left", "top") says what a tangram looks like, so it is masked; "right" is not, being praise.
FUNCTION_WORDS = """
    a an the this that that's thats these those it it's its he she they they're them his her their there there's here
    i i'm i'll i've me my we we're you you're your who which what where when how is isn't are aren't was wasn't were be
    am do does doesn't did didn't have has had can can't could couldn't will would should let's lets let and or but so
    if than then because as at by for from in into of off on onto out over under up down to toward towards with
    without like about between both all each every any some other another else one ones 1 2 3 4 5 two three four five
    first 1st second 2nd third 3rd fourth fifth last final total more most less same again still also too just only
    very really actually maybe kind sort almost next now before after
"""
FEEDBACK_WORDS = """
    yes yep yup yeah good great correct right perfect nice ok okay cool awesome exactly excellent brilliant thanks thank
    sure fine well done job no not nope don't dont nor wrong incorrect mistake error oops sorry close instead please
"""
COMMAND_WORDS = """
    pick picked click clicked select selected choose chose chosen find look looks looking try need needs want meant get
    rid see said go take keep leave undo remove delete deselect unselect unclick cancel un de put back
"""
KEPT = frozenset(f"{FUNCTION_WORDS} {FEEDBACK_WORDS} {COMMAND_WORDS}".split())
MASK = "_"
START = "^"
LENGTHS = (3, 6, 10, 15)
"""Where one class of reply lengths, in words, ends and the next begins."""
OVERLAPS = (0.01, 0.2, 0.5)
"""The same for the share of words in common with the utterance before."""


def masked(text: str) -> list[str]:
    """Returns the words and punctuation marks in lower case; a word that is not in `KEPT` is `_`."""
    tokens = re.findall(r"[a-z0-9']+|[.,;:!?]", text.lower().replace("’", "'"))
    return [token if token in KEPT or not token[0].isalnum() else MASK for token in tokens]


def features(number: int, exchange: Exchange, truth: Feedback) -> set[str]:
    """Returns what the classifier knows of a reply, by name.

    Args:
        number: The number of the turn that the reply opens, from 2 on.
        exchange: What was said and done.
        truth: The true value of the action, which a reply goes with or not.
    """
    tokens = [START, *masked(exchange.reply)]
    ngrams = {" ".join(tokens[i : i + n]) for n in (1, 2, 3) for i in range(len(tokens) + 1 - n)} - {START}
    action = exchange.action
    length, common = len(exchange.reply.split()), overlap(exchange.utterance, exchange.reply)
    quality = f"after a {('bad', 'mixed', 'good')[truth + 1]} action"
    return ngrams | {
        f"[turn {number}]",
        f"[{len(action.select)} selected, {len(action.deselect)} deselected]",
        f"[length class {np.digitize(length, LENGTHS)}]",
        f"[overlap class {np.digitize(common, OVERLAPS)}]",
        f"[capital letter: {exchange.reply[:1].isupper()}]",
        f"[{quality}]",
        f"[{quality}] {' '.join(tokens[1:2])}",
    }


@dataclass(frozen=True)
class Replies:
    """Replies of some speakers, one item each.

    Attributes:
        features: What is known of a reply.
        speakers: Who said it: the index of the file, and the speaker, or the game where the speaker has no name.
    """

    features: list[set[str]]
    speakers: list[tuple[int, str]]

    def __str__(self) -> str:
        """Returns how many there are."""
        return f"{len(self.features)} replies of {len(set(self.speakers))} speakers"

    @property
    def suffice(self) -> bool:
        """Whether there are enough to learn from some and judge others."""
        return len(self.features) >= FOLDS and len(set(self.speakers)) >= 2

    def of(self, chosen: Sequence[int]) -> Replies:
        """Returns the replies at these indices."""
        return Replies([self.features[i] for i in chosen], [self.speakers[i] for i in chosen])


def replies_of(files: Sequence[Sequence[Interaction]]) -> Replies:
    """Returns all replies of the games of one or several files."""
    replies = Replies([], [])
    for index, interactions in enumerate(files):
        for game in interactions:
            for number, exchange in enumerate(game.exchanges(), start=2):
                replies.features.append(features(number, exchange, ground_truth(exchange.action, game.targets)))
                replies.speakers.append((index, game.speaker or f"game {game.game_id}"))
    return replies


@dataclass(frozen=True)
class Judgement:
    """How well simulated and human replies are told apart.

    Attributes:
        simulated: The simulated replies that were judged.
        human: As many human ones.
        right: Whether each was judged right by a classifier that had not heard its speaker, the simulated first.
        weights: By feature, how much it speaks for a simulation, as learned from all replies.
    """

    simulated: Replies
    human: Replies
    right: np.ndarray
    weights: dict[str, float]

    @property
    def accuracy(self) -> float:
        """The share judged right."""
        return float(np.mean(self.right))

    def accuracy_interval(self, rng: np.random.Generator) -> Interval:
        """Returns the 95 % interval of the accuracy, drawing speakers of each side with replacement."""
        sides = np.split(self.right, [len(self.simulated.speakers)])
        drawn = [
            _drawn_mean(right, replies.speakers, rng)
            for right, replies in zip(sides, (self.simulated, self.human), strict=True)
        ]
        low, high = np.quantile(np.mean(drawn, axis=0), [0.025, 0.975])
        return float(low), float(high)

    def giveaways(self) -> dict[str, list[dict[str, Any]]]:
        """Returns the features that speak most for either side, with the share of the replies that have them."""

        def row(feature: str) -> dict[str, Any]:
            shares = {
                side: float(np.mean([feature in reply for reply in replies.features]))
                for side, replies in (("simulated", self.simulated), ("human", self.human))
            }
            return {"feature": feature, "weight": self.weights[feature], **shares}

        ranked = sorted(self.weights, key=lambda feature: (-self.weights[feature], feature))
        return {
            "simulated": [row(feature) for feature in ranked[:SHOWN]],
            "human": [row(feature) for feature in ranked[::-1][:SHOWN]],
        }


def _drawn_mean(right: np.ndarray, speakers: Sequence[Any], rng: np.random.Generator) -> np.ndarray:
    """Returns the share of right answers of each resample of speakers."""
    by_speaker = defaultdict[Any, list[bool]](list)
    for speaker, answer in zip(speakers, right.tolist(), strict=True):
        by_speaker[speaker].append(answer)
    hits, asked = np.array([[sum(answers), len(answers)] for answers in by_speaker.values()]).T
    drawn = rng.integers(len(hits), size=(RESAMPLES, len(hits)))
    share: np.ndarray = hits[drawn].sum(axis=1) / asked[drawn].sum(axis=1)
    return share


def tell_apart(simulated: Replies, human: Replies, rng: np.random.Generator) -> Judgement:
    """Trains a classifier on some speakers and judges the replies of the others, in turns.

    Of the side with more replies as many are drawn as the other has.

    Raises:
        UserError: If scikit-learn is missing, or a side has too few replies or speakers.
    """
    try:
        from sklearn.feature_extraction.text import CountVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
        from sklearn.pipeline import make_pipeline
    except ImportError as error:
        raise UserError("scikit-learn tells the replies apart: run `pip install multiref-gym[likeness]`") from error
    size = min(len(simulated.features), len(human.features))
    sides = [
        side.of(np.sort(rng.choice(len(side.features), size, replace=False)).tolist()) for side in (simulated, human)
    ]
    simulated, human = sides
    if not (simulated.suffice and human.suffice):
        raise UserError(
            f"too little to learn from with sides of one size: {simulated} simulated, {human} human; "
            f"allowed are {FOLDS} replies or more, of 2 speakers or more, on each side"
        )
    is_simulated = np.repeat([True, False], size)
    replies = [reply for side in sides for reply in side.features]
    groups = [f"{number} {speaker}" for number, side in enumerate(sides) for speaker in side.speakers]
    classifier = make_pipeline(
        CountVectorizer(analyzer=sorted, binary=True, min_df=2),
        LogisticRegression(class_weight="balanced", max_iter=1000),
    )
    fewest = min(len(set(side.speakers)) for side in sides)
    folds = StratifiedGroupKFold(min(FOLDS, fewest), shuffle=True, random_state=int(rng.integers(2**31)))
    judged = cross_val_predict(classifier, replies, is_simulated, groups=groups, cv=folds)
    classifier.fit(replies, is_simulated)
    names, weights = classifier[0].get_feature_names_out(), classifier[1].coef_[0]
    by_feature = dict(zip(names.tolist(), weights.tolist(), strict=True))
    return Judgement(simulated, human, judged == is_simulated, by_feature)


def people_apart(human: Replies, rng: np.random.Generator) -> float:
    """Returns the accuracy of telling one half of the speakers from the other, NaN if they are too few."""
    speakers = sorted(set(human.speakers))
    accuracies = []
    for _ in range(HALVINGS):
        half = {speakers[i] for i in rng.permutation(len(speakers))[: len(speakers) // 2]}
        is_in_half = [speaker in half for speaker in human.speakers]
        one, other = (human.of([i for i, here in enumerate(is_in_half) if here is side]) for side in (True, False))
        if not (one.suffice and other.suffice):
            return math.nan
        accuracies.append(tell_apart(one, other, rng).accuracy)
    return float(np.mean(accuracies))


def evaluate(
    simulated: Sequence[Interaction], human: Sequence[Sequence[Interaction]], rng: np.random.Generator
) -> dict[str, Any]:
    """Returns all figures.

    Args:
        simulated: The simulated games, one or more. At most as many as the first human file has are looked at, drawn
            at random: the more is said, the fewer of the words are distinct.
        human: The human games, file by file, one or more in each.
        rng: The source of all chance.

    Raises:
        UserError: If there are too few replies or speakers to tell apart, or scikit-learn is missing.
    """
    size = min(len(simulated), len(human[0]))
    simulated = [simulated[i] for i in np.sort(rng.choice(len(simulated), size, replace=False))]
    units = [units_of(games) for games in (simulated, *human)]
    compared = compare(units[0], units[1:], rng)
    human_replies = replies_of(human)
    judgement = tell_apart(replies_of([simulated]), human_replies, rng)
    return {
        "games": [len(games) for games in (simulated, *human)],
        "resampled": [f"{len(sample)} {'speakers' if sample[0].speaker else 'games'}" for sample in units],
        "statistics": compared,
        "inside": sum(statistic["inside"] for statistic in compared.values()),
        "praise_rates": [praise_rates(sample) for sample in units],
        "classifier": {
            "accuracy": judgement.accuracy,
            "interval": judgement.accuracy_interval(rng),
            "replies": len(judgement.right),
            "people_against_people": people_apart(human_replies, rng),
            "giveaways": judgement.giveaways(),
        },
    }


def show(results: dict[str, Any]) -> None:
    """Prints the figures as tables."""

    def parts(values: Iterable[float]) -> str:
        return " / ".join("-" if math.isnan(value) else f"{value:.{1 if value > 2 else 2}f}" for value in values)

    def spans(intervals: Iterable[Interval]) -> str:
        return " / ".join("–".join(parts([end]) for end in interval) for interval in intervals)

    console = Console(highlight=False)
    table = Table("", "simulated", "its interval", *results["files"][1:], "human interval", "inside")
    for name, row in results["statistics"].items():
        table.add_row(
            name,
            parts(row["simulated"]),
            f"[dim]{spans(row['simulated_interval'])}[/]",
            *(parts(values) for values in row["human"]),
            spans(row["human_interval"]),
            "yes" if row["inside"] else "[bold]no[/]",
        )
    console.print(table)
    sizes = ", ".join(
        f"{file}: {games} games, {drawn}"
        for file, games, drawn in zip(results["files"], results["games"], results["resampled"], strict=True)
    )
    console.print(f"95 % bootstrap intervals over speakers or games. {sizes}.\n")

    classifier = results["classifier"]
    low, high = classifier["interval"]
    table = Table("tells simulated", "weight", "sim.", "human", "tells human", "weight", "sim.", "human")
    for rows in zip(*classifier["giveaways"].values(), strict=True):
        table.add_row(
            *(
                cell
                for row in rows
                for cell in (
                    escape(row["feature"]),
                    f"{row['weight']:+.2f}",
                    f"{row['simulated']:.1%}",
                    f"{row['human']:.1%}",
                )
            )
        )
    console.print(table)
    console.print("The share of the replies that have a feature, content words masked as _; ^ is the beginning.\n")
    console.print(
        f"inside the human interval: [bold]{results['inside']} of {len(results['statistics'])}[/]\n"
        f"simulated or human, {classifier['replies']} replies: [bold]{classifier['accuracy']:.1%}[/] "
        f"({low:.1%} to {high:.1%}) are told right; people against people {classifier['people_against_people']:.1%}"
    )


def _without_nan(value: Any) -> Any:
    """Returns figures with None for NaN, for which JSON has no word."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def main() -> None:
    """Reads the command line, prints the figures and writes them."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.human_likeness", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--games", type=Path, required=True, help="simulated games, one JSON object a line")
    parser.add_argument("--human", type=Path, required=True, help="games of people")
    parser.add_argument("--other", type=Path, help="games of other people, to widen the human interval")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--seed", type=natural, default=0, help="seeds all chance (0)")
    arguments = parser.parse_args()
    paths = [path for path in (arguments.games, arguments.human, arguments.other) if path]
    try:
        if arguments.json:
            check_writable(arguments.json)
        simulated, *human = (_games(path) for path in paths)
        results = evaluate(simulated, human, np.random.default_rng(arguments.seed))
        results |= {"files": [path.name for path in paths], "seed": arguments.seed, **provenance()}
        results["versions"]["scikit-learn"] = metadata.version("scikit-learn")
        show(results)
        if arguments.json:
            text = json.dumps(_without_nan(results), indent=2, allow_nan=False)
            arguments.json.write_text(text + "\n", encoding="utf-8")
    except (OSError, UserError) as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")


def _games(path: Path) -> list[Interaction]:
    if games := list(read_jsonl(path)):
        return games
    raise UserError(f"no game in {path}")


if __name__ == "__main__":
    main()
