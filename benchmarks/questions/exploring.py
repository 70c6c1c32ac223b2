"""How much should a deployed policy explore?

    multiref bench exploring [--seeds 3] [--jobs 2] [--out runs/exploring]

A policy that samples explores more, and loses games by it. A temperature below 1 makes likely actions more likely; at 0
the policy takes the likeliest action. The table shows both sides: the games won while deployed, and how much the last
policy has learned, by the fixed games that it wins with its likeliest actions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from multiref_gym.agents.evaluation.tables import Sheet
from multiref_gym.agents.learning.jobs import Curve
from multiref_gym.agents.learning.respect import SUP, Respect
from multiref_gym.agents.listeners.named import Load, Model
from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.benchmarks.questions.asking import Question, Way, deployed, fixed


class Exploring(SmallListener):
    """The small listener with a temperature; it samples in a fraction of turns, and else takes the likeliest action.

    Its log-probability of an action is that of the policy itself, at temperature 1.

    Attributes:
        temperature: The number that divides log-probabilities.
        explores: The fraction of turns in which it samples.
    """

    temperature: float = 1.0
    explores: float = 1.0

    def _drawn(self, log_probs: np.ndarray, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sampled = draws < self.explores
        stretched = np.divide(draws, self.explores, out=np.zeros_like(draws), where=sampled)
        numbers, doubtful = super()._drawn(log_probs / self.temperature, stretched)
        return np.where(sampled, numbers, log_probs.argmax(axis=1)), doubtful


class ExploringRespect(Respect):
    """RESPECT with an `Exploring` listener; subclasses choose how it explores."""

    first: ClassVar[float] = 1.0
    """The temperature in the first round."""
    last: ClassVar[float] = 1.0
    """The temperature in the last round; in between it changes evenly."""
    explores: ClassVar[float] = 1.0
    """The fraction of turns in which the policy samples."""

    def _acting(self, round: int) -> Load:
        done = round / max(1, self.config.rounds)
        return partial(_exploring, self._load, self.first + (self.last - self.first) * done, self.explores)


def _exploring(load: Load, temperature: float, explores: float, model: Model) -> Exploring:
    listener = load(model)
    assert isinstance(listener, Exploring)
    listener.temperature, listener.explores = temperature, explores
    return listener


class Sampled(ExploringRespect):
    """Samples from the policy as it is."""


class Half(ExploringRespect):
    """Samples at half the temperature."""

    first = last = 0.5


class Cooling(ExploringRespect):
    """Samples at a temperature that falls from 1 to 0.25."""

    last = 0.25


class Fifth(ExploringRespect):
    """Samples in one turn of five on average, and takes the likeliest action in the others."""

    explores = 0.2


class Likeliest(ExploringRespect):
    """Always takes the likeliest action."""

    explores = 0.0


WAYS = {
    "sampled": Sampled,
    "half": Half,
    "cooling": Cooling,
    "a fifth": Fifth,
    "likeliest": Likeliest,
}


@dataclass(frozen=True, kw_only=True)
class ExploringCommand(Question):
    """How much should a deployed policy explore?

    Attributes:
        out: The folder of the runs.
    """

    name = "exploring"

    out: Path = Path("runs/exploring")

    def ways(self) -> Mapping[str, Way]:
        """Returns the ways to explore."""
        changes = {"listener": f"{__name__}:Exploring"}
        return {name: Way((loop.__doc__ or "").rstrip("."), SUP, loop, changes) for name, loop in WAYS.items()}

    def sheets(self, curves: Mapping[str, Sequence[Curve]]) -> list[Sheet]:
        """Returns a table of the deployed games won, and of the fixed games won at the end."""
        columns = ["seen, sampled", "seen, likeliest", "unseen, likeliest"]
        rows = [
            [name, deployed(of_way), *(fixed(of_way, column) for column in columns)] for name, of_way in curves.items()
        ]
        title = f"Games won while deployed, and fixed games won by the last policy; {self.title}"
        return [Sheet(title, ["explores", "deployed, all rounds", *columns], rows)]
