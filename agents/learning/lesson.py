"""A lesson: everything that decides what a policy learns, so that it can be learned on another machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from multiref_gym.agents.learning.learn import Example, Optimisation, TrainableListener, learn
from multiref_gym.agents.learning.objectives import Objective
from multiref_gym.agents.listeners.named import Load, Model


class Learned(NamedTuple):
    """The outcome of a lesson.

    Attributes:
        save: Saves the policy to a folder, as `TrainableListener.save` does.
        curve: The results of `learn` for each epoch.
    """

    save: Callable[[Path], None]
    curve: list[dict[str, float]]


@dataclass(frozen=True)
class Lesson:
    """The arguments of `learn`.

    Attributes:
        load: Loads a listener.
        start: The policy to start from, loaded first.
        reference: The policy to compare with, if the objective needs one.
        examples: The examples.
        objective: The objective to minimise.
        optimisation: How it is minimised.
        seed: Seeds the order of the examples and dropout.
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
            on_step: Called after each step with its number and the total number of steps.
            kept: The file for the state after each epoch; learning continues from it if it exists.
            on_epoch: Called after each epoch, when its state has been written.

        Raises:
            UserError: As in `load` and `learn`.
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
