"""How much should a deployed policy explore?

    multiref bench exploring [--seeds 3] [--jobs 2] [--out runs/exploring]

A policy that samples finds out more, and loses games by it. A temperature below 1 makes what is likely likelier; at 0
the policy takes the likeliest action. What is won while deployed stands beside what the last policy knows, which shows
when it takes the likeliest action in the fixed games.
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
    """The small listener with a temperature, which samples in a share of its turns and else does what is likeliest.

    The log-probability that it tells of an action is that of the policy, at temperature 1.

    Attributes:
        temperature: What log-probabilities are divided by.
        explores: In what share of the turns it samples.
    """

    temperature: float = 1.0
    explores: float = 1.0

    def _drawn(self, log_probs: np.ndarray, draws: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        sampled = draws < self.explores
        stretched = np.divide(draws, self.explores, out=np.zeros_like(draws), where=sampled)
        numbers, doubtful = super()._drawn(log_probs / self.temperature, stretched)
        return np.where(sampled, numbers, log_probs.argmax(axis=1)), doubtful


class Manner(Respect):
    """RESPECT in whose rounds the policy explores in a manner of their own."""

    first: ClassVar[float] = 1.0
    """The temperature in the first round."""
    last: ClassVar[float] = 1.0
    """That in the last one; in between it changes evenly."""
    explores: ClassVar[float] = 1.0
    """In what share of the turns the policy samples."""

    def _acting(self, round: int) -> Load:
        done = round / max(1, self.config.rounds)
        return partial(_exploring, self._load, self.first + (self.last - self.first) * done, self.explores)


def _exploring(load: Load, temperature: float, explores: float, model: Model) -> Exploring:
    listener = load(model)
    assert isinstance(listener, Exploring)
    listener.temperature, listener.explores = temperature, explores
    return listener


class Sampled(Manner):
    """Samples from the policy as it is."""


class Half(Manner):
    """Samples at half the temperature."""

    first = last = 0.5


class Cooling(Manner):
    """Samples at lower and lower temperatures, from 1 to 0.25."""

    last = 0.25


class Fifth(Manner):
    """Takes the likeliest action in four turns of five, and samples in the fifth."""

    explores = 0.2


class Likeliest(Manner):
    """Takes the likeliest action."""

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
        """Returns the manners of exploring."""
        changes = {"listener": f"{__name__}:Exploring"}
        return {name: Way((loop.__doc__ or "").rstrip("."), SUP, loop, changes) for name, loop in WAYS.items()}

    def sheets(self, curves: Mapping[str, Sequence[Curve]]) -> list[Sheet]:
        """Returns what was won while deployed, and what is known at the end."""
        columns = ["seen, sampled", "seen, likeliest", "unseen, likeliest"]
        rows = [
            [name, deployed(of_way), *(fixed(of_way, column) for column in columns)] for name, of_way in curves.items()
        ]
        title = f"Games won while deployed, and fixed games won by the last policy; {self.title}"
        return [Sheet(title, ["explores", "deployed, all rounds", *columns], rows)]
