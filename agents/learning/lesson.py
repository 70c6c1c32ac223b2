"""A lesson: all that decides what a policy learns, so that it can be learned elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from multiref_gym.agents.learning.learn import Example, Optimisation, TrainableListener, learn
from multiref_gym.agents.learning.objectives import Objective
from multiref_gym.agents.listeners.named import Load, Model


class Learned(NamedTuple):
    """What came of a lesson.

    Attributes:
        save: Saves the policy to a folder, as `TrainableListener.save` does.
        curve: What `learn` tells of each epoch.
    """

    save: Callable[[Path], None]
    curve: list[dict[str, float]]


@dataclass(frozen=True)
class Lesson:
    """What is learned, from what and how; see `learn`.

    Attributes:
        load: Loads a listener.
        start: What it learns from: what is loaded first.
        reference: What the policy is compared with, if the objective does so.
        examples: What it learns from.
        objective: What is minimised.
        optimisation: How.
        seed: For the order of the examples and for dropout.
        measured: Called with the listener after each epoch.
    """

    load: Load
    start: Model
    reference: Model
    examples: Sequence[Example]
    objective: Objective
    optimisation: Optimisation
    seed: int
    measured: Callable[[TrainableListener], dict[str, Any]] = lambda listener: {}

    def learn(
        self,
        on_step: Callable[[int, int], None],
        kept: Path,
        on_epoch: Callable[[], None] = lambda: None,
    ) -> Learned:
        """Learns.

        Args:
            on_step: Called after each step with its number and the number of all.
            kept: The file that the state is kept in after each epoch; learning goes on from it if it is there.
            on_epoch: Called after each epoch, when its state is kept.

        Raises:
            UserError: As `load` and `learn` do.
        """
        listener = self.load(self.start)
        reference = self.load(self.reference) if self.objective.needs_reference else None

        curve = learn(
            *(listener, self.examples, self.objective, self.optimisation, self.seed, on_step, reference),
            measured=lambda: self.measured(listener),
            kept=kept,
            on_epoch=on_epoch,
        )
        return Learned(listener.save, curve)
