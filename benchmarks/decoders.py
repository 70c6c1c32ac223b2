"""How well does a decoder understand what speakers say in passing?

    multiref bench decoders --games GAMES.jsonl --decoder lexical [--json FILE]

The decoder's answers are held against the ground truth: what the action did, by the targets that no decoder sees.
A binary decoder is asked whether the speaker is content, so an action that is half good counts as negative in the
binary figures: 98 of 100 replies that people give to such an action are negative ones. The last turn of a game has no
reply and is left out. Intervals are 95 % bootstrap intervals over speakers, since the replies of one are alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiref_gym.agents.evaluation.intervals import by_unit, estimate
from multiref_gym.agents.evaluation.measures import Confusion
from multiref_gym.agents.evaluation.tables import Sheet, apart, percent, share
from multiref_gym.commands.options import DecoderName, FiguresOptions
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback, FeedbackDecoder, ground_truth
from multiref_gym.formats import read_interactions
from multiref_gym.interaction import Interaction
from multiref_gym.provenance import write_results
from multiref_gym.registry import decoder_of, has_ternary_form

SEED = 0
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
    exchanges = [game.exchanges() for game in interactions]
    targets = [game.targets for game, of_game in zip(interactions, exchanges, strict=True) for _ in of_game]
    if not targets:
        raise UserError(f"nothing to decode: no game of {len(interactions)} has a second turn")
    flat = [exchange for of_game in exchanges for exchange in of_game]
    truth = np.array([ground_truth(e.action, wanted) for e, wanted in zip(flat, targets, strict=True)])
    speakers = [game.speaker for game, of_game in zip(interactions, exchanges, strict=True) for _ in of_game]
    binary, ternary = (
        np.array([value for of_game in exchanges for value in decoder.decode(of_game)]) for decoder in both_forms(make)
    )

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
    }


def show(results: dict[str, Any], screen: Screen) -> None:
    """Prints the figures as tables."""

    def accuracy(form: str) -> str:
        return percent(apart(results[form]["accuracy"], results["intervals"][f"{form}_accuracy"]), 1, "%", 1)

    title = "{decoder} on {turns} replies, {games} games, {speakers} speakers".format(**results)
    known = [share(results["binary"][key]) for key in ("positive_precision", "positive_recall")]
    rows = [["binary", accuracy("binary"), *known], ["ternary", accuracy("ternary"), "", ""]]
    confusion = results["ternary"]["confusion"]
    counts = [[true, *(str(row[answer]) for answer in NAMES)] for true, row in confusion.items()]
    for sheet in (
        Sheet(title, ["", "accuracy", "positive precision", "positive recall"], rows),
        Sheet("ternary", ["truth \\ decoded", *NAMES], counts),
    ):
        screen.show(sheet)


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
