"""How well does a decoder understand what speakers say in passing?

    multiref bench decoders --games GAMES.jsonl --decoder lexical [--json FILE]

The decoder's answers are held against the ground truth: what the action did, by the targets that no decoder sees.
A binary decoder is asked whether the speaker is content, so an action that is half good counts as negative in the
binary figures: 98 of 100 replies that people give to such an action are negative ones. The last turn of a game has no
reply and is left out. Intervals are 95 % bootstrap intervals over speakers, since the replies of one are alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from multiref_gym.commands.options import DecoderName, FiguresOptions
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback, FeedbackDecoder, ground_truth
from multiref_gym.formats import read_interactions
from multiref_gym.interaction import Interaction
from multiref_gym.provenance import write_results
from multiref_gym.registry import decoder_of, has_ternary_form

RESAMPLES = 2000
SEED = 0


@dataclass(frozen=True)
class Answers:
    """A decoder's answers beside the truth, one item a reply.

    Attributes:
        truth: True feedback, in {-1, 0, 1}.
        decoded: Decoded feedback, in {-1, 0, 1}.
        speakers: Who replied.
    """

    truth: np.ndarray
    decoded: np.ndarray
    speakers: np.ndarray

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return float(np.mean(self.truth == self.decoded))

    @property
    def positive_precision(self) -> float | None:
        """Of the actions decoded as positive, the share that is; None if there are none."""
        chosen = self.truth[self.decoded == Feedback.POSITIVE]
        return float(np.mean(chosen == Feedback.POSITIVE)) if len(chosen) else None

    @property
    def positive_recall(self) -> float | None:
        """Of the positive actions, the share decoded as positive; None if there are none."""
        chosen = self.decoded[self.truth == Feedback.POSITIVE]
        return float(np.mean(chosen == Feedback.POSITIVE)) if len(chosen) else None

    @property
    def confusion(self) -> dict[str, dict[str, int]]:
        """Counts of replies: the outer key is the truth, the inner one the answer."""
        return {
            true.name.lower(): {
                answer.name.lower(): int(np.sum((self.truth == true) & (self.decoded == answer))) for answer in Feedback
            }
            for true in Feedback
        }

    def accuracy_interval(self, rng: np.random.Generator) -> tuple[float, float]:
        """Returns the 95 % interval of the accuracy, drawing speakers with replacement."""
        hits = [(self.truth == self.decoded)[self.speakers == speaker] for speaker in np.unique(self.speakers)]
        right, asked = np.array([[hit.sum(), hit.size] for hit in hits]).T
        drawn = rng.integers(len(hits), size=(RESAMPLES, len(hits)))
        low, high = np.quantile(right[drawn].sum(axis=1) / asked[drawn].sum(axis=1), [0.025, 0.975])
        return float(low), float(high)


def ask(decoder: FeedbackDecoder, interactions: Sequence[Interaction], *, ternary: bool) -> Answers:
    """Has a decoder judge every action that got a reply.

    Args:
        decoder: The decoder.
        interactions: The games; at least one has two turns.
        ternary: Whether half-good actions are neutral in truth; they are negative otherwise.
    """
    columns = defaultdict[str, list[Any]](list)
    for interaction in interactions:
        exchanges = interaction.exchanges()
        truth = [ground_truth(exchange.action, interaction.targets) for exchange in exchanges]
        if not ternary:
            truth = [Feedback.NEGATIVE if true is Feedback.NEUTRAL else true for true in truth]
        columns["truth"] += truth
        columns["decoded"] += decoder.decode(exchanges)
        columns["speakers"] += [interaction.speaker] * len(exchanges)
    return Answers(**{name: np.array(column) for name, column in columns.items()})


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
    if not any(interaction.exchanges() for interaction in interactions):
        raise UserError(f"nothing to decode: no game of {len(interactions)} has a second turn")
    binary_decoder, ternary_decoder = both_forms(make)
    binary = ask(binary_decoder, interactions, ternary=False)
    ternary = ask(ternary_decoder, interactions, ternary=True)
    rng = np.random.default_rng(SEED)
    return {
        "turns": len(binary.truth),
        "binary": {
            "accuracy": binary.accuracy,
            "positive_precision": binary.positive_precision,
            "positive_recall": binary.positive_recall,
        },
        "ternary": {"accuracy": ternary.accuracy, "confusion": ternary.confusion},
        "intervals": {
            "binary_accuracy": binary.accuracy_interval(rng),
            "ternary_accuracy": ternary.accuracy_interval(rng),
        },
        "games": len(interactions),
        "speakers": len(np.unique(binary.speakers)),
        "seed": SEED,
    }


def show(results: dict[str, Any], screen: Screen) -> None:
    """Prints the figures as tables."""

    def percent(share: float | None) -> str:
        return "-" if share is None else f"{share:.1%}"

    def accuracy(form: str) -> str:
        low, high = results["intervals"][f"{form}_accuracy"]
        return f"{percent(results[form]['accuracy'])} [dim]({percent(low)} to {percent(high)})[/]"

    title = "{decoder} on {turns} replies, {games} games, {speakers} speakers"
    table = Table("", "accuracy", "positive precision", "positive recall", title=title.format(**results))
    binary = results["binary"]
    precision, recall = (percent(binary[key]) for key in ("positive_precision", "positive_recall"))
    table.add_row("binary", accuracy("binary"), precision, recall)
    table.add_row("ternary", accuracy("ternary"), "", "")
    screen.show(table)

    answers = [feedback.name.lower() for feedback in Feedback]
    table = Table("truth \\ decoded", *answers, title="ternary")
    for true, row in results["ternary"]["confusion"].items():
        table.add_row(true, *(str(row[answer]) for answer in answers))
    screen.show(table)


@dataclass(frozen=True, kw_only=True)
class Decoders(FiguresOptions):
    """How well does a decoder understand what speakers say in passing?

    Attributes:
        games: Games, one JSON object a line.
        decoder: Its name.
        ternary: Refuse a decoder that never answers neutral.
    """

    games: Path
    decoder: DecoderName = "lexical"
    ternary: bool = False

    def run(self, screen: Screen) -> None:
        """Prints the figures and writes them.

        Raises:
            UserError: If there is no such decoder, a game is bad, or no action got a reply.
        """
        make = decoder_of(self.decoder)
        if self.ternary:
            decoder_of(self.decoder, ternary=True)
        results = evaluate(make, read_interactions(self.games))
        results |= {"decoder": self.decoder, "file": self.games.name}
        show(write_results(self.json, results), screen)
