"""How fast are playing and learning, and which choices make them faster?

    multiref bench learning-speed [--games 100] [--seed 0]

The small listener plays games, and learns from their turns for one epoch: in RESPECT's way (two threads, batches of
similar length, float32), and in ways that differ from it in one thing. All ways are measured in one run, round after
round, and the figures are medians, because other work on the machine changes its speed. Ratios are to RESPECT's way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from unittest.mock import patch

import numpy as np
import torch
from rich.table import Table

from multiref_gym.agents.learning import learn as learning
from multiref_gym.agents.learning.learn import Example, learn
from multiref_gym.agents.learning.objectives import Sup
from multiref_gym.agents.learning.respect import OPTIMISATION, SIMILARITY
from multiref_gym.agents.listeners.small import halves
from multiref_gym.agents.listeners.small import listener as small
from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.agents.listeners.small.model import SmallModel
from multiref_gym.agents.play import new_games, play
from multiref_gym.commands.options import Count, Natural
from multiref_gym.commands.screen import Screen
from multiref_gym.feedback import Feedback
from multiref_gym.interaction import Interaction
from multiref_gym.listener import Listener
from multiref_gym.provenance import provenance
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import TangramSet, load_tangrams

REPEATS = 5


@contextmanager
def one_thread() -> Iterator[None]:
    """Makes one thread process the parts of each batch during the block."""
    with ThreadPoolExecutor(1) as thread, patch.object(halves, "THREADS", thread):
        yield


def bfloat16() -> AbstractContextManager[object]:
    """Makes the network multiply in mixed precision during the block."""
    return patch.object(SmallModel, "forward", torch.autocast("cpu", torch.bfloat16)(SmallModel.forward))


def any_length(lengths: Sequence[int], size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Returns batches as `learn.batches` does, but of examples of any length."""
    return np.split(rng.permutation(len(lengths)), range(size, len(lengths), size))


LEARNING: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "as RESPECT does it": nullcontext,
    "batches of any length": lambda: patch.object(learning, "batches", any_length),
    "mixed precision (bfloat16)": bfloat16,
    "one thread": one_thread,
}
PLAYING: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "as RESPECT does it": nullcontext,
    "all games in two batches": lambda: patch.object(small, "PLAYED_AT_ONCE", 10**6),
    "mixed precision (bfloat16)": bfloat16,
    "one thread": one_thread,
}


def played(listener: Listener, tangrams: TangramSet, games: int, seed: int) -> list[Interaction]:
    """Plays games with figurative speakers."""
    seeds, make_speaker = np.random.SeedSequence(seed), partial(ScriptedSpeaker, tangrams)
    return play(listener, new_games(tangrams.split("dev"), range(games), make_speaker, seeds, similarity=SIMILARITY))


def examples_of(games: Sequence[Interaction]) -> list[Example]:
    """Returns all turns of some games, as if each action were right."""
    return [
        Example(view, turn.action, Feedback.POSITIVE)
        for game in games
        for view, turn in zip(game.views(), game.turns, strict=True)
    ]


def rates(ways: Mapping[str, Callable[[], int]], repeats: int) -> dict[str, float]:
    """Returns the amount of work per second in each way, medians over rounds in which all ways take turns.

    Args:
        ways: Functions that do some work and return its amount.
        repeats: The number of rounds.
    """

    def rate(work: Callable[[], int]) -> float:
        start = perf_counter()
        return work() / (perf_counter() - start)

    rounds = [[rate(work) for work in ways.values()] for _ in range(repeats)]
    return dict(zip(ways, np.median(rounds, axis=0).tolist(), strict=True))


def within(make: Callable[[], AbstractContextManager[object]], work: Callable[[], int]) -> int:
    """Does work with one difference."""
    with make():
        return work()


@dataclass(frozen=True, kw_only=True)
class LearningSpeed:
    """How fast are playing and learning, and which choices make them faster?

    Attributes:
        games: The number of games in each measurement.
        seed: The seed of the games.
    """

    games: Count = 100
    seed: Natural = 0

    def run(self, screen: Screen) -> None:
        """Measures, and prints the table."""
        figures = load_tangrams("figures")
        listener = SmallListener.load(figures)
        examples = examples_of(played(listener, figures, self.games, self.seed))
        epoch = replace(OPTIMISATION, epochs=1)

        def learned() -> int:
            learn(SmallListener.load(figures), examples, Sup(), epoch, seed=0)
            return len(examples)

        def turns() -> int:
            return sum(len(game.turns) for game in played(listener, figures, self.games, self.seed))

        table = Table("", "a second", "ratio", title=f"One epoch over {len(examples)} turns; {self.games} games")
        for heading, ways, work in (("examples learned", LEARNING, learned), ("turns played", PLAYING, turns)):
            found = rates({way: partial(within, make, work) for way, make in ways.items()}, REPEATS)
            table.add_section()
            for way, rate in found.items():
                table.add_row(f"{heading}, {way}", f"{rate:,.0f}", f"{rate / found['as RESPECT does it']:.2f}")
        screen.show(table, str(provenance()["machine"]))
