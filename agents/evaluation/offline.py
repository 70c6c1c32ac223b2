"""How would a listener have acted in games that are over? The measure of `multiref benchmark`.

Logged games are replayed turn by turn: whatever the listener does, on the next turn it sees the dialogue and the
selection as they were. It is asked for an action, and how probable the logged action is, where it can say so.

What people thought of a logged action is what a decoder makes of the reply to it, as in deployment: rewarded actions
were decoded as positive, corrected ones as negative. A turn without a reply is neither. The targets are looked at for
the precision and the recall of clicks alone.

Figures are over all turns, with 95 % bootstrap intervals over speakers, as turns of one speaker are alike; over games
where one speaker spoke in all of them. Two listeners are compared on the same turns, and the interval is of the
difference.
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
from multiref_gym.agents.workers import Tell, Workers, summed
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
"""What is measured, and what it is called in tables."""

Figure = dict[str, float] | None
"""An `Estimate` as a dict, or None where there was nothing to measure."""


@dataclass(frozen=True, slots=True)
class LoggedTurn:
    """A turn of a logged game.

    Attributes:
        game: The number of the game.
        speaker: Who spoke.
        view: What the listener saw.
        action: What it did.
        targets: The positions of the targets.
        feedback: What was said of the action, None if nothing.
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
    """What a listener makes of logged turns.

    Attributes:
        actions: What it does, an action a turn.
        legal: Whether what it answered is that and allowed, one value a turn.
        log_probs: The log-probability of each logged action, float64 (turns,), NaN where it was not asked; None if
            the listener cannot say.
        seconds: How long it took to act, a turn, one value for each batch.
    """

    actions: list[Action]
    legal: list[bool]
    log_probs: np.ndarray | None
    seconds: list[float]


def logged_turns(games: Sequence[LoggedGame], decoder: FeedbackDecoder | None) -> list[LoggedTurn]:
    """Returns the turns of games with the feedback on them.

    Args:
        games: The games.
        decoder: Decodes the replies; None to take the labels that the games have.

    Raises:
        UserError: If the decoder answers what is no feedback, or no game has a label.
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
    """Has a listener act on every turn and score the logged actions that got feedback, but for those without clicks.

    Args:
        listener: The listener; it can score actions if it has `score`, as a `TrainableListener` does.
        turns: What it is asked about.
        seed: Seeds the listener's chance at each turn, whatever the batch and the other games.
        batch_size: Turns at once.
        on_batch: Called after each batch with the number of turns that are done.

    Raises:
        UserError: If it scores with what is no log-probability, or as `multiref_gym.listener.decided` does.
    """
    score = getattr(listener, "score", None)
    rngs = [_chance(seed, turn.view) for turn in turns]
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
                    f"listener {part_name(listener)} scores with log-probability {worst}: allowed is at most 0"
                )
        on_batch(start + len(batch))
    actions = [decision.action or Action() for decision in decisions]
    legal = [d.action is not None and _is_legal(turn, d.action) for turn, d in zip(turns, decisions, strict=True)]
    return Answers(actions, legal, log_probs if score else None, seconds)


class Asking:
    """Asks a listener about parts of logged turns: what a worker makes once.

    Args:
        load: Returns the listener.
        seed: See `ask`, as for the batch size.
        batch_size: See there.
    """

    def __init__(self, load: Callable[[], Listener], seed: int, batch_size: int) -> None:
        self._listener, self._seed, self._batch_size = load(), seed, batch_size

    def __call__(self, turns: Sequence[LoggedTurn], tell: Tell) -> Answers:
        """Returns what the listener makes of the turns; tells how many are done."""
        return ask(self._listener, turns, self._seed, self._batch_size, tell)


def ask_divided(
    workers: Workers,
    load: Callable[[], Listener],
    turns: Sequence[LoggedTurn],
    seed: int,
    batch_size: int,
    on_turns: Callable[[int], None],
) -> Answers:
    """Returns what a listener makes of turns, which workers share; a batch is the same however they are divided.

    Args:
        workers: Who asks.
        load: Returns the listener; sent to each worker.
        turns: One or more.
        seed: See `ask`, as for the batch size.
        batch_size: See there.
        on_turns: Called with the number of turns that are done.
    """
    numbers = workers.divided(range(len(turns)), batch_size)
    told = summed(on_turns, len(numbers))
    parts = (turns[of_part.start : of_part.stop] for of_part in numbers)
    answers = list(workers.run(partial(Asking, load, seed, batch_size), parts, told))
    known = [of_part.log_probs for of_part in answers if of_part.log_probs is not None]
    return Answers(
        actions=[action for of_part in answers for action in of_part.actions],
        legal=[legal for of_part in answers for legal in of_part.legal],
        log_probs=np.concatenate(known) if known else None,
        seconds=[seconds for of_part in answers for seconds in of_part.seconds],
    )


def measure(turns: Sequence[LoggedTurn], answers: Answers) -> dict[str, Any]:
    """Returns the figures, the counts behind them, and the latency.

    A click is right if it selects a target that was not selected or deselects a tangram that is none. Precision is the
    share of clicks that are right. Recall is the share of what was still to be clicked, which speakers hardly ever ask
    for in one turn: a low one is no fault, which is why the clicks of the logged actions are measured beside.

    Args:
        turns: One or more.
        answers: What the listener makes of them.

    Returns:
        `figures` and `logged`, a `Figure` by its name; `counts`; and `milliseconds` a turn, the median of the batches.
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
    """Returns by how much each figure of a listener is above that of another one, on the same turns and so paired.

    Args:
        turns: One or more.
        answers: What the listener makes of them.
        others: What the other one makes of them.
    """
    units = _units(turns)
    theirs = _statistics(turns, others)
    return {name: _figure(_difference(own, theirs[name]), units) for name, own in _statistics(turns, answers).items()}


PARTS = ("exact_match", "click_precision")
"""The figures that are told for parts of the turns."""


def by_part(turns: Sequence[LoggedTurn], answers: Answers, part: Callable[[LoggedTurn], Any]) -> dict[str, Any]:
    """Returns the figures of `PARTS` for each part of the turns.

    Args:
        turns: One or more.
        answers: What the listener makes of them.
        part: Names the part that a turn belongs to.

    Returns:
        For each part, in order, its `turns`, how many of them are `rewarded`, and the figures, None without any count.
    """
    names = [part(turn) for turn in turns]
    counted = {name: of for name, of in _counted(turns, answers).items() if name in PARTS and of}
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
"""What is counted in each turn, and of how many: a figure is the ratio of the two sums."""


def _counted(turns: Sequence[LoggedTurn], answers: Answers) -> dict[str, Counted | None]:
    """Returns the figures that are ratios; None is one that the listener has not."""
    rewarded, corrected, clicked = _kinds(turns)
    same = np.array([action == turn.action for action, turn in zip(answers.actions, turns, strict=True)])
    counted: dict[str, Counted | None] = {
        "exact_match": (same & rewarded, rewarded),
        **_clicks(turns, answers.actions),
        "legality": (np.array(answers.legal), np.ones(len(turns))),
    }
    for name, kind in (("log_prob_rewarded", rewarded), ("log_prob_corrected", corrected)):
        chosen = kind & clicked
        # A single impossible action would make the mean minus infinity, which says nothing of the others.
        log_probs = np.full(len(turns), np.nan) if answers.log_probs is None else answers.log_probs
        counted[name] = (np.where(chosen, log_probs, 0), chosen) if np.isfinite(log_probs[chosen]).all() else None
    return counted


def _clicks(turns: Sequence[LoggedTurn], actions: Sequence[Action]) -> dict[str, Counted]:
    right = np.array([_right_clicks(turn, action) for turn, action in zip(turns, actions, strict=True)])
    done = np.array([len(action.clicks) for action in actions])
    open_ = np.array([len(turn.targets ^ turn.view.selected) for turn in turns])
    return {"click_precision": (right, done), "click_recall": (right, open_)}


def _statistics(turns: Sequence[LoggedTurn], answers: Answers) -> dict[str, Statistic | None]:
    """Returns all figures as functions of the units that are drawn."""
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
    """Returns the number of the speaker of each turn, or of its game where there is one speaker, int64 (turns,)."""
    by_speaker, by_game = (_numbered(names) for names in ([t.speaker for t in turns], [t.game for t in turns]))
    return by_speaker if by_speaker.max() else by_game


def _numbered(names: Sequence[Any]) -> np.ndarray:
    """Returns a number for each name, from 0 in the order in which they come: no draw depends on what they are."""
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names])


def _kinds(turns: Sequence[LoggedTurn]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns which logged actions were rewarded, which were corrected, and which have clicks, bool (turns,) each."""
    rewarded = np.array([turn.feedback is Feedback.POSITIVE for turn in turns])
    corrected = np.array([turn.feedback is Feedback.NEGATIVE for turn in turns])
    return rewarded, corrected, np.array([bool(turn.action.clicks) for turn in turns])


def _chance(seed: int, view: View) -> np.random.Generator:
    """Returns the chance of a turn: it follows from the game's name, so that no other game has a say in it."""
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


def told(name: str, figure: Figure) -> str:
    """Returns a figure with its interval in brackets, in percent but for log-probabilities; a dash if there is none."""
    if figure and name.startswith("log_prob"):
        return f"{figure['mean']:.2f} ({figure['low']:.1f}, {figure['high']:.1f})"
    return percent(figure, 1, "%")
