"""How well does a decoder understand what speakers say in passing?

    multiref bench decoders --games GAMES.jsonl --decoder lexical [--json FILE]
    multiref bench decoders --replies benchmarks/odd_replies/tuning.csv --decoder lexical [--json FILE]

The decoder's answers are held against the ground truth: what the action did, by the targets that no decoder sees.
A binary decoder is asked whether the speaker is content, so an action that is half good counts as negative in the
binary figures: 98 of 100 replies that people give to such an action are negative ones. The last turn of a game has no
reply and is left out. Intervals are 95 % bootstrap intervals over speakers, since the replies of one are alike.

The phrases of the lexical decoder were written with some people's games in view. The figures that leave one speaker
out are those of decoders that lack, for each speaker, the phrases that nobody else in the games says.

Of a decoder that says how likely each action was wholly good it is asked as well whether that can be trusted, and what
a threshold buys. The expected calibration error is the mean distance between what was said and what was true over bins
of the probability, each counted by its replies; it is 0 for probabilities that are right on the average of every bin.

Odd replies are a table of single exchanges that were thought up, each of a kind and with a label, positive or negative.
Their intervals are Wilson's.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiref_gym.agents.decoders.lexical import LexicalDecoder
from multiref_gym.agents.decoders.phrasebook import Phrasebook, canonical, listed_phrases
from multiref_gym.agents.decoders.words import words_of
from multiref_gym.agents.evaluation.intervals import auc, by_unit, estimate, wilson
from multiref_gym.agents.evaluation.measures import Confusion, by_threshold
from multiref_gym.agents.evaluation.tables import Sheet, apart, percent, share
from multiref_gym.commands.options import DecoderName, FiguresOptions
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback, FeedbackDecoder, decoded, ground_truth, probabilities
from multiref_gym.formats import read_interactions
from multiref_gym.game import Action
from multiref_gym.interaction import Interaction
from multiref_gym.registry import decoder_of, has_ternary_form

SEED = 0
BINS = 10
THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
FIGURES = ("positive_precision", "positive_recall")
NAMES = {feedback.name.lower(): int(feedback) + 1 for feedback in Feedback}
"""Of the rows and columns of a `Confusion`."""


def both_forms(make: Callable[..., FeedbackDecoder]) -> tuple[FeedbackDecoder, FeedbackDecoder]:
    """Returns the binary and the ternary form of a decoder: one and the same if it takes no `ternary`."""
    if has_ternary_form(make):
        return make(ternary=False), make(ternary=True)
    return make(), make()


def evaluate(make: Callable[..., FeedbackDecoder], interactions: Sequence[Interaction]) -> dict[str, Any]:
    """Returns the figures of a decoder's binary and ternary form.

    Raises:
        UserError: If no action in the games got a reply.
    """
    replies = [(exchange, game) for game in interactions for exchange in game.exchanges()]
    if not replies:
        raise UserError(f"nothing to decode: no game of {len(interactions)} has a second turn")
    exchanges = [exchange for exchange, _ in replies]
    truth = np.array([ground_truth(exchange.action, game.targets) for exchange, game in replies])
    speakers = [game.speaker for _, game in replies]
    forms = both_forms(make)
    binary, ternary = (np.array(decoded(decoder, exchanges)) for decoder in forms)

    def interval(right: NDArray[np.bool_]) -> tuple[float, float]:
        found = estimate(by_unit(right, speakers), by_unit(np.ones_like(right), speakers), SEED)
        return found.low, found.high

    confusion = Confusion.of(ternary, truth)
    return {
        "turns": len(truth),
        "binary": Confusion.of(binary, truth).figures(),
        "ternary": {
            "accuracy": confusion.exact,
            "confusion": {
                true: {answer: int(confusion.counts[row, column]) for answer, row in NAMES.items()}
                for true, column in NAMES.items()
            },
        },
        "intervals": {
            "binary_accuracy": interval((binary == Feedback.POSITIVE) == (truth == Feedback.POSITIVE)),
            "ternary_accuracy": interval(ternary == truth),
        },
        "games": len(interactions),
        "speakers": len(set(speakers)),
        "seed": SEED,
        **(
            calibration(probabilities(forms[0], exchanges), truth == Feedback.POSITIVE)
            if hasattr(forms[0], "probabilities")
            else {}
        ),
    }


def leave_one_speaker_out(interactions: Sequence[Interaction]) -> dict[str, Any]:
    """Returns the binary figures of lexical decoders, each for one speaker and without the phrases said by nobody else.

    Returns:
        The figures over all replies, and the `lowest` and the `mean` accuracy of a speaker.
    """
    phrases = listed_phrases()
    phrasebook = Phrasebook(phrases)
    replies = defaultdict[str, list[tuple[Exchange, Feedback]]](list)
    for game in interactions:
        replies[game.speaker] += [
            (exchange, ground_truth(exchange.action, game.targets)) for exchange in game.exchanges()
        ]
    said = {
        speaker: {
            phrase for exchange, _ in of_one for phrase in phrasebook.said_in(canonical(words_of(exchange.reply)))
        }
        for speaker, of_one in replies.items()
    }
    sayers = Counter(phrase for of_one in said.values() for phrase in of_one)
    answers, truth, accuracies = [], [], []
    for speaker, of_one in replies.items():
        own = {phrase for phrase in said[speaker] if sayers[phrase] == 1}
        decoder = LexicalDecoder(phrasebook=Phrasebook(phrase for phrase in phrases if phrase not in own))
        heard = decoded(decoder, [exchange for exchange, _ in of_one])
        meant = [feedback for _, feedback in of_one]
        accuracies += [Confusion.of(heard, meant).accuracy] if of_one else []
        answers += heard
        truth += meant
    figures = Confusion.of(answers, truth).figures()
    return {**figures, "lowest": min(accuracies), "mean": float(np.mean(accuracies))}


@dataclass(frozen=True)
class OddReply:
    """A row of a table of odd replies: an exchange, whether the speaker is content, and of which kind the reply is."""

    exchange: Exchange
    content: bool
    kind: str


COLUMNS = ("utterance", "action", "reply", "label", "kind")
LABELS = {"positive": True, "negative": False}


def read_replies(path: Path) -> list[OddReply]:
    """Reads a table of odd replies.

    Raises:
        UserError: One line on the file that is missing or no such table, or on the row that is wrong.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file, strict=True)
            if not set(COLUMNS) <= set(table.fieldnames or ()):
                raise ValueError(f"expected the columns {', '.join(COLUMNS)}")
            replies = []
            for row in table:
                if None in row.values() or row["label"] not in LABELS:
                    raise ValueError(f"expected {len(COLUMNS)} values, with the label {' or '.join(LABELS)}")
                exchange = Exchange(None, row["utterance"], Action.parse(row["action"]), row["reply"])
                replies.append(OddReply(exchange, LABELS[row["label"]], row["kind"]))
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8") from error
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path}, line {table.line_num}: {error}") from error
    if not replies:
        raise UserError(f"{path}: no replies")
    return replies


def evaluate_replies(make: Callable[..., FeedbackDecoder], replies: Sequence[OddReply]) -> dict[str, Any]:
    """Returns the figures of a decoder's binary form on odd replies, and its accuracy by kind."""
    answers = np.array(decoded(both_forms(make)[0], [reply.exchange for reply in replies]))
    content = np.array([reply.content for reply in replies])
    right, kinds = (answers == Feedback.POSITIVE) == content, np.array([reply.kind for reply in replies])

    def accuracy(chosen: NDArray[np.bool_]) -> dict[str, Any]:
        found = wilson(int(right[chosen].sum()), int(chosen.sum()))
        return {"replies": int(chosen.sum()), "accuracy": found.mean, "interval": (found.low, found.high)}

    return {
        "binary": Confusion.of(answers, np.where(content, 1, -1)).figures(),
        "all": accuracy(np.ones_like(right)),
        "kinds": {kind: accuracy(kinds == kind) for kind in dict.fromkeys(kinds.tolist())},
    }


def show_replies(results: dict[str, Any], screen: Screen) -> None:
    """Prints the figures on odd replies as a table."""
    rows = [
        [name, str(row["replies"]), percent(apart(row["accuracy"], row["interval"]), 1, "%", 1)]
        for name, row in {**results["kinds"], "all": results["all"]}.items()
    ]
    known = ", ".join(f"{name.replace('_', ' ')} {share(results['binary'][name])}" for name in FIGURES)
    screen.show(Sheet(f"{results['decoder']} on {results['file']}: {known}", ["kind", "replies", "accuracy"], rows))


def calibration(said: NDArray[np.float64], good: NDArray[np.bool_]) -> dict[str, Any]:
    """Returns how far probabilities can be trusted, and what there is to be had at each threshold.

    Args:
        said: How likely each action was wholly good, of shape `(replies,)`.
        good: Whether it was, of the same shape.

    Returns:
        The `expected_calibration_error`; `auc`, the area under the curve, None if all actions are alike; of `bins` that
        have replies how many, the mean probability and the share of good actions; and by `thresholds` the figures of
        the positives from that probability on.
    """
    numbers = np.minimum((said * BINS).astype(int), BINS - 1)
    bins = [
        {
            "from": number / BINS,
            "replies": int(inside.sum()),
            "said": float(said[inside].mean()),
            "true": float(good[inside].mean()),
        }
        for number in np.unique(numbers).tolist()
        for inside in [numbers == number]
    ]
    return {
        "expected_calibration_error": sum(row["replies"] * abs(row["said"] - row["true"]) for row in bins) / len(said),
        "bins": bins,
        "auc": auc(said[good], said[~good]) if 0 < good.sum() < len(good) else None,
        "thresholds": by_threshold(said, good, THRESHOLDS),
    }


def show(results: dict[str, Any], screen: Screen) -> None:
    """Prints the figures as tables."""

    def accuracy(form: str) -> str:
        return percent(apart(results[form]["accuracy"], results["intervals"][f"{form}_accuracy"]), 1, "%", 1)

    title = "{decoder} on {turns} replies, {games} games, {speakers} speakers".format(**results)
    known = [share(results["binary"][figure]) for figure in FIGURES]
    rows = [["binary", accuracy("binary"), *known], ["ternary", accuracy("ternary"), "", ""]]
    if "leave_one_speaker_out" in results:
        without = results["leave_one_speaker_out"]
        rows += [
            ["binary, one speaker left out", *(share(without[figure]) for figure in ("accuracy", *FIGURES))],
            ["lowest of a speaker", share(without["lowest"]), "", ""],
        ]
    screen.show(Sheet(title, ["", "accuracy", "positive precision", "positive recall"], rows))
    confusion = results["ternary"]["confusion"]
    counts = [[true, *(str(row[answer]) for answer in NAMES)] for true, row in confusion.items()]
    screen.show(Sheet("ternary", ["truth \\ decoded", *NAMES], counts))
    if "bins" in results:
        title = f"probabilities, expected calibration error {results['expected_calibration_error']:.3f}"
        if results["auc"] is not None:
            title += f", area under the curve {results['auc']:.3f}"
        rows = [
            [f"{row['from']:.1f}", str(row["replies"]), share(row["said"]), share(row["true"])]
            for row in results["bins"]
        ]
        screen.show(Sheet(title, ["from", "replies", "said", "true"], rows))
        rows = [
            [str(row["threshold"]), *(share(row[figure]) for figure in ("accuracy", *FIGURES))]
            for row in results["thresholds"]
        ]
        screen.show(Sheet("", ["threshold", "accuracy", "positive precision", "positive recall"], rows))


@dataclass(frozen=True, kw_only=True)
class Decoders(FiguresOptions):
    """How well does a decoder understand what speakers say in passing?

    Attributes:
        games: Games, one JSON object a line.
        replies: Odd replies in place of games, a CSV table.
        decoder: Its name.
        ternary: Refuse a decoder that never answers neutral.
    """

    games: Path | None = None
    replies: Path | None = None
    decoder: DecoderName = "lexical"
    ternary: bool = False

    def run(self, screen: Screen) -> None:
        """Prints the figures and writes them.

        Raises:
            UserError: If there is no such decoder, a game or a reply is bad, or no action got a reply.
        """
        if (self.games is None) == (self.replies is None):
            raise UserError("expected either --games or --replies")
        make = decoder_of(self.decoder)
        if self.ternary:
            decoder_of(self.decoder, ternary=True)
        if self.replies is not None:
            results = evaluate_replies(make, read_replies(self.replies))
            results |= {"decoder": self.decoder, "file": self.replies.name}
            show_replies(self.write(results), screen)
        elif self.games is not None:
            games = read_interactions(self.games)
            results = evaluate(make, games)
            if make is LexicalDecoder:
                results["leave_one_speaker_out"] = leave_one_speaker_out(games)
            results |= {"decoder": self.decoder, "file": self.games.name}
            show(self.write(results), screen)
