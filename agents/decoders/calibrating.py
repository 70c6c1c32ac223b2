"""Calibrates a prompted decoder on simulated games alone: its examples, its probabilities and its threshold.

Each of the four steps uses replies of other simulated speakers. First, several draws of examples are made. Second, the
draw is chosen that separates right actions from others best. Half of the speakers in these two steps have their own
phrases, so that the examples are varied. Third, log-odds are turned into probabilities (Platt 1999), and the threshold
is chosen that has the wanted precision at the highest recall. Fourth, the figures are computed on replies that were
held back. The precision is meant for people. So in the last two steps the speakers speak as much like people as the
simulation can, and the listener makes mistakes as often as the listeners in games of people.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from multiref_gym.agents.decoders.answers import AnswerScorer, NoAnswer, NoLogProbabilities
from multiref_gym.agents.decoders.calibrated import Calibration, Reads, probabilities, scorer_of
from multiref_gym.agents.decoders.few_shot import ANSWERS, CONTENT_FREE, Example, FewShot
from multiref_gym.agents.decoders.training import simulated, speakers
from multiref_gym.agents.evaluation.intervals import auc
from multiref_gym.agents.evaluation.measures import by_threshold
from multiref_gym.agents.listeners.baselines import ErringListener
from multiref_gym.agents.listeners.weights import model_name
from multiref_gym.errors import UserError
from multiref_gym.feedback import Exchange
from multiref_gym.simulators.persona import Persona
from multiref_gym.simulators.population import population

SEED = 0
SHOWN_FROM, CHOSEN_ON, FITTED_ON, HELD_BACK = (range(first, first + 8) for first in (101, 109, 117, 125))
"""Seeds of the populations in each step."""
EXAMPLES = 32
"""The number of examples. A question shows one half of them."""
LONGEST = 20
"""The most words of an example, so that many can be shown."""
DRAWS = 4
"""The number of draws of examples."""
TRIED, FITTED, JUDGED = 160, 250, 250
"""The numbers of simulated replies that choose the draw, fit the probabilities, and give the figures."""
THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
"""The thresholds in the table, besides the chosen one."""

Replies = tuple[list[Exchange], NDArray[np.bool_]]
"""Exchanges, and whether each action was entirely right."""
Scoring = Callable[[AnswerScorer, Sequence[Exchange]], NDArray[np.float64]]
"""Scores exchanges with a model."""


def replies_of(personas: Sequence[Persona], count: int, seed: np.random.SeedSequence) -> Replies:
    """Returns exchanges of simulated games in random order, and whether each action was entirely right.

    Args:
        personas: The speakers.
        count: The number of exchanges.
        seed: Seeds all randomness.
    """
    of_games, of_order = seed.spawn(2)
    listeners = {"like people's": ErringListener}
    games = -(-count // 3)  # each has more than three replies
    exchanges, good = simulated(personas, games, of_games, listeners)
    chosen = np.random.default_rng(of_order).permutation(len(exchanges))[:count]
    return [exchanges[row] for row in chosen], np.array(good)[chosen]


def draws_of(replies: Replies, rng: np.random.Generator) -> list[tuple[Example, ...]]:
    """Returns draws of short examples. A model sees the first or the second half of a draw.

    Each half has as many right actions as wrong ones. Where one half has a right action, the other has a wrong one.

    Args:
        replies: The replies to draw from.
        rng: The source of all randomness.
    """
    right, wrong = (
        [
            Example(exchange.utterance, str(exchange.action), exchange.reply, kind)
            for exchange, is_right in zip(*replies, strict=True)
            if is_right == kind and len(f"{exchange.utterance} {exchange.reply}".split()) <= LONGEST
        ]
        for kind in (True, False)
    )
    pairs, draws = zip(right, wrong, strict=False), []
    for _ in range(DRAWS):
        halves = list[Example](), list[Example]()
        for _ in range(EXAMPLES // 4):
            step = rng.choice([1, -1])
            halves[0].extend(next(pairs)[::step])
            halves[1].extend(next(pairs)[::-step])
        draws.append((*halves[0], *halves[1]))
    return draws


def fitted(evidence: NDArray[np.float64], good: NDArray[np.bool_]) -> tuple[tuple[float, ...], float]:
    """Returns the slopes, 0 or more, and the shift that make probabilities right on average.

    They minimise the log-loss with the targets of Platt (1999). These are not quite 0 and 1, so that there is a minimum
    even if the evidence separates all right actions from all others.

    Args:
        evidence: The log-odds, of shape `(replies, kinds)`.
        good: Whether each action was entirely right, of shape `(replies,)`.
    """
    counts = {kind: int((good == kind).sum()) for kind in (True, False)}
    targets = np.where(good, (counts[True] + 1) / (counts[True] + 2), 1 / (counts[False] + 2))
    columns = np.column_stack([evidence, np.ones(len(evidence))])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = columns @ weights
        return float((np.logaddexp(0, scores) - targets * scores).sum()), columns.T @ (expit(scores) - targets)

    kinds = evidence.shape[1]
    bounds = [(0, None)] * kinds + [(None, None)]
    weights = minimize(loss, np.zeros(kinds + 1), jac=True, method="L-BFGS-B", bounds=bounds, tol=1e-9).x
    *slopes, shift = weights.tolist()
    return tuple(slopes), shift


def threshold_for(precision: float, likely: NDArray[np.float64], good: NDArray[np.bool_]) -> float:
    """Returns the lowest threshold with a precision.

    Args:
        precision: The lowest allowed share of right actions among those whose probability reaches the threshold.
        likely: The probability that each action was entirely right, of shape `(replies,)`.
        good: Whether it was, of the same shape.

    Raises:
        UserError: If no threshold has this precision.
    """
    levels = np.unique(likely)  # from low to high
    precisions = np.array([good[likely >= level].mean() for level in levels])
    [reached] = np.nonzero(precisions >= precision)
    if not reached.size:
        raise UserError(
            f"--precision {precision}: the model reaches at most {precisions.max():.2f} on simulated replies"
        )
    lowest = int(reached[0])
    below = levels[lowest - 1] if lowest else levels[lowest]
    return float((levels[lowest] + below) / 2)  # between two levels, since the last bits of a probability may change


def calibrate(decoder: str, precision: float, report: Callable[[int], None]) -> dict[str, Any]:
    """Calibrates a prompted decoder.

    Args:
        decoder: Its name.
        precision: The wanted precision of positives on simulated replies.
        report: Called with the number of replies read so far.

    Returns:
        The fields of a `Calibration` and, for JSON, how it was found: the wanted `precision`, the `seed`, the area
        under the curve for each of the `draws`, and `held_back`, the figures on replies that were used for nothing
        else.

    Raises:
        UserError: If the decoder asks no model, the model cannot be asked, it has no answers of one token, or it does
            not reach the precision.
    """
    scorer, reads = _scorer(decoder)
    answers = next((pair for pair in ANSWERS if scorer.one_token_each(pair)), None)
    if answers is None:
        pairs = ", ".join("/".join(pair) for pair in ANSWERS)
        raise UserError(f"decoder {decoder!r}: the model has no pair of one-token answers among {pairs}")
    *seeds, of_draws = np.random.SeedSequence(SEED).spawn(5)
    people = [[persona for number in numbers for persona in population(number)] for numbers in (FITTED_ON, HELD_BACK)]
    personas = [speakers(SHOWN_FROM, plain=True), speakers(CHOSEN_ON, plain=True), *people]
    counts = (4 * DRAWS * EXAMPLES, TRIED, FITTED, JUDGED)
    shown, tried, fit, judged = map(replies_of, personas, counts, seeds)
    read = 0

    def scores(scoring: Scoring, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        nonlocal read
        result = scoring(scorer, exchanges)
        read += len(exchanges)
        report(read)
        return result

    prompts = [FewShot(answers, examples) for examples in draws_of(shown, np.random.default_rng(of_draws))]
    areas = []
    for prompt in prompts:
        log_odds = scores(prompt.log_odds, tried[0])
        areas.append(auc(log_odds[tried[1]], log_odds[~tried[1]]))
    prompt = prompts[int(np.argmax(areas))]
    evidence = scores(prompt.evidence, fit[0])
    slopes, shift = fitted(evidence, fit[1])
    if not any(slopes):
        raise UserError(f"decoder {decoder!r}: its answers say nothing about simulated replies")
    kind, _, model = decoder.partition(":")
    if kind == "prompted":
        decoder = f"{kind}:{model_name(model)}"
    threshold = threshold_for(precision, probabilities(evidence, slopes, shift), fit[1])
    calibration = Calibration(decoder, reads, prompt, slopes, shift, threshold)
    likely, good = calibration.probabilities(scores(prompt.evidence, judged[0])), judged[1]
    return {
        **asdict(calibration),
        "precision": precision,
        "seed": SEED,
        "draws": areas,
        "held_back": {
            "replies": len(good),
            "good": float(good.mean()),
            "auc": auc(likely[good], likely[~good]),
            "thresholds": by_threshold(likely, good, sorted({*THRESHOLDS, calibration.threshold})),
        },
    }


def _scorer(decoder: str) -> tuple[AnswerScorer, Reads]:
    """Returns the model, and how its answers are read: as words if an endpoint gives no log-probabilities."""
    scorer = scorer_of(decoder, "log-probabilities")
    try:
        FewShot(ANSWERS[0], ()).log_odds(scorer, [CONTENT_FREE])
    except NoLogProbabilities as error:
        warnings.warn(f"{error}: its words are read instead, and each exchange counts as 0, 0.5 or 1", stacklevel=2)
        return scorer_of(decoder, "words"), "words"
    except NoAnswer:
        pass  # the examples will show the model which words to use
    return scorer, "log-probabilities"
