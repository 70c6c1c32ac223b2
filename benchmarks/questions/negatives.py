"""Why do negatives hardly help, and is there a use of them that does?

    multiref bench negatives [--seeds 3] [--jobs 2] [--out runs/negatives]

A rejection says only that an action was not the one that the speaker wanted. Its information depends on the probability
p of the action: to learn that the action is wrong is worth -log(1 - p), to learn that it is right -log(p). The first
table shows this information, in nats, for the positives and the negatives of each round when they were given. It also
shows how probable the rejected actions are under the next policy, which learned from the positives alone.

The second table compares uses of negatives. Unlikelihood, -log(1 - p), is the loss that uses exactly this information;
a rejection holds no more. LAST TARGET adds what the game shows later: if the game was won, and nothing wrong was
selected and one target was missing at a rejected action, that action should have selected the target. TOLD is a bound:
it replaces each rejected action by the one that the speaker wanted, which no learner can know.
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
"""The lowest probability at which the next policy is still likely to take a rejected action."""
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
    """RESPECT that learns other actions, as positives, in place of some rejected ones."""

    @abstractmethod
    def _instead(self, game: Interaction) -> Mapping[int, Action]:
        """Returns the right actions of some turns of a game, by the number of the turn."""

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
    """Learns from won games: if only one target was missing, the description was of this target."""

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
    """A bound: the speaker gives the wanted action whenever it rejects one."""

    def _instead(self, game: Interaction) -> Mapping[int, Action]:
        number = int(game.game_id.rpartition("-")[2])
        episode = self._start("", self._make_speaker, game.round)(numbers=[number])[0]
        wanted = {}
        for turn, done in enumerate(game.turns):
            wanted[turn] = episode.wanted
            episode.take(done.action)
        return wanted


def information(respect: Respect) -> list[dict[str, Any]]:
    """Returns the information in the positives and negatives of each round except the last.

    Returns:
        For each round, `positives` and `negatives`: their `count`, and the sum of their information in nats when they
        were given (`told`). Negatives also have the sums of their probabilities `before` and `after` the next lesson,
        and the number whose probability is then still at least `LIKELY` (`still`).
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
    "last target": Way("the missing target in place of the rejected action, if a won game shows it", SUP, LastTarget),
    "told": Way("a bound: the wanted action in place of the rejected one", SUP, WantedInstead),
}


@dataclass(frozen=True, kw_only=True)
class NegativesCommand(Question):
    """Why do negatives hardly help, and is there a use of them that does?

    Attributes:
        out: The folder of the runs.
    """

    name = "negatives"
    more = information

    out: Path = Path("runs/negatives")

    def ways(self) -> Mapping[str, Way]:
        """Returns the uses of negatives."""
        return WAYS

    def sheets(self, curves: Mapping[str, Sequence[Curve]]) -> list[Sheet]:
        """Returns a table of the information in SUP's feedback, and one that compares uses of negatives."""
        of_runs = [curve["rounds"][-1]["more"] for curve in curves["SUP"]]

        def total(round: int, kind: str, what: str) -> float:
            return float(sum(of_run[round][kind][what] for of_run in of_runs))

        rows = []
        for round in range(self.config.rounds):
            counts = {kind: max(1, total(round, kind, "count")) for kind in ("positives", "negatives")}
            nats = {kind: total(round, kind, "told") for kind in counts}
            likely = [100 * total(round, "negatives", what) / counts["negatives"] for what in LIKELIHOODS]
            rows.append(
                [
                    str(round),
                    *(f"{counts[kind] / len(of_runs):.0f} × {nats[kind] / counts[kind]:.2f}" for kind in counts),
                    f"{100 * nats['negatives'] / sum(nats.values()):.0f} %",
                    *(f"{share:.0f} %" for share in likely),
                ]
            )
        heads = ["positives × nats each", "negatives × nats each", "negatives' share of all nats"]
        heads += ["mean probability of negatives", "under the next policy", f"at least {LIKELY:.0%} there"]
        uses = [
            [name, deployed(of_way), fixed(of_way, "seen, sampled"), fixed(of_way, "seen, likeliest")]
            for name, of_way in curves.items()
        ]
        return [
            Sheet(f"Information in SUP's positives and negatives; {self.title}", ["round", *heads], rows),
            Sheet(
                f"Games won while deployed, and fixed games won after round {self.config.rounds}; {self.title}",
                ["negatives", "deployed, all rounds", "fixed, sampled", "fixed, likeliest"],
                uses,
            ),
        ]
