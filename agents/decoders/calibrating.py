"""Calibrates a prompted decoder on simulated games alone: which examples it sees, and what its answers are worth.

The speakers of one population give the examples, in several draws, and those of a second one say which draw tells good
actions from others best. Half of both have words of their own, so that the examples are of many kinds. With a third
population log-odds are turned into probabilities (Platt 1999), and the threshold is chosen that has the wanted
precision at the highest recall. A fourth one is held back for the figures. These two talk as people do, as far as the
simulation does, and the listener errs as those did that people spoke to: the precision is meant for people.
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
"""Seeds of the populations."""
EXAMPLES = 32
"""How many are shown, one half of them at a time."""
LONGEST = 20
"""The most words of an example, so that many can be shown."""
DRAWS = 4
"""How many draws of examples are tried."""
TRIED, FITTED, JUDGED = 160, 250, 250
"""How many simulated replies each draw is tried on, the probabilities are fitted to, and the figures are of."""
THRESHOLDS = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
"""Those of the table beside the one that was chosen."""

Replies = tuple[list[Exchange], NDArray[np.bool_]]
"""Exchanges, and whether each action was wholly good."""
Find = Callable[[AnswerScorer, Sequence[Exchange]], NDArray[np.float64]]
"""What reads exchanges with a model."""


def replies_of(personas: Sequence[Persona], count: int, seed: np.random.SeedSequence) -> Replies:
    """Returns so many exchanges of simulated games in an order of chance, and whether each action was wholly good.

    Args:
        personas: Who speaks.
        count: How many exchanges.
        seed: Seeds all chance.
    """
    of_games, of_order = seed.spawn(2)
    listeners = {"as people spoke to": ErringListener}
    games = -(-count // 3)  # as each has more replies than three
    exchanges, good = simulated(personas, games, of_games, listeners)
    chosen = np.random.default_rng(of_order).permutation(len(exchanges))[:count]
    return [exchanges[row] for row in chosen], np.array(good)[chosen]


def draws_of(replies: Replies, rng: np.random.Generator) -> list[tuple[Example, ...]]:
    """Returns draws of short examples, of which a model sees one half or the other.

    In each half good and bad ones are as many. Where a good one stands in one half, a bad one does in the other.

    Args:
        replies: What they are drawn from.
        rng: The source of all chance.
    """
    good, bad = (
        [
            Example(exchange.utterance, str(exchange.action), exchange.reply, kind)
            for exchange, is_good in zip(*replies, strict=True)
            if is_good == kind and len(f"{exchange.utterance} {exchange.reply}".split()) <= LONGEST
        ]
        for kind in (True, False)
    )
    pairs, draws = zip(good, bad, strict=False), []
    for _ in range(DRAWS):
        halves = list[Example](), list[Example]()
        for _ in range(EXAMPLES // 4):
            step = rng.choice([1, -1])
            halves[0].extend(next(pairs)[::step])
            halves[1].extend(next(pairs)[::-step])
        draws.append((*halves[0], *halves[1]))
    return draws


def fitted(evidence: NDArray[np.float64], good: NDArray[np.bool_]) -> tuple[tuple[float, ...], float]:
    """Returns the slopes, 0 or more, and the shift that make evidence right on the average.

    They minimise the log-loss with the targets of Platt (1999), which are not quite 0 and 1, so that there is a minimum
    even where the evidence tells all good actions from all others.

    Args:
        evidence: Of shape `(replies, kinds)`.
        good: Whether each action was wholly good, of shape `(replies,)`.
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
    """Returns the lowest threshold that has a precision.

    Args:
        precision: The least share of good actions among those whose probability reaches the threshold.
        likely: Probabilities, of shape `(replies,)`.
        good: Whether each action was wholly good, of the same shape.

    Raises:
        UserError: If no threshold has it.
    """
    levels = np.unique(likely)  # from low to high
    precisions = np.array([good[likely >= level].mean() for level in levels])
    [reached] = np.nonzero(precisions >= precision)
    if not reached.size:
        raise UserError(
            f"--precision {precision}: on simulated replies the model reaches {precisions.max():.2f} at most"
        )
    lowest = int(reached[0])
    below = levels[lowest - 1] if lowest else levels[lowest]
    return float((levels[lowest] + below) / 2)  # between two levels, as the last bits of a probability may change


def calibrate(decoder: str, precision: float, report: Callable[[int], None]) -> dict[str, Any]:
    """Calibrates a prompted decoder.

    Args:
        decoder: Its name.
        precision: What the threshold is to have on simulated replies.
        report: Is told how often the model was asked.

    Returns:
        The fields of a `Calibration` and, for JSON, how it was found: the wanted `precision`, the `seed`, the area
        under the curve of each of the `draws`, and what is `held_back`, figures on replies that played no part.

    Raises:
        UserError: If the decoder asks no model, the model cannot be asked or has no answers of one token, or it does
            not reach the precision.
    """
    scorer, reads = _scorer(decoder)
    answers = next((pair for pair in ANSWERS if scorer.one_token_each(pair)), None)
    if answers is None:
        pairs = ", ".join("/".join(pair) for pair in ANSWERS)
        raise UserError(f"decoder {decoder!r}: the model has no token for each answer of any of {pairs}")
    *seeds, of_draws = np.random.SeedSequence(SEED).spawn(5)
    people = [[persona for number in numbers for persona in population(number)] for numbers in (FITTED_ON, HELD_BACK)]
    personas = [speakers(SHOWN_FROM, plain=True), speakers(CHOSEN_ON, plain=True), *people]
    counts = (4 * DRAWS * EXAMPLES, TRIED, FITTED, JUDGED)
    shown, tried, fit, judged = map(replies_of, personas, counts, seeds)
    asked = 0

    def read(find: Find, exchanges: Sequence[Exchange]) -> NDArray[np.float64]:
        nonlocal asked
        found = find(scorer, exchanges)
        asked += len(exchanges)
        report(asked)
        return found

    prompts = [FewShot(answers, examples) for examples in draws_of(shown, np.random.default_rng(of_draws))]
    areas = []
    for prompt in prompts:
        found = read(prompt.log_odds, tried[0])
        areas.append(auc(found[tried[1]], found[~tried[1]]))
    prompt = prompts[int(np.argmax(areas))]
    evidence = read(prompt.evidence, fit[0])
    slopes, shift = fitted(evidence, fit[1])
    if not any(slopes):
        raise UserError(f"decoder {decoder!r}: its answers tell nothing of simulated replies")
    kind, _, model = decoder.partition(":")
    if kind == "prompted":
        decoder = f"{kind}:{model_name(model)}"
    threshold = threshold_for(precision, probabilities(evidence, slopes, shift), fit[1])
    calibration = Calibration(decoder, reads, prompt, slopes, shift, threshold)
    likely, good = calibration.probabilities(read(prompt.evidence, judged[0])), judged[1]
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
    """Returns the model, and what is read of its answers: words, if an endpoint says no more."""
    scorer = scorer_of(decoder, "log-probabilities")
    try:
        FewShot(ANSWERS[0], ()).log_odds(scorer, [CONTENT_FREE])
    except NoLogProbabilities as error:
        warnings.warn(f"{error}: what it writes is read, and each exchange counts 0, 0.5 or 1", stacklevel=2)
        return scorer_of(decoder, "words"), "words"
    except NoAnswer:
        pass  # the examples will show which words are wanted
    return scorer, "log-probabilities"
