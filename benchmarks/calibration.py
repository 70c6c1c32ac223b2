"""How much does each step of a calibration help?

    multiref bench calibration --decoder calibrated:FILE --games GAMES.jsonl [--json FILE]

The model of a calibrated decoder is asked without examples and with them. Feedback is decoded in four ways. It is
positive if

- the model finds the word for a right action likelier than the word for a wrong one;
- the log-odds of these words are higher than for an exchange without content (content-free, Zhao et al. 2021, arXiv
  2102.09690);
- the log-odds are higher than those of the mean probability over all replies (batch prior, Zhou et al. 2023, arXiv
  2309.17249);
- the probability reaches the threshold that was chosen on simulated replies. For a model on this machine, this
  probability also depends on how likely the reply is.

With the batch prior, the feedback on a reply depends on the other replies. So it is measured here and used nowhere
else: feedback must not change if games are decoded one by one or divided among workers. Intervals are 95 % bootstrap
intervals over speakers. Replies to actions without clicks are left out, because no decoder asks about them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from multiref_gym.agents.decoders.calibrated import CalibratedDecoder
from multiref_gym.agents.decoders.few_shot import CONTENT_FREE, FewShot
from multiref_gym.agents.evaluation.intervals import auc, by_unit, estimate
from multiref_gym.agents.evaluation.measures import Confusion
from multiref_gym.agents.evaluation.tables import Sheet, apart, percent, share
from multiref_gym.commands.options import DecoderName, FiguresOptions
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.formats import read_interactions
from multiref_gym.interaction import Interaction
from multiref_gym.registry import new_decoder

SEED = 0
FIGURES = ("positive_precision", "positive_recall")


def evaluate(decoder: CalibratedDecoder, games: list[Interaction]) -> dict[str, Any]:
    """Returns the figures of each step, by its name.

    Raises:
        UserError: If no action has a reply, or all actions with a reply are entirely right, or none is.
    """
    replies = [(exchange, game) for game in games for exchange in game.exchanges() if exchange.action.clicks]
    good = np.array([ground_truth(exchange.action, game.targets) is Feedback.POSITIVE for exchange, game in replies])
    if not 0 < good.sum() < len(good):
        raise UserError(f"some of the {len(good)} replies must be to right actions, and some to others")
    exchanges = [exchange for exchange, _ in replies]
    speakers = [game.speaker for _, game in replies]
    calibration = decoder.calibration

    def asked(prompt: FewShot) -> tuple[NDArray[np.float64], float, float]:
        begun = process_time()
        log_odds = prompt.log_odds(decoder.scorer, exchanges)
        seconds = process_time() - begun
        return log_odds, 1000 * seconds / len(replies), float(prompt.log_odds(decoder.scorer, [CONTENT_FREE])[0])

    def step(score: NDArray[np.float64], positive: NDArray[np.bool_], cost: float) -> dict[str, Any]:
        right = positive == good
        found = estimate(by_unit(right, speakers), by_unit(np.ones_like(right), speakers), SEED)
        return {
            **Confusion.of(np.where(positive, 1, -1), np.where(good, 1, -1)).figures(),
            "interval": (found.low, found.high),
            "auc": auc(score[good], score[~good]),
            "cpu_seconds_per_thousand": cost,
        }

    steps = {}
    for name, prompt in (
        ("no examples", replace(calibration.prompt, examples=())),
        ("examples", calibration.prompt),
    ):
        log_odds, cost, lean = asked(prompt)
        prior = float(logit(expit(log_odds).mean()))
        steps[name] = step(log_odds, log_odds > 0, cost)
        steps[f"{name}, content-free"] = step(log_odds, log_odds > lean, cost)
        steps[f"{name}, batch prior"] = step(log_odds, log_odds > prior, cost)
    begun = process_time()
    likely = decoder.probabilities(exchanges)
    cost += 1000 * (process_time() - begun) / len(replies)  # the model remembers its answers by now
    name = "examples and replies, threshold" if len(calibration.slopes) > 1 else "examples, threshold"
    steps[name] = step(likely, calibration.is_positive(likely), cost)
    return {"replies": len(replies), "games": len(games), "speakers": len(set(speakers)), "seed": SEED, "steps": steps}


def show(results: dict[str, Any], screen: Screen) -> None:
    """Prints the figures as a table."""
    rows = [
        [
            name,
            percent(apart(row["accuracy"], row["interval"]), 1, "%", 1),
            *(share(row[figure]) for figure in FIGURES),
            f"{row['auc']:.3f}",
            f"{row['cpu_seconds_per_thousand']:.0f}",
        ]
        for name, row in results["steps"].items()
    ]
    title = "{decoder} on {replies} replies, {games} games, {speakers} speakers".format(**results)
    heads = ["", "accuracy", "positive precision", "positive recall", "area under the curve", "CPU s per 1,000"]
    screen.show(Sheet(title, heads, rows))


@dataclass(frozen=True, kw_only=True)
class CalibrationBenchmark(FiguresOptions):
    """How much does each step of a calibration help?

    Attributes:
        decoder: The calibrated decoder: calibrated:FILE.
        games: Games, one JSON object a line.
    """

    decoder: DecoderName
    games: Path

    def run(self, screen: Screen) -> None:
        """Prints the figures and writes them.

        Raises:
            UserError: If the decoder is not calibrated, a game is invalid, or all or none of the actions are right.
        """
        decoder = new_decoder(self.decoder)
        if not isinstance(decoder, CalibratedDecoder):
            raise UserError(f"--decoder {self.decoder}: allowed is calibrated:FILE")
        results = evaluate(decoder, read_interactions(self.games))
        results |= {"decoder": self.decoder, "file": self.games.name}
        show(self.write(results), screen)
