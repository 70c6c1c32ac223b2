"""Measures how a listener would have acted in logged games, for `multiref benchmark`.

The games are replayed turn by turn: whatever the listener does, in the next turn it sees the dialogue and the selection
of the log. In each turn it is asked for an action, and for the probability of the logged action if it can score one.

A decoder reads people's feedback on a logged action from the reply to it, as in deployment: actions with positive
feedback are called rewarded, those with negative feedback corrected. A turn without a reply is neither. The targets are
used only for the precision and the recall of clicks.

Figures are over all turns, with 95 % bootstrap intervals over speakers, because the turns of one speaker are alike; if
there is only one speaker, over games. Two listeners are compared on the same turns, with an interval of the difference.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from multiref_gym.agents.evaluation.intervals import Statistic, area, by_unit, over_units, ratio
from multiref_gym.agents.evaluation.tables import percent
from multiref_gym.agents.workers import Report, Workers, summed
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback, FeedbackDecoder, decoded_games
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.game import Action, InvalidAction, check_action
from multiref_gym.listener import ROUNDING, Decision, Listener, View, decided
from multiref_gym.parts import part_name

FIGURES = {
    "exact_match": "exact match with rewarded",
    "click_precision": "click precision",
    "click_recall": "click recall",
    "legality": "legal actions",
    "log_prob_rewarded": "log-prob. of rewarded",
    "log_prob_corrected": "log-prob. of corrected",
    "auc": "AUC, rewarded or corrected",
}
"""The figures, and their names in tables."""

Figure = dict[str, float] | None
"""An `Estimate` as a dict, or None if there was nothing to measure."""


@dataclass(frozen=True, slots=True)
class LoggedTurn:
    """A turn of a logged game.

    Attributes:
        game: The number of the game.
        speaker: The speaker's name.
        view: The listener's view before the action.
        action: The listener's action.
        targets: The positions of the targets.
        feedback: The feedback on the action, None if there is none.
    """

    game: int
    speaker: str
    view: View
    action: Action
    targets: frozenset[int]
    feedback: Feedback | None

    @property
    def number(self) -> int:
        """The number of the turn in its game, from 1."""
        return len(self.view.dialogue) + 1


@dataclass(frozen=True, slots=True)
class Answers:
    """A listener's answers to logged turns.

    Attributes:
        actions: Its action in each turn.
        legal: Whether its answer in each turn was an action, and a legal one.
        log_probs: The log-probability of each logged action, float64 (turns,), NaN if it was not asked for; None if
            the listener cannot score actions.
        seconds: The time that it took to act, in seconds a turn, one value for each batch.
    """

    actions: list[Action]
    legal: list[bool]
    log_probs: np.ndarray | None
    seconds: list[float]


def logged_turns(games: Sequence[LoggedGame], decoder: FeedbackDecoder | None) -> list[LoggedTurn]:
    """Returns the turns of games with the feedback on them.

    Args:
        games: The games.
        decoder: Decodes the replies; None takes the labels that the games have.

    Raises:
        UserError: If the decoder's answer is not feedback, or no game has a label.
    """
    exchanges = [logged.exchanges() for logged in games]
    feedback: list[tuple[Feedback | None, ...]] = [logged.labels for logged in games]
    if decoder is None:
        if not any(label is not None for labels in feedback for label in labels):
            raise UserError("no game has labels, in a field 'feedback': choose a decoder")
    else:
        feedback = [
            (*values, *[None] * (len(logged.interaction.turns) - len(values)))
            for logged, values in zip(games, decoded_games(decoder, exchanges), strict=True)
        ]
    return [
        LoggedTurn(number, logged.interaction.speaker, view, turn.action, logged.interaction.targets, value)
        for number, (logged, values) in enumerate(zip(games, feedback, strict=True))
        for view, turn, value in zip(logged.interaction.views(), logged.interaction.turns, values, strict=True)
    ]


def ask(
    listener: Listener,
    turns: Sequence[LoggedTurn],
    seed: int,
    batch_size: int,
    on_batch: Callable[[int], None] = lambda turns: None,
) -> Answers:
    """Has a listener act in every turn, and score the logged actions that have feedback and clicks.

    Args:
        listener: The listener; it can score actions if it has `score`, as a `TrainableListener` does.
        turns: The turns.
        seed: Seeds the listener's random numbers in each turn, independently of the batch and of the other games.
        batch_size: The number of turns at once.
        on_batch: Called after each batch with the number of finished turns.

    Raises:
        UserError: If a score is not a log-probability, or as `multiref_gym.listener.decided` does.
    """
    score = getattr(listener, "score", None)
    rngs = [_rng(seed, turn.view) for turn in turns]
    decisions: list[Decision] = []
    log_probs = np.full(len(turns), np.nan)
    seconds = []
    for start in range(0, len(turns), batch_size):
        batch = turns[start : start + batch_size]
        began = time.perf_counter()
        answers = decided(listener, [turn.view for turn in batch], rngs[start : start + len(batch)], legal=False)
        seconds.append((time.perf_counter() - began) / len(batch))
        decisions += answers
        rows = [i for i, turn in enumerate(batch, start) if turn.feedback is not None and turn.action.clicks]
        if score and rows:
            with torch.inference_mode():
                scores = score([turns[i].view for i in rows], [turns[i].action for i in rows])
                log_probs[rows] = scores.log_prob.double().cpu().numpy()
            if not (log_probs[rows] <= ROUNDING).all():
                worst = log_probs[rows].max()
                raise UserError(
                    f"listener {part_name(listener)} gives the log-probability {worst}: allowed is at most 0"
                )
        on_batch(start + len(batch))
    actions = [decision.action or Action() for decision in decisions]
    legal = [d.action is not None and _is_legal(turn, d.action) for turn, d in zip(turns, decisions, strict=True)]
    return Answers(actions, legal, log_probs if score else None, seconds)


class Asking:
    """Asks a listener about parts of logged turns; a worker makes it once.

    Args:
        load: Returns the listener.
        seed: See `ask`.
        batch_size: See `ask`.
    """

    def __init__(self, load: Callable[[], Listener], seed: int, batch_size: int) -> None:
        self._listener, self._seed, self._batch_size = load(), seed, batch_size

    def __call__(self, turns: Sequence[LoggedTurn], report: Report) -> Answers:
        """Returns the listener's answers to the turns, and reports the number of finished ones."""
        return ask(self._listener, turns, self._seed, self._batch_size, report)


def ask_divided(
    workers: Workers,
    load: Callable[[], Listener],
    turns: Sequence[LoggedTurn],
    seed: int,
    batch_size: int,
    on_turns: Callable[[int], None],
) -> Answers:
    """Returns a listener's answers to turns that workers share; their division does not change the batches.

    Args:
        workers: The workers.
        load: Returns the listener; it is sent to each worker.
        turns: One or more.
        seed: See `ask`.
        batch_size: See `ask`.
        on_turns: Called with the number of finished turns.
    """
    numbers = workers.divided(range(len(turns)), batch_size)
    report = summed(on_turns, len(numbers))
    parts = (turns[of_part.start : of_part.stop] for of_part in numbers)
    answers = list(workers.run(partial(Asking, load, seed, batch_size), parts, report))
    log_probs = [of_part.log_probs for of_part in answers if of_part.log_probs is not None]
    return Answers(
        actions=[action for of_part in answers for action in of_part.actions],
        legal=[legal for of_part in answers for legal in of_part.legal],
        log_probs=np.concatenate(log_probs) if log_probs else None,
        seconds=[seconds for of_part in answers for seconds in of_part.seconds],
    )


def measure(turns: Sequence[LoggedTurn], answers: Answers) -> dict[str, Any]:
    """Returns the figures, the counts behind them, and the latency.

    A click is right if it selects a target that was not selected, or deselects a tangram that is not a target.
    Precision is the fraction of clicks that are right. Recall is the fraction of the missing clicks that the listener
    does. Speakers hardly ever ask for all of them in one turn, so a low recall is no fault: compare it with the recall
    of the logged actions, which is measured too.

    Args:
        turns: One or more.
        answers: The listener's answers to them.

    Returns:
        `figures` of the listener and `logged` ones of the logged actions, by name; `counts`; and `milliseconds` a turn,
        the median over batches.
    """
    rewarded, corrected, clicked = _kinds(turns)
    units = _units(turns)
    logged = {name: _over(units, counted) for name, counted in _clicks(turns, [turn.action for turn in turns]).items()}
    impossible = None
    if answers.log_probs is not None:
        impossible = int(np.isneginf(answers.log_probs[(rewarded | corrected) & clicked]).sum())
    return {
        "figures": {name: _figure(statistic, units) for name, statistic in _statistics(turns, answers).items()},
        "logged": {name: _figure(statistic, units) for name, statistic in logged.items()},
        "counts": {
            "games": len({turn.game for turn in turns}),
            "speakers": len({turn.speaker for turn in turns}),
            "turns": len(turns),
            "replies": sum(turn.feedback is not None for turn in turns),
            "rewarded": int(rewarded.sum()),
            "corrected": int(corrected.sum()),
            "without_clicks": int(((rewarded | corrected) & ~clicked).sum()),
            "impossible": impossible,
        },
        "milliseconds": 1000 * float(np.median(answers.seconds)),
    }


def compare(turns: Sequence[LoggedTurn], answers: Answers, others: Answers) -> dict[str, Figure]:
    """Returns the difference between two listeners' figures, paired because both answered the same turns.

    Args:
        turns: One or more.
        answers: The answers of the first listener.
        others: The answers of the second one, whose figures are subtracted.
    """
    units = _units(turns)
    first, second = _statistics(turns, answers), _statistics(turns, others)
    return {name: _figure(_difference(statistic, second[name]), units) for name, statistic in first.items()}


PARTS = ("exact_match", "click_precision")
"""The figures that are reported for parts of the turns."""


def by_part(turns: Sequence[LoggedTurn], answers: Answers, part: Callable[[LoggedTurn], Any]) -> dict[str, Any]:
    """Returns the figures of `PARTS` for each part of the turns.

    Args:
        turns: One or more.
        answers: The listener's answers to them.
        part: Returns the name of the part that a turn belongs to.

    Returns:
        For each part, in order, the number of `turns`, the number of `rewarded` ones, and the figures, None if there is
        nothing to measure.
    """
    names = [part(turn) for turn in turns]
    counted = {name: counts for name, counts in _counted(turns, answers).items() if name in PARTS and counts}
    found = {}
    for name in sorted(set(names)):
        here = np.array([each == name for each in names])
        found[str(name)] = {
            "turns": int(here.sum()),
            "rewarded": sum(turn.feedback is Feedback.POSITIVE for turn, own in zip(turns, here, strict=True) if own),
            **{
                figure: float(above[here].sum() / below[here].sum()) if below[here].any() else None
                for figure, (above, below) in counted.items()
            },
        }
    return found


Counted = tuple[np.ndarray, np.ndarray]
"""The numerators and the denominators of a figure, one for each turn: the figure is the ratio of their sums."""


def _counted(turns: Sequence[LoggedTurn], answers: Answers) -> dict[str, Counted | None]:
    """Returns the counts of the figures that are ratios; None for a figure that the listener does not have."""
    rewarded, corrected, clicked = _kinds(turns)
    same = np.array([action == turn.action for action, turn in zip(answers.actions, turns, strict=True)])
    counted: dict[str, Counted | None] = {
        "exact_match": (same & rewarded, rewarded),
        **_clicks(turns, answers.actions),
        "legality": (np.array(answers.legal), np.ones(len(turns))),
    }
    for name, kind in (("log_prob_rewarded", rewarded), ("log_prob_corrected", corrected)):
        chosen = kind & clicked
        # A single impossible action would make the mean minus infinity, which says nothing about the others.
        log_probs = np.full(len(turns), np.nan) if answers.log_probs is None else answers.log_probs
        counted[name] = (np.where(chosen, log_probs, 0), chosen) if np.isfinite(log_probs[chosen]).all() else None
    return counted


def _clicks(turns: Sequence[LoggedTurn], actions: Sequence[Action]) -> dict[str, Counted]:
    right = np.array([_right_clicks(turn, action) for turn, action in zip(turns, actions, strict=True)])
    done = np.array([len(action.clicks) for action in actions])
    open_ = np.array([len(turn.targets ^ turn.view.selected) for turn in turns])
    return {"click_precision": (right, done), "click_recall": (right, open_)}


def _statistics(turns: Sequence[LoggedTurn], answers: Answers) -> dict[str, Statistic | None]:
    """Returns all figures as functions of the drawn units."""
    units = _units(turns)
    found = {name: _over(units, counted) for name, counted in _counted(turns, answers).items()}
    rewarded, corrected, clicked = _kinds(turns)
    scored = (rewarded | corrected) & clicked
    found["auc"] = None
    if answers.log_probs is not None:
        found["auc"] = area(answers.log_probs[scored], rewarded[scored], units[scored], int(units.max()) + 1)
    return found


def _over(units: np.ndarray, counted: Counted | None) -> Statistic | None:
    return None if counted is None else ratio(*(by_unit(values, units) for values in counted))


def _difference(one: Statistic | None, other: Statistic | None) -> Statistic | None:
    return None if one is None or other is None else lambda rows: one(rows) - other(rows)


def _figure(statistic: Statistic | None, units: np.ndarray) -> Figure:
    found = statistic and over_units(statistic, int(units.max()) + 1)
    return asdict(found) if found else None


def _units(turns: Sequence[LoggedTurn]) -> np.ndarray:
    """Returns the number of each turn's speaker, or of its game if there is only one speaker, int64 (turns,)."""
    by_speaker, by_game = (_numbered(names) for names in ([t.speaker for t in turns], [t.game for t in turns]))
    return by_speaker if by_speaker.max() else by_game


def _numbered(names: Sequence[Any]) -> np.ndarray:
    """Returns a number for each name, from 0 in their order, so that no draw depends on the names themselves."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names])


def _kinds(turns: Sequence[LoggedTurn]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns whether each logged action was rewarded, whether it was corrected and whether it has clicks.

    Returns:
        Three arrays, bool (turns,).
    """
    rewarded = np.array([turn.feedback is Feedback.POSITIVE for turn in turns])
    corrected = np.array([turn.feedback is Feedback.NEGATIVE for turn in turns])
    return rewarded, corrected, np.array([bool(turn.action.clicks) for turn in turns])


def _rng(seed: int, view: View) -> np.random.Generator:
    """Returns the random generator of a turn. It depends on the game's id, and not on the other games."""
    return np.random.default_rng([seed, zlib.crc32(view.game_id.encode()), len(view.dialogue)])


def _right_clicks(turn: LoggedTurn, action: Action) -> int:
    wanted, unwanted = turn.targets - turn.view.selected, turn.view.selected - turn.targets
    return len(action.select & wanted) + len(action.deselect & unwanted)


def _is_legal(turn: LoggedTurn, action: Action) -> bool:
    try:
        check_action(action, turn.view.selected, len(turn.view.tangrams))
    except InvalidAction:
        return False
    return True


def figure_text(name: str, figure: Figure) -> str:
    """Returns a figure with its interval in brackets, in percent unless it is a log-probability; a dash for None."""
    if figure and name.startswith("log_prob"):
        return f"{figure['mean']:.2f} ({figure['low']:.1f}, {figure['high']:.1f})"
    return percent(figure, 1, "%")
