"""The systems whose learning `learning_curve.py` compares, and the job that runs one of them with one seed.

A job is a run of RESPECT in a folder of its own. After it the policies of its rounds play a fixed set of games: the
same contexts, speakers and chance for every round, system and seed, on the split that was deployed and on one that no
policy saw. What came of it is in `curve.json`; a job that has one is not run again.
"""

from __future__ import annotations

from collections.abc import Collection
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from multiref_gym.agents.learning.jobs import Curve, Job, Measures, run_curve
from multiref_gym.agents.learning.objectives import SupAndUnlikelihood
from multiref_gym.agents.learning.respect import OPTIMISATION, SEED, SUP, TURNS, Learner, Respect
from multiref_gym.agents.listeners.named import new_listener
from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.agents.listeners.small.model import SmallModel
from multiref_gym.benchmarks.fixed_games import FIXED_GAMES, Evaluation, by_game, evaluate
from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.game import Action
from multiref_gym.tangrams import TangramSet, load_tangrams


class AllPositive(Respect):
    """RESPECT that takes every deployed action as positive: what is learned from it owes nothing to feedback.

    The seed is decoded as ever, so that round 0 is the same. In the store the labels stand under the decoder's name.
    """

    def _label(self, action: Action, targets: Collection[int]) -> Feedback:
        return Feedback.POSITIVE

    def _decode(self, system: str, round: int) -> None:
        if system == SEED:
            super()._decode(system, round)
        elif not self.store.has_feedback(system, round, self._feedback):
            games = self.store.interactions(system, round)
            labels = [[self._label(turn.action, game.targets) for turn in game.turns[:-1]] for game in games]
            self.store.add_feedback(system, round, self._feedback, labels)


class TrueLabels(AllPositive):
    """Has the true labels in their place: no learner but a bound, what a decoder that is never wrong would teach.

    As with a binary decoder an action that is half good is negative.
    """

    def _label(self, action: Action, targets: Collection[int]) -> Feedback:
        return Feedback.POSITIVE if ground_truth(action, targets) is Feedback.POSITIVE else Feedback.NEGATIVE


class LowRankListener(SmallListener):
    """The small listener, of which low-rank updates are learned in place of its weights (LoRA, Hu et al. 2022).

    Rank and scale are the paper's. The updates are of all linear layers but the vision's; word embeddings are learned
    in full, as a word that is new has nothing to be updated. A policy is saved with its updates merged.
    """

    def __init__(self, model: SmallModel, tangrams: TangramSet) -> None:
        super().__init__(model, tangrams)
        layers = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
        layers = [name for name in layers if not name.startswith("vision.")]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.model: Any = get_peft_model(
                model, LoraConfig(r=8, lora_alpha=8, target_modules=layers, modules_to_save=["pieces"])
            )
        self.model.train(False)

    def save(self, path: Path) -> None:
        """Saves the network, with what was learned merged into it, as a checkpoint folder."""
        deepcopy(self.model).merge_and_unload().save_pretrained(path)


@dataclass(frozen=True, slots=True)
class System:
    """What learns, and from what.

    Attributes:
        meaning: What it is, in a line.
        learner: How it learns; its name is that of the system.
        loop: What runs it.
        listener: What learns, if it is not the listener that is asked for.
        every_round: Whether the policies of all rounds play the fixed games; if not, those of the first and the last.
    """

    meaning: str
    learner: Learner
    loop: type[Respect] = Respect
    listener: str | None = None
    every_round: bool = False


def _without(name: str, **rule: Any) -> Learner:
    """Returns TURNS without one of its rules."""
    return replace(TURNS, name=f"TURNS-{name}", credit=replace(TURNS.credit, **rule))


SAME = replace(OPTIMISATION, other_distractors=0.0)
LEARNERS = (
    System("learns from decoded positives, as in the paper", SUP, every_round=True),
    System("gives credit over several turns", TURNS, every_round=True),
)
BOUNDS = (
    System("takes every action as positive", replace(SUP, name="ALL"), AllPositive),
    System("has true labels in place of decoded ones: a bound", replace(SUP, name="TRUE"), TrueLabels),
    System(
        "SUP, each example with its own distractors in every pass", replace(SUP, name="SUP-same", optimisation=SAME)
    ),
    System(
        "ALL, each example with its own distractors in every pass",
        replace(SUP, name="ALL-same", optimisation=SAME),
        AllPositive,
    ),
)
ABLATIONS = (
    System("TURNS, last action of a won game left out", _without("last", last_action=False)),
    System("TURNS, final selection not looked at", _without("final", final_selection=False)),
    System("TURNS, failed descriptions left out", _without("relabelled", relabelled=0.0)),
    System("TURNS, negatives left out", replace(TURNS, name="TURNS-negatives", objective=SupAndUnlikelihood(0.0))),
    System("SUP, low-rank updates", replace(SUP, name="SUP-LoRA"), listener=f"{__name__}:LowRankListener"),
)


@dataclass(frozen=True, slots=True)
class SystemJob(Job):
    """One system with one seed.

    Attributes:
        config: How it is run, but for what the system has of its own.
        system: What is run.
        evaluation: What the policies play afterwards.
    """

    system: System
    evaluation: Evaluation

    def respect(self) -> Respect:
        """Returns the run; see `Respect` for the errors."""
        listener = self.system.listener or self.config.listener
        return self.system.loop(replace(self.config, listener=listener), self.system.learner, self.folder)


def run_job(job: SystemJob) -> Curve:
    """Runs what of a job is not done yet, and writes and returns its curve; see `run_curve` for the errors.

    Returns:
        As `run_curve` does, with `evaluation`. The measures of a round have each game's outcome (`by_game`), and those
        of the fixed games (`fixed`, by "seen" and "unseen"; None where they were not played).
    """

    def told(respect: Respect, rounds: list[Measures]) -> list[Measures]:
        tangrams = load_tangrams(job.config.tangrams)
        for measured in rounds:
            round = measured["round"]
            for system, measures in measured["systems"].items():
                measures["by_game"] = by_game(respect.store.interactions(system, round))
            measured["fixed"] = None
            if job.system.every_round or round in (0, job.config.rounds):
                listener = new_listener(job.config.listener, tangrams, model=job.folder / f"round-{round}")
                measured["fixed"] = evaluate(listener, tangrams, job.config, job.evaluation)
        return rounds

    return run_curve(job, job.respect, told, evaluation={**asdict(job.evaluation), "seed": FIXED_GAMES})
