"""The systems whose learning `learning_curve.py` compares, and the job that runs one of them with one seed.

A job is a run of RESPECT in a folder of its own. After it the policies of its rounds play a fixed set of games: the
same contexts, speakers and chance for every round, system and seed, on the split that was deployed and on one that no
policy saw. What came of it is in `curve.json`; a job that has one is not run again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from multiref_gym.agents.evaluation.measures import measure
from multiref_gym.agents.learning.jobs import Curve, Job, peak_memory_gb
from multiref_gym.agents.learning.objectives import SupAndUnlikelihood
from multiref_gym.agents.learning.respect import OPTIMISATION, SEED, SIMILARITY, SUP, TURNS, Config, Learner, Respect
from multiref_gym.agents.learning.run_folder import known
from multiref_gym.agents.listeners.named import new_listener
from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.agents.listeners.small.model import SmallModel
from multiref_gym.agents.play import new_games, play
from multiref_gym.commands.options import Count
from multiref_gym.episode import Episode
from multiref_gym.feedback import Feedback, ground_truth
from multiref_gym.files import write_atomically
from multiref_gym.game import Action
from multiref_gym.interaction import Interaction
from multiref_gym.listener import Listener
from multiref_gym.simulators.named import speaker_of
from multiref_gym.speaker import Speaker
from multiref_gym.tangrams import load_tangrams
from multiref_gym.tangrams.tangram_set import SplitName, TangramSet

FIXED_GAMES = 20241013852
"""Seeds the fixed games, whatever the seed of a run."""


class Labelled(Respect):
    """RESPECT with labels of our own on the deployed actions in place of decoded feedback.

    The seed is decoded as ever, so that round 0 is the same. In the store the labels stand under the decoder's name.
    """

    def _label(self, action: Action, targets: Collection[int]) -> Feedback:
        raise NotImplementedError

    def _decode(self, system: str, round: int) -> None:
        if system == SEED:
            super()._decode(system, round)
        elif not self.store.has_feedback(system, round, self._feedback):
            games = self.store.interactions(system, round)
            labels = [[self._label(turn.action, game.targets) for turn in game.turns[:-1]] for game in games]
            self.store.add_feedback(system, round, self._feedback, labels)


class AllPositive(Labelled):
    """Takes every action as positive: what is learned from it owes nothing to feedback."""

    def _label(self, action: Action, targets: Collection[int]) -> Feedback:
        return Feedback.POSITIVE


class TrueLabels(Labelled):
    """Has the true labels: no learner but a bound, what a decoder that is never wrong would teach.

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


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The fixed games.

    Attributes:
        games: How many there are on either split.
        unseen: The split that is not deployed: what no policy sees before it is judged.
    """

    games: Count = 1000
    unseen: SplitName = "test"


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
    """Runs what of a job is not done yet, and writes and returns its curve.

    Returns:
        What was run (`system`, `seed`, `record`, `evaluation`), what it took (`cost`), and the measures of all
        `rounds`: those of `Respect.rounds`, with each game's outcome (`by_game`), and those of the fixed games
        (`fixed`, by "seen" and "unseen"; None where they were not played).

    Raises:
        UserError: If the job cannot be run, or its folder is of another one.
    """
    resumed = (job.folder / "config.json").exists()
    respect = job.respect()
    path = job.folder / "curve.json"
    what = {
        "system": job.system.learner.name,
        "seed": job.config.seed,
        "record": respect.record,
        "evaluation": {**asdict(job.evaluation), "seed": FIXED_GAMES},
    }
    with respect.store as store:
        if (there := known(path, what)) is not None:
            return there
        rounds, cost = run_timed(respect, resumed)
        tangrams = load_tangrams(job.config.tangrams)
        for measured in rounds:
            round = measured["round"]
            for system, measures in measured["systems"].items():
                measures["by_game"] = by_game(store.interactions(system, round))
            measured["fixed"] = None
            if job.system.every_round or round in (0, job.config.rounds):
                listener = new_listener(job.config.listener, tangrams, model=job.folder / f"round-{round}")
                measured["fixed"] = evaluate(listener, tangrams, job.config, job.evaluation)
    text = json.dumps({**what, "cost": cost, "rounds": rounds})
    write_atomically(path, text + "\n")
    curve: Curve = json.loads(text)  # as it is read back, with lists for tuples
    return curve


def run_timed(respect: Respect, resumed: bool) -> tuple[list[dict[str, Any]], dict[str, float | None]]:
    """Returns the measures of all rounds, and what they took if they were run in one go.

    The cost is written at once, as an evaluation that is interrupted must not lose it.
    """
    start = perf_counter()
    rounds = list(respect.rounds())
    path = respect.out / "cost.json"
    if not path.exists():
        taken = {"seconds": perf_counter() - start, "peak_memory_gb": peak_memory_gb()}
        write_atomically(path, json.dumps(dict.fromkeys(taken) if resumed else taken) + "\n")
    cost: dict[str, float | None] = json.loads(path.read_text(encoding="utf-8"))
    return rounds, cost


def evaluate(listener: Listener, tangrams: TangramSet, config: Config, evaluation: Evaluation) -> dict[str, Any]:
    """Returns the measures of a policy on the fixed games, by "seen" and "unseen"."""
    make_speaker = speaker_of(config.speaker, tangrams, config.personas)
    measures = {}
    for name, split in {"seen": config.split, "unseen": evaluation.unseen}.items():
        games = play(listener, fixed_games(tangrams.split(split), evaluation.games, make_speaker))
        measures[name] = {**measure(games), "by_game": by_game(games)}
    return measures


def fixed_games(tangrams: TangramSet, count: int, make_speaker: Callable[[], Speaker]) -> list[Episode]:
    """Returns the fixed games; fewer of them are the first of more.

    Raises:
        TangramError: If there are too few tangrams.
    """
    seed = np.random.SeedSequence(FIXED_GAMES)
    return new_games(tangrams, range(count), make_speaker, seed, similarity=SIMILARITY)


def by_game(games: Sequence[Interaction]) -> dict[str, str]:
    """Returns whether each game was won (1 or 0) and its number of turns, as short texts of numbers."""
    return {
        "won": " ".join(str(int(game.success)) for game in games),
        "turns": " ".join(str(len(game.turns)) for game in games),
    }
