"""How well does a decoder understand the implicit feedback in speakers' replies?

    multiref bench decoders --games GAMES.jsonl --decoder lexical [--json FILE]
    multiref bench decoders --replies benchmarks/odd_replies/tuning.csv --decoder lexical [--json FILE]
    multiref bench decoders --replies benchmarks/chat_replies/held_back.csv --decoder tuned:FOLDER [--json FILE]
    multiref bench decoders --games GAMES.jsonl --decoder tuned:FOLDER --folds 5 [--json FILE]

The decoder's feedback is compared with the ground truth: the effect of the action, judged by the targets, which no
decoder sees. A binary decoder is asked whether the speaker is content, so a half-right action counts as negative in the
binary figures: 98 of 100 human replies to such an action are negative. The last turn of a game has no reply and is left
out. Intervals are 95 % bootstrap intervals over speakers, since the replies of one speaker are similar.

The phrases of the lexical decoder were written with some people's games in view. The figures that leave one speaker out
are those of decoders that lack, for each speaker, the phrases that only this speaker says in the games.

If a decoder gives probabilities that an action was entirely right, the figures also show whether they can be trusted,
and the effect of thresholds. The expected calibration error is the mean distance between the stated probability and the
true share over bins of the probability, weighted by their replies; it is 0 if every bin is right on average.

A table of odd replies has invented single exchanges, each with a kind and a label, positive or negative. A table of
chat replies has users' replies to an assistant's answers. The intervals of both are Wilson's.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from multiref_gym.agents.commands.folds import parts_of
from multiref_gym.agents.decoders.chats import new_chat_decoder
from multiref_gym.agents.decoders.lexical import LexicalDecoder
from multiref_gym.agents.decoders.phrasebook import Phrasebook, canonical, listed_phrases
from multiref_gym.agents.decoders.replies import LabelledReply, read_replies
from multiref_gym.agents.decoders.words import words_of
from multiref_gym.agents.evaluation.intervals import auc, by_unit, estimate, wilson
from multiref_gym.agents.evaluation.measures import Confusion, by_threshold
from multiref_gym.agents.evaluation.tables import Sheet, apart, confusion_sheet, percent, share
from multiref_gym.commands.options import DecoderName, FiguresOptions, Folds
from multiref_gym.commands.screen import Screen
from multiref_gym.conversation import ChatExchange, verdicts
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange, Feedback, FeedbackDecoder, decoded, ground_truth, probabilities
from multiref_gym.formats import read_interactions
from multiref_gym.interaction import Interaction
from multiref_gym.registry import decoder_of, has_ternary_form

if TYPE_CHECKING:
    from multiref_gym.agents.decoders.tuned import TunedDecoder

Result = TypeVar("Result")

SEED = 0
BINS = 10
THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
FIGURES = ("positive_precision", "positive_recall")


def both_forms(make: Callable[..., FeedbackDecoder]) -> tuple[FeedbackDecoder, FeedbackDecoder]:
    """Returns the binary and the ternary form of a decoder: the same decoder twice if it takes no `ternary`."""
    if has_ternary_form(make):
        return make(ternary=False), make(ternary=True)
    return make(), make()


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Returns the result of some work, and its CPU seconds."""
    begun = process_time()
    result = work()
    return result, process_time() - begun


def evaluate(make: Callable[..., FeedbackDecoder], interactions: Sequence[Interaction]) -> dict[str, Any]:
    """Returns the figures of a decoder's binary and ternary form.

    Raises:
        UserError: If no action in the games has a reply.
    """
    replies = [(exchange, game) for game in interactions for exchange in game.exchanges()]
    if not replies:
        raise UserError(f"nothing to decode: none of the {len(interactions)} games has a second turn")
    exchanges = [exchange for exchange, _ in replies]
    truth = np.array([ground_truth(exchange.action, game.targets) for exchange, game in replies])
    speakers = [game.speaker for _, game in replies]
    forms = both_forms(make)
    feedback, seconds = timed(lambda: decoded(forms[0], exchanges))
    binary, ternary = np.array(feedback), np.array(decoded(forms[1], exchanges))

    confusion = Confusion.of(ternary, truth)
    return {
        "turns": len(truth),
        "binary": Confusion.of(binary, truth).figures(),
        "ternary": {
            "accuracy": confusion.exact,
            "confusion": confusion.by_truth(),
        },
        "intervals": {
            "binary_accuracy": interval((binary == Feedback.POSITIVE) == (truth == Feedback.POSITIVE), speakers),
            "ternary_accuracy": interval(ternary == truth, speakers),
        },
        "games": len(interactions),
        "speakers": len(set(speakers)),
        "seed": SEED,
        "cpu_seconds_per_thousand": 1000 * seconds / len(truth),
        **(
            calibration(probabilities(forms[0], exchanges), truth == Feedback.POSITIVE)
            if hasattr(forms[0], "probabilities")
            else {}
        ),
    }


def interval(right: NDArray[np.bool_], speakers: Sequence[str]) -> tuple[float, float]:
    """Returns the 95 % bootstrap interval of a share over speakers.

    Args:
        right: Shape `(replies,)`.
        speakers: The speaker of each reply.
    """
    found = estimate(by_unit(right, speakers), by_unit(np.ones_like(right), speakers), SEED)
    return found.low, found.high


def fitted_in_folds(
    decoder: TunedDecoder, interactions: Sequence[Interaction], parts: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """Returns the binary figures of a tuned decoder whose head is fitted to people, tested on other people's replies.

    For each part of the speakers, the head is fitted to the replies of all others, as `tune-decoder --games` does.

    Args:
        decoder: The decoder, tuned without these games.
        interactions: The games.
        parts: Names of speakers, each in one part.
    """
    from multiref_gym.agents.decoders.tuned import log_odds  # imported here, because it needs torch
    from multiref_gym.agents.decoders.tuning import fitted_head

    replies = [(exchange, game) for game in interactions for exchange in game.exchanges()]
    speakers = np.array([game.speaker for _, game in replies])
    good = np.array([ground_truth(exchange.action, game.targets) is Feedback.POSITIVE for exchange, game in replies])
    clicked = np.array([bool(exchange.action.clicks) for exchange, _ in replies])
    states, _ = decoder.judge.read([exchange for exchange, _ in replies])
    likely = np.zeros(len(replies))
    for part in parts:
        own = np.isin(speakers, part)
        others = clicked & ~own
        head = fitted_head(decoder.judge.head, states[others], good[others].tolist())
        likely[own] = expit(log_odds(head, states[own]))
    likely = np.where(clicked, likely, 0.0)
    answers, truth = np.where(likely >= 0.5, 1, -1), np.where(good, 1, -1)
    return {
        **Confusion.of(answers, truth).figures(),
        "interval": interval(answers == truth, speakers.tolist()),
        "parts": parts,
        "expected_calibration_error": calibration(likely, good)["expected_calibration_error"],
    }


def leave_one_speaker_out(interactions: Sequence[Interaction]) -> dict[str, Any]:
    """Returns the binary figures of lexical decoders, each for one speaker and without the phrases that only they say.

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
    phrases_of = {
        speaker: {
            phrase for exchange, _ in of_one for phrase in phrasebook.said_in(canonical(words_of(exchange.reply)))
        }
        for speaker, of_one in replies.items()
    }
    speakers = Counter(phrase for of_one in phrases_of.values() for phrase in of_one)
    answers, truth, accuracies = [], [], []
    for speaker, of_one in replies.items():
        own = {phrase for phrase in phrases_of[speaker] if speakers[phrase] == 1}
        decoder = LexicalDecoder(phrasebook=Phrasebook(phrase for phrase in phrases if phrase not in own))
        answers_of_one = decoded(decoder, [exchange for exchange, _ in of_one])
        truth_of_one = [feedback for _, feedback in of_one]
        accuracies += [Confusion.of(answers_of_one, truth_of_one).accuracy] if of_one else []
        answers += answers_of_one
        truth += truth_of_one
    figures = Confusion.of(answers, truth).figures()
    return {**figures, "lowest": min(accuracies), "mean": float(np.mean(accuracies))}


def evaluate_replies(decoder: str, replies: Sequence[LabelledReply]) -> dict[str, Any]:
    """Returns the figures of a decoder's binary form on single replies, and its accuracy by kind.

    Args:
        decoder: Its name.
        replies: One or more, all of the game or all of chats.
    """
    game = [reply.exchange for reply in replies if isinstance(reply.exchange, Exchange)]
    chats = [reply.exchange for reply in replies if isinstance(reply.exchange, ChatExchange)]
    if chats:
        of_chats = new_chat_decoder(decoder)
        found, seconds = timed(lambda: verdicts(of_chats, chats))
        answers = np.array([Feedback.NEGATIVE if verdict is None else verdict.feedback for verdict in found])
    else:
        of_game = both_forms(decoder_of(decoder))[0]
        feedback, seconds = timed(lambda: decoded(of_game, game))
        answers = np.array(feedback)
    content = np.array([reply.content for reply in replies])
    right, kinds = (answers == Feedback.POSITIVE) == content, np.array([reply.kind for reply in replies])

    def accuracy(chosen: NDArray[np.bool_]) -> dict[str, Any]:
        found = wilson(int(right[chosen].sum()), int(chosen.sum()))
        return {"replies": int(chosen.sum()), "accuracy": found.mean, "interval": (found.low, found.high)}

    return {
        "binary": Confusion.of(answers, np.where(content, 1, -1)).figures(),
        "all": accuracy(np.ones_like(right)),
        "cpu_seconds_per_thousand": 1000 * seconds / len(replies),
        "kinds": {kind: accuracy(kinds == kind) for kind in dict.fromkeys(kinds.tolist())},
    }


def show_replies(results: dict[str, Any], screen: Screen) -> None:
    """Prints the figures on single replies as a table."""
    rows = [
        [name, str(row["replies"]), percent(apart(row["accuracy"], row["interval"]), 1, "%", 1)]
        for name, row in {**results["kinds"], "all": results["all"]}.items()
    ]
    figures = ", ".join(f"{name.replace('_', ' ')} {share(results['binary'][name])}" for name in FIGURES)
    title = f"{results['decoder']} on {results['file']}: {figures}"
    screen.show(Sheet(title, ["kind", "replies", "accuracy"], rows, _cost(results)))


def calibration(stated: NDArray[np.float64], good: NDArray[np.bool_]) -> dict[str, Any]:
    """Returns how well probabilities can be trusted, and the figures at each threshold.

    Args:
        stated: The stated probability that each action was entirely right, shape `(replies,)`.
        good: Whether it was, same shape.

    Returns:
        The `expected_calibration_error`; `auc`, the area under the curve, None if all actions are alike; for `bins`
        with replies their number, mean probability and share of good actions; and by `thresholds` the figures of the
        positives from that probability on.
    """
    numbers = np.minimum((stated * BINS).astype(int), BINS - 1)
    bins = [
        {
            "from": number / BINS,
            "replies": int(inside.sum()),
            "said": float(stated[inside].mean()),
            "true": float(good[inside].mean()),
        }
        for number in np.unique(numbers).tolist()
        for inside in [numbers == number]
    ]
    return {
        "expected_calibration_error": sum(row["replies"] * abs(row["said"] - row["true"]) for row in bins)
        / len(stated),
        "bins": bins,
        "auc": auc(stated[good], stated[~good]) if 0 < good.sum() < len(good) else None,
        "thresholds": by_threshold(stated, good, THRESHOLDS),
    }


def show(results: dict[str, Any], screen: Screen) -> None:
    """Prints the figures as tables."""

    def accuracy(form: str) -> str:
        return percent(apart(results[form]["accuracy"], results["intervals"][f"{form}_accuracy"]), 1, "%", 1)

    title = "{decoder} on {turns} replies, {games} games, {speakers} speakers".format(**results)
    figures = [share(results["binary"][figure]) for figure in FIGURES]
    rows = [["binary", accuracy("binary"), *figures], ["ternary", accuracy("ternary"), "", ""]]
    if "fitted_in_folds" in results:
        fitted = results["fitted_in_folds"]
        right = percent(apart(fitted["accuracy"], fitted["interval"]), 1, "%", 1)
        rows += [
            [f"binary, fitted in {len(fitted['parts'])} folds", right, *(share(fitted[figure]) for figure in FIGURES)]
        ]
    if "leave_one_speaker_out" in results:
        without = results["leave_one_speaker_out"]
        rows += [
            ["binary, one speaker left out", *(share(without[figure]) for figure in ("accuracy", *FIGURES))],
            ["lowest of a speaker", share(without["lowest"]), "", ""],
        ]
    screen.show(Sheet(title, ["", "accuracy", "positive precision", "positive recall"], rows, _cost(results)))
    screen.show(confusion_sheet("ternary", results["ternary"]["confusion"]))
    if "bins" in results:
        title = f"probabilities, expected calibration error {results['expected_calibration_error']:.3f}"
        if results["auc"] is not None:
            title += f", area under the curve {results['auc']:.3f}"
        rows = [
            [f"{row['from']:.1f}", str(row["replies"]), share(row["said"]), share(row["true"])]
            for row in results["bins"]
        ]
        screen.show(Sheet(title, ["probability from", "replies", "mean probability", "share of right actions"], rows))
        rows = [
            [str(row["threshold"]), *(share(row[figure]) for figure in ("accuracy", *FIGURES))]
            for row in results["thresholds"]
        ]
        screen.show(Sheet("", ["threshold", "accuracy", "positive precision", "positive recall"], rows))


def _cost(results: dict[str, Any]) -> str:
    return f"{results['cpu_seconds_per_thousand']:.3g} CPU s for 1,000 replies"


@dataclass(frozen=True, kw_only=True)
class Decoders(FiguresOptions):
    """How well does a decoder understand the implicit feedback in speakers' replies?

    Attributes:
        games: Games, one JSON object a line.
        replies: Single replies instead of games: a CSV table of odd replies or of replies in chats.
        decoder: Its name.
        ternary: Refuse a decoder that never returns neutral.
        folds: Also fit tuned:FOLDER to people, in this many parts of the speakers: each part is decoded by a decoder
            fitted to all others.
    """

    games: Path | None = None
    replies: Path | None = None
    decoder: DecoderName = "lexical"
    ternary: bool = False
    folds: Folds | None = None

    def run(self, screen: Screen) -> None:
        """Prints the figures and writes them.

        Raises:
            UserError: If there is no such decoder, a game or a reply is invalid, no action has a reply, or there are
                fewer speakers than folds.
        """
        if (self.games is None) == (self.replies is None):
            raise UserError("expected either --games or --replies")
        if self.folds is not None and (self.games is None or self.decoder.partition(":")[0] != "tuned"):
            raise UserError("--folds needs --games and --decoder tuned:FOLDER: no other decoder is fitted to people")
        make = decoder_of(self.decoder)
        if self.ternary:
            decoder_of(self.decoder, ternary=True)
        if self.replies is not None:
            results = evaluate_replies(self.decoder, read_replies(self.replies))
            results |= {"decoder": self.decoder, "file": self.replies.name}
            show_replies(self.write(results), screen)
        elif self.games is not None:
            games = read_interactions(self.games)
            parts = parts_of([game.speaker for game in games], self.folds, SEED) if self.folds else []
            results = evaluate(make, games)
            if make is LexicalDecoder:
                results["leave_one_speaker_out"] = leave_one_speaker_out(games)
            if parts:
                results["fitted_in_folds"] = fitted_in_folds(both_forms(make)[0], games, parts)  # type: ignore[arg-type]
            results |= {"decoder": self.decoder, "file": self.games.name}
            show(self.write(results), screen)
