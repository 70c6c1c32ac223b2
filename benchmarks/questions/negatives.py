"""Why do negatives hardly help, and is there a use of them that does?

    multiref bench negatives [--seeds 3] [--jobs 2] [--out runs/negatives]

An action that was rejected was not what the speaker wanted, and no more is said. How much that is follows from how
likely the action was: to learn that something of probability p is wrong tells -log(1 - p), to learn that it is right
tells -log(p). A first table has what positives and negatives told in this sense, in nats, when each was said, and how
likely the rejected actions are under the next policy, which learned from the positives alone.

The second table compares uses of negatives. Unlikelihood, -log(1 - p), is the likelihood of all that a rejection says:
there is no more in it. LAST TARGET adds what the game tells later: where a game was won, nothing wrong was selected and
one target was missing, a rejected action should have selected that target. TOLD is a bound: each rejected action gives
way to the one that the speaker wanted, which no learner can know.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from multiref_gym.agents.evaluation.tables import Sheet
from multiref_gym.agents.learning.jobs import Curve
from multiref_gym.agents.learning.learn import Example
from multiref_gym.agents.learning.objectives import SupAndUnlikelihood
from multiref_gym.agents.learning.respect import SUP, Respect
from multiref_gym.benchmarks.questions.asking import Question, Way, deployed, fixed
from multiref_gym.feedback import Feedback
from multiref_gym.game import MAX_TURNS, Action
from multiref_gym.interaction import Interaction
from multiref_gym.listener import View

LIKELY = 0.1
"""From which probability on a rejected action is one that the next policy may still do."""
LIKELIHOODS = "before", "after", "still"
AT_ONCE = 256


def rejected(game: Interaction, feedback: Sequence[Feedback | None]) -> list[tuple[int, View, Action, float]]:
    """Returns the number, view, action and log-probability of the turns of a game that were decoded as negative."""
    return [
        (number, view, turn.action, turn.log_prob)
        for number, (view, turn, value) in enumerate(zip(game.views(), game.turns, feedback, strict=False))
        if value is Feedback.NEGATIVE and turn.action.clicks and turn.log_prob is not None
    ]


class Relabelled(Respect, ABC):
    """RESPECT that learns other actions, as positives, in place of some that were rejected."""

    @abstractmethod
    def _instead(self, game: Interaction) -> Mapping[int, Action]:
        """Returns for turns of a game the actions that would have been right."""

    def _teaches(self, system: str, game: Interaction, feedback: Sequence[Feedback]) -> list[Example]:
        examples = super()._teaches(system, game, feedback)
        if system == self.learner.name:
            instead = self._instead(game)
            examples += [
                Example(view, action, Feedback.POSITIVE)
                for number, view, _, _ in rejected(game, feedback)
                if (action := instead.get(number)) and action.clicks
            ]
        return examples


class LastTarget(Relabelled):
    """In a won game a description was of the one target that was missing."""

    def _instead(self, game: Interaction) -> Mapping[int, Action]:
        if len(game.turns) == MAX_TURNS:
            return {}
        final = game.selections[-1]
        return {
            number: Action(select=final - selected)
            for number, selected in enumerate(game.selections[:-1])
            if selected <= final and len(final - selected) == 1
        }


class WantedInstead(Relabelled):
    """A bound: the speaker says what it wanted whenever it rejects an action."""

    def _instead(self, game: Interaction) -> Mapping[int, Action]:
        number = int(game.game_id.rpartition("-")[2])
        episode = self._start("", self._make_speaker, game.round)(numbers=[number])[0]
        wanted = {}
        for turn, done in enumerate(game.turns):
            wanted[turn] = episode.wanted
            episode.take(done.action)
        return wanted


def said(respect: Respect) -> list[dict[str, Any]]:
    """Returns by round what positives and negatives told, and how likely the rejected actions are after it.

    Returns:
        Of each round but the last, `positives` and `negatives`: how many, and what each told in nats (`told`) when it
        was said. Of negatives also their mean probability `before` and `after` the next lesson, and in how many it was
        at least `LIKELY` then (`still`).
    """
    found = []
    name, feedback = respect.learner.name, respect.record["config"]["decoder"]
    for round in range(respect.config.rounds):
        games = respect.store.interactions(name, round)
        positives, negatives = [], []
        for game, values in zip(games, respect.store.feedback(feedback, name, round), strict=True):
            negatives += rejected(game, values)
            positives += [
                turn.log_prob
                for turn, value in zip(game.turns, values, strict=False)
                if value is Feedback.POSITIVE and turn.log_prob is not None
            ]
        policy, before = respect.policy(round + 1), np.exp([log_prob for *_, log_prob in negatives])
        with torch.no_grad():
            parts = [negatives[start : start + AT_ONCE] for start in range(0, len(negatives), AT_ONCE)]
            scores = [policy.score([view for _, view, _, _ in p], [action for _, _, action, _ in p]) for p in parts]
        after = np.exp(np.concatenate([score.log_prob.numpy() for score in scores])) if scores else np.zeros(0)
        found.append(
            {
                "round": round,
                "positives": {"count": len(positives), "told": float(-np.sum(positives))},
                "negatives": {
                    "count": len(negatives),
                    "told": float(-np.log1p(-np.minimum(before, 0.999)).sum()),
                    "before": float(before.sum()),
                    "after": float(after.sum()),
                    "still": int((after >= LIKELY).sum()),
                },
            }
        )
    return found


def _unlikelihood(weight: float) -> Way:
    learner = replace(SUP, name=f"SUP-{weight}", objective=SupAndUnlikelihood(weight))
    return Way(f"unlikelihood on the negatives, with a weight of {weight}", learner)


WAYS = {
    "SUP": Way("negatives left out", SUP),
    "unlikelihood 0.1": _unlikelihood(0.1),
    "unlikelihood 1": _unlikelihood(1.0),
    "last target": Way(
        "the missing target in place of the rejected action, where a won game tells it", SUP, LastTarget
    ),
    "told": Way("a bound: the wanted action in place of the rejected one", SUP, WantedInstead),
}


@dataclass(frozen=True, kw_only=True)
class NegativesCommand(Question):
    """Why do negatives hardly help, and is there a use of them that does?

    Attributes:
        out: The folder of the runs.
    """

    name = "negatives"
    told = said

    out: Path = Path("runs/negatives")

    def ways(self) -> Mapping[str, Way]:
        """Returns the uses of negatives."""
        return WAYS

    def sheets(self, curves: Mapping[str, Sequence[Curve]]) -> list[Sheet]:
        """Returns what negatives told where they were left out, and what comes of their uses."""
        of_runs = [curve["rounds"][-1]["more"] for curve in curves["SUP"]]

        def total(round: int, kind: str, what: str) -> float:
            return float(sum(of_run[round][kind][what] for of_run in of_runs))

        rows = []
        for round in range(self.config.rounds):
            counts = {kind: max(1, total(round, kind, "count")) for kind in ("positives", "negatives")}
            told = {kind: total(round, kind, "told") for kind in counts}
            likely = [100 * total(round, "negatives", what) / counts["negatives"] for what in LIKELIHOODS]
            rows.append(
                [
                    str(round),
                    *(f"{counts[kind] / len(of_runs):.0f} × {told[kind] / counts[kind]:.2f}" for kind in counts),
                    f"{100 * told['negatives'] / sum(told.values()):.0f} %",
                    *(f"{share:.0f} %" for share in likely),
                ]
            )
        heads = ["positives × nats each", "negatives × nats each", "negatives' share of what was told"]
        heads += ["their mean probability", "under the next policy", f"at least {LIKELY:.0%} there"]
        uses = [
            [name, deployed(of_way), fixed(of_way, "seen, sampled"), fixed(of_way, "seen, likeliest")]
            for name, of_way in curves.items()
        ]
        return [
            Sheet(f"What SUP's positives and negatives told; {self.title}", ["round", *heads], rows),
            Sheet(
                f"Games won while deployed, and fixed games won after round {self.config.rounds}; {self.title}",
                ["negatives", "deployed, all rounds", "fixed, sampled", "fixed, likeliest"],
                uses,
            ),
        ]
