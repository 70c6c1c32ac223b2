"""Does a language model that reads the tangrams in words learn from implicit feedback?

    multiref bench llm-learning --base MODEL [--seeds 1] [--rounds 2] [--games 60] [--jobs 1]

A small model finds the described tangram no more often than by chance. So it first has a lesson in plain words, on
figures of "train". It matches parts of descriptions with the figures of a small board. Then it watches games of an
erring listener, and learns the right actions. From that base, RESPECT runs with LoRA on figures of "dev", once with
each seed, with CONTROL beside it. Its speakers also use plain words. Success is that of deployed games, in other
contexts each round, with 95 % bootstrap intervals over games.

The base and each run have their own folder, and the same command continues with the missing steps. Beside them it
writes `table.md` and `results.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from multiref_gym.agents.evaluation.intervals import over_samples
from multiref_gym.agents.learning.jobs import Job, run_all
from multiref_gym.agents.learning.learn import Example, Optimisation, learn
from multiref_gym.agents.learning.objectives import Sup
from multiref_gym.agents.learning.respect import SUP, Config, Report
from multiref_gym.agents.learning.run_folder import claimed
from multiref_gym.agents.listeners.lm.listener import LlmListener
from multiref_gym.agents.listeners.lm.loading import LlmConfig
from multiref_gym.agents.listeners.small.pretrain import watched_games
from multiref_gym.agents.listeners.weights import saved
from multiref_gym.agents.workers import ThisProcess
from multiref_gym.benchmarks.vlm_learning import SCORES, run_job, sheet
from multiref_gym.benchmarks.vlm_lessons import plain_turns
from multiref_gym.checking import read_json
from multiref_gym.commands.options import Count
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback
from multiref_gym.files import write_atomically, write_json
from multiref_gym.provenance import write_results
from multiref_gym.tangrams import TangramSet, load_tangrams

BATCH = 10
"""Examples in a step: about two boards or games."""
LEARNER = replace(SUP, optimisation=Optimisation(epochs=1, batch=BATCH, learning_rate=5e-4))
SETTINGS: dict[str, Any] = {"dtype": "bfloat16", "rank": 16, "alpha": 16, "dropout": 0.0, "trained_at_once": 3}
"""Settings of `llm.json`."""
BASE_SEED = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The first lesson.

    Attributes:
        boards: Boards on which parts of descriptions are matched with figures.
        size: Figures on a board.
        questions: Descriptions for each board.
        games: Watched games.
        mistakes: How often the watched listener selects a wrong tangram.
        learning_rate: Peak learning rate of each part. Each example is learned once.
    """

    boards: int = 150
    size: int = 6
    questions: int = 5
    games: int = 120
    mistakes: float = 0.3
    learning_rate: float = 1e-3


def matching(tangrams: TangramSet, plan: Plan, seed: int) -> list[Example]:
    """Returns examples on boards of a few figures, some of which are described one after another."""
    rng = np.random.default_rng(seed)
    boards = (plain_turns(tangrams, plan.size, plan.questions, rng, f"board-{i}") for i in range(plan.boards))
    return [
        Example(view, action, Feedback.POSITIVE)
        for views, actions in boards
        for view, action in zip(views, actions, strict=True)
    ]


def watching(tangrams: TangramSet, plan: Plan, seed: int) -> list[Example]:
    """Returns the right actions in games of an erring listener."""
    return [
        Example(view, turn.action, Feedback.POSITIVE)
        for game, wanted in watched_games(tangrams, plan.games, seed, mistakes=plan.mistakes)
        for view, turn, meant in zip(game.views(), game.turns, wanted, strict=True)
        if turn.action == meant and meant.clicks
    ]


def matched(listener: LlmListener, tangrams: TangramSet, plan: Plan, boards: int = 30) -> dict[str, float]:
    """Returns how often a listener selects the described figure on other boards, with a 95 % interval over answers."""
    examples = matching(tangrams, replace(plan, boards=boards), BASE_SEED + 1)
    rngs = [np.random.default_rng(seed) for seed in np.random.SeedSequence(BASE_SEED).spawn(len(examples))]
    decisions = listener.act([example.view for example in examples], rngs)
    right = [decision.action == example.action for decision, example in zip(decisions, examples, strict=True)]
    return asdict(over_samples([right]))


def made_base(folder: Path, model: Path, plan: Plan, report: Report) -> dict[str, Any]:
    """Gives a model its first lesson, if the folder has no base yet, and returns the results of each part.

    Raises:
        UserError: If the model cannot be loaded, it has learned already, or the base is of another model or plan.
    """
    config = replace(LlmConfig.of(model), **SETTINGS)
    if config.learned:
        raise UserError(f"{model} is a policy that has learned already: name the model that it was made from")
    settings = {"plan": asdict(plan), "seed": BASE_SEED, "config": asdict(config)}
    if not folder.exists():
        figures = load_tangrams("figures")
        with saved(folder) as unfinished:
            unfinished.mkdir()
            config.write(unfinished)
            listener, start = LlmListener.load(figures, unfinished), process_time()
            parts: dict[str, Any] = {"before": {"matched": matched(listener, figures.split("dev"), plan)}}
            optimisation = Optimisation(epochs=1, batch=BATCH, learning_rate=plan.learning_rate)
            for name, examples in (("matching", matching), ("watching", watching)):
                lesson: Sequence[Example] = examples(figures.split("train"), plan, BASE_SEED)
                [last] = learn(listener, lesson, Sup(), optimisation, BASE_SEED, partial(report, name))
                parts[name] = last | {"examples": len(lesson), "matched": matched(listener, figures.split("dev"), plan)}
            listener.save(unfinished)
            write_json(unfinished / SCORES, settings | {"parts": parts, "cpu_minutes": (process_time() - start) / 60})
    scores = read_json(dict[str, Any], folder / SCORES)
    if {name: scores.get(name) for name in settings} != settings:
        raise UserError(f"{folder} belongs to another model or another lesson: choose another --out")
    return scores


def config_of(base: Path, rounds: int, games: int) -> Config:
    """Returns the configuration of a run that starts from the base in a folder."""
    speaker = "multiref_gym.simulators.scripted:literal_speaker"
    return Config(rounds=rounds, games=games, listener="llm", speaker=speaker, base=str(base.resolve()))


@dataclass(frozen=True, kw_only=True)
class LlmLearning:
    """Does a language model that reads the tangrams in words learn from implicit feedback?

    Attributes:
        base: The model: a folder, or its id on the hub.
        boards: Boards in the first lesson, on which parts of descriptions are matched with figures.
        watched: Watched games in the first lesson.
        seeds: Runs, with seeds from 0.
        rounds: Rounds of learning.
        games: Games of each round.
        jobs: Runs at a time, each on one core.
        out: The folder of the runs.
    """

    base: str
    boards: Count = 150
    watched: Count = 120
    seeds: Count = 1
    rounds: Count = 2
    games: Count = 60
    jobs: Count = 1
    out: Path = Path("runs/llm_learning")

    def run(self, screen: Screen) -> None:
        """Runs the missing steps, and prints and writes the results.

        Raises:
            UserError: If the model cannot be loaded, a folder belongs to another run, or the base to another lesson.
        """
        base = self.out / "base"
        config = config_of(base, self.rounds, self.games)
        jobs = [Job(replace(config, seed=seed), self.out / f"seed-{seed}") for seed in range(self.seeds)]
        with claimed(self.out, command="bench llm-learning"):
            lesson = made_base(base, Path(self.base), Plan(self.boards, games=self.watched), screen.report)
            run = partial(run_job, LEARNER)
            curves = run_all(
                run, jobs, self.jobs, screen, lambda curve: f"{len(curve['rounds'])} rounds", ThisProcess()
            )
        shown = sheet("Games won by a language model that reads, in percent", curves)
        write_atomically(self.out / "table.md", shown.markdown())
        write_results(self.out / "results.json", {"base": lesson, "runs": curves})
        screen.show(shown)
        screen.say(f"table.md and results.json are in {self.out}")
