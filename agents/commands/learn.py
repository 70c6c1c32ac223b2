"""`multiref learn`: learns a policy from logged games and their speakers' replies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import tee
from pathlib import Path
from typing import Annotated, Any
from zlib import crc32

from cyclopts import Parameter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from multiref_gym.agents.commands.folds import cross_validate
from multiref_gym.agents.commands.options import LOGGED, LearnersOptions, LogOptions
from multiref_gym.agents.decoders.dividing import decode_divided
from multiref_gym.agents.evaluation.offline import FIGURES, LoggedTurn, ask, figure_text, logged_turns, measure
from multiref_gym.agents.evaluation.pictures import bare_axes, draw_band, finish_axes, noted_png
from multiref_gym.agents.evaluation.tables import Sheet
from multiref_gym.agents.learning.credit import examples_of
from multiref_gym.agents.learning.learn import Example, TrainableListener, fingerprint
from multiref_gym.agents.learning.learned_from import RESULTS, LearnedFrom
from multiref_gym.agents.learning.lesson import Lesson
from multiref_gym.agents.learning.respect import TURNS, CreditName, Learner, RoundOptimisation, learner_of
from multiref_gym.agents.learning.run_folder import made_by
from multiref_gym.agents.learning.spooled import SpooledExamples
from multiref_gym.agents.learning.tracking import TrackerName, tracked
from multiref_gym.agents.listeners.named import Load, Model, new_trainable
from multiref_gym.agents.listeners.weights import saved
from multiref_gym.agents.workers import ThisProcess, Workers
from multiref_gym.agents.workers.folder import carried
from multiref_gym.commands.export import say_skipped
from multiref_gym.commands.options import (
    Count,
    Flat,
    Folds,
    ListenerName,
    Natural,
    Positive,
    Share,
    TangramsName,
    check_new_folder,
    named,
)
from multiref_gym.commands.screen import Screen
from multiref_gym.digests import digest
from multiref_gym.errors import UserError
from multiref_gym.files import write_atomically
from multiref_gym.formats import checked_games, stream_games
from multiref_gym.formats.label_table import LabelTable
from multiref_gym.formats.logged_game import BadGame, LoggedGame
from multiref_gym.game import CONTEXT_SIZE
from multiref_gym.provenance import write_results
from multiref_gym.registry import DECODERS, OBJECTIVES, feedback_name, new_decoder
from multiref_gym.store import InteractionStore
from multiref_gym.tangrams import TangramSet, drawn_tangrams

MOST_HELD_BACK = 200
"""The number of games that are replayed after each epoch; more games of a large log would take longer than learning."""
SHOWN = ("exact_match", "log_prob_rewarded", "auc")


@dataclass(frozen=True, slots=True)
class LogOptimisation(RoundOptimisation):
    """The optimisation; the defaults suit the small listener and a few hundred games of people."""

    epochs: Count = 8
    embedding_rate: Positive = 2.0


class Log:
    """The lessons of a log, and its games.

    Attributes:
        learned: The games that are learned from, and their speakers.
        held_back: The games that are held out.
        taught: Digests of the games that are learned from, each with its labels.
        labels: The number of labels.
    """

    def __init__(self) -> None:
        self.learned = LearnedFrom(set(), set())
        self.held_back: list[LoggedGame] = []
        self.taught: list[str] = []
        self.labels = 0

    def examples(
        self, games: Iterable[LoggedGame], learner: Learner, held_back: float, seed: int, on_game: Callable[[int], None]
    ) -> Iterator[Example]:
        """Yields the examples in the games, except for a random share of the games, which is drawn by their names."""
        for number, logged in enumerate(games, start=1):
            game = logged.interaction
            labels = logged.labels[: len(logged.exchanges())]
            labelled = sum(label is not None for label in labels)
            self.labels += labelled
            on_game(number)
            drawn = crc32(f"{seed} {game.game_id}".encode()) < held_back * 2**32
            if drawn and labelled and len(self.held_back) < MOST_HELD_BACK:
                self.held_back.append(logged)
                continue
            self.learned.add(logged)
            self.taught.append(digest([logged.digest, labels]))
            yield from examples_of(game, labels, learner.credit, learner.objective.negatives, logged.abandoned)


@dataclass(frozen=True, kw_only=True)
class LearnCommand(LogOptions, LearnersOptions):
    """Learns a policy from logged games and their speakers' replies.

    Attributes:
        ternary: The decoder also returns neutral.
        labels: A table that `multiref decode` wrote, corrected or not, in place of a decoder.
        tangrams: figures or kilogram:PATH; all that have pictures.
        listener: The listener that learns.
        base: The policy to start from, instead of the base that ships: a checkpoint's folder; for vlm and llm, a
            model's folder or hub id.
        objective: The objective to minimise.
        credit: The judge of an action: the reply to it, or everything in the game's turns.
        optimisation: How the objective is minimised.
        greedy: The policy takes the likeliest action instead of a sampled one: it is right more often, but explores
            nothing that a next policy could learn from.
        held_back: Fraction of games held out and tested after each epoch; at most 200 games. Their speakers are learned
            from, so the figures are higher than those of --folds.
        folds: Cross-validate: divide the speakers into this many parts; for each part, learn from all others and test
            on its games.
        seed: Seeds all randomness.
        out: The folder of the policy, which must be empty; with --folds, the folder of the policies and results.json.
        track: Also log the figures of each epoch, once the policy is learned, to this tracker: tensorboard, trackio,
            wandb or another of Accelerate's.
    """

    decoder: Annotated[
        str, named(DECODERS | {LOGGED: ""}, "The judge of an action; for a store, whose feedback in it: ")
    ] = "lexical"
    ternary: bool = False
    labels: Path | None = None
    tangrams: TangramsName = "figures"
    listener: ListenerName = "small"
    base: Annotated[str | None, Parameter(alias="--model")] = None
    objective: Annotated[str, named(OBJECTIVES)] = "sup"
    credit: CreditName = "reply"
    optimisation: Flat[LogOptimisation] = LogOptimisation()
    greedy: bool = False
    held_back: Share = 0.0
    folds: Folds | None = None
    seed: Natural = 0
    out: Path
    track: TrackerName | None = None

    def run(self, screen: Screen) -> None:
        """Learns, and writes the policy with `learning.json` and `curves.png`; shows the figures after each epoch.

        Raises:
            UserError: If a game or a label is bad, there is nothing to learn from, the policy cannot be loaded or
                cannot learn, the folder is not empty, or there are fewer speakers than folds.
        """
        if not self.folds:
            check_new_folder(self.out)
        with self.chosen_workers(self.listener, None if self.labels or self.store else self.decoder) as workers:
            self._run(screen, workers)

    def _run(self, screen: Screen, workers: Workers) -> None:
        learner = learner_of(self.objective, optimisation=self.optimisation)
        if self.credit == "turns":  # without the rule that `respect` adds, which does not help on people's logs
            learner = replace(learner, credit=TURNS.credit)
        tangrams = drawn_tangrams(self.tangrams)
        load = new_trainable(self.listener, tangrams)
        if self.greedy:
            load = _greedily(load, self.listener)
        bad = list[BadGame]()
        games = self._labelled(tangrams, bad, workers)
        if self.folds:
            base = load(self.base)
            cross_validate(
                *(list(games), self.folds, self.seed, self.out, load, base, LearnedFrom.of(self.base)),
                lambda games, folder: self._learn(games, learner, load, folder, screen, workers),
                *(made_by(**self._record(learner, base)), screen),
            )
        else:
            self.out.absolute().parent.mkdir(parents=True, exist_ok=True)
            screen.show(sheet(self._learn(games, learner, load, self.out, screen, workers)))
            screen.say(f"the policy is in {self.out}")
        say_skipped(bad, screen)

    def _learn(
        self,
        games: Iterable[LoggedGame],
        learner: Learner,
        load: Load,
        folder: Path,
        screen: Screen,
        workers: Workers,
    ) -> dict[str, Any]:
        """Learns a policy from games, saves it in a new folder, and returns the contents of its `learning.json`."""
        listener = load(self.base)
        before_that = LearnedFrom.of(self.base)
        log = Log()
        on_game = lambda done: screen.report("games read", done, None)  # noqa: E731
        found = log.examples(games, learner, self.held_back, self.seed, on_game)
        # Workers elsewhere get the examples as they are.
        examples = SpooledExamples(found, folder.absolute().parent) if isinstance(workers, ThisProcess) else [*found]
        if not examples:
            raise UserError(f"{self.games or self.store}: nothing to learn from in {len(log.learned.games)} games")
        if before_that and getattr(listener, "said", None) and (seen := log.learned.games & before_that.games):
            raise UserError(f"{self.base} remembers {len(seen)} of these games: start from what it started from")
        record = made_by(**self._record(learner, listener))
        turns = logged_turns(log.held_back, None) if log.held_back else []
        measured = partial(_measured, turns=turns, seed=self.seed)
        before = measured(listener)
        kept = folder.with_name(
            f"{folder.name}.{digest([record, sorted(log.learned.games), log.labels, len(examples)])[:12]}.state"
        )
        base = carried(self.base)
        lesson = Lesson(
            *(load, base, base, examples, learner.objective, learner.optimisation, self.seed, measured),
        )
        del listener  # the learner loads it again
        learned = workers.learn(lesson, partial(screen.report, "learn"), kept)
        results = {
            **record,
            "log": {
                "games": len(log.learned.games),
                "held_back": len(log.held_back),
                "labels": log.labels,
                "examples": len(examples),
                **log.learned.joined(before_that).recorded(),
            },
            "before": before,
            "curve": learned.curve,
        }
        with saved(folder) as unfinished:
            learned.save(unfinished)
            results = write_results(unfinished / RESULTS, results)
            draw(results, unfinished / "curves.png")
        kept.unlink(missing_ok=True)
        with tracked(self.track, folder, record) as log_point:
            for epoch, figures in enumerate([before, *learned.curve]):
                log_point(epoch, figures)
        return results

    def _record(self, learner: Learner, base: TrainableListener) -> dict[str, Any]:
        """Returns everything that decides the outcome, besides the games."""
        return {
            "learner": learner.recorded(),
            "base": {"weights": fingerprint(base.model), **getattr(base, "settings", {})},
            "listener": self.listener,
            "tangrams": self.tangrams,
            "feedback": str(self.labels or feedback_name(self.decoder, self.ternary)),
            "held_back": self.held_back,
            "seed": self.seed,
        }

    def _labelled(self, tangrams: TangramSet, bad: list[BadGame], workers: Workers) -> Iterator[LoggedGame]:
        """Yields the games with feedback as labels."""
        on_bad = bad.append if self.skip_bad else None
        if self.store:
            games = checked_games(self._stored(), self.store, tangrams, CONTEXT_SIZE, on_bad)
        else:
            games = stream_games(
                str(self.games), self.format, tangrams=tangrams, context_size=CONTEXT_SIZE, on_bad=on_bad
            )
        if self.labels:
            return LabelTable(self.labels).of(games)
        if self.store or self.decoder == LOGGED:
            return games
        games, others = tee(games)
        make = partial(new_decoder, self.decoder, self.ternary)
        feedback = decode_divided(workers, make, (logged.exchanges() for logged in others))
        return (replace(logged, labels=tuple(labels)) for logged, labels in zip(games, feedback, strict=True))

    def _stored(self) -> Iterator[LoggedGame]:
        name = feedback_name(self.decoder, self.ternary)
        with InteractionStore(str(self.store), create=False) as store:
            for system, round in self.rounds(store):
                games = store.interactions(system, round)
                feedback = [[]] * len(games) if self.labels else store.feedback(name, system, round)
                for game, labels in zip(games, feedback, strict=True):
                    yield LoggedGame(game, labels=tuple(labels), system=system, place=f"{self.store}, {game.game_id!r}")


def _greedily(load: Load, name: str) -> Load:
    """Returns a callable that loads listeners which take the likeliest action."""

    def loaded(model: Model) -> TrainableListener:
        listener = load(model)
        if not hasattr(listener, "greedy"):
            raise UserError(f"--greedy does not work with --listener {name}")
        listener.greedy = True
        return listener

    return loaded


def _measured(listener: TrainableListener, turns: list[LoggedTurn], seed: int) -> dict[str, Any]:
    """Returns figures on the held-out turns, empty if there are none."""
    if not turns:
        return {}
    figures = measure(turns, ask(listener, turns, seed, 64))["figures"]
    return {name: figures[name] for name in SHOWN}


def sheet(results: dict[str, Any]) -> Sheet:
    """Returns the figures before the first epoch and after each."""
    shown = [name for name in SHOWN if name in results["before"]]
    rows = [["before", "–", *(figure_text(name, results["before"][name]) for name in shown)]]
    for number, epoch in enumerate(results["curve"], start=1):
        rows.append([str(number), f"{epoch['loss']:.3f}", *(figure_text(name, epoch[name]) for name in shown)])
    log = results["log"]
    title = f"Learned from {log['examples']} turns of {log['games']} games"
    held_back = f"{log['held_back']} games held back" if log["held_back"] else ""
    return Sheet(title, ["epoch", "loss", *(FIGURES[name] for name in shown)], rows, held_back)


def draw(results: dict[str, Any], path: Path) -> None:
    """Draws the loss by epoch and, if games were held out, the exact match with their rewarded actions."""
    points = [results["before"], *results["curve"]]
    held_back = all(point.get("exact_match") for point in points)
    figure = Figure(figsize=(9 if held_back else 5, 3.6), layout="constrained")
    loss, *match = figure.subplots(1, 1 + held_back, squeeze=False)[0]
    losses = [epoch["loss"] for epoch in results["curve"]]
    loss.plot(range(1, len(points)), losses, marker="o", color="#0072b2")
    loss.set_title("Loss", loc="left", fontsize=10)
    loss.set_ylim(0)
    loss.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    bare_axes(loss, "y", "top", "right")
    for axes in match:
        shares = [point["exact_match"] for point in points]
        draw_band(axes, range(len(points)), shares, "-", color="#d55e00", marker="o")
        finish_axes(axes, "Games held back: exact match with rewarded actions")
    for axes in (loss, *match):
        axes.set_xlabel("epoch")
    log = results["log"]
    write_atomically(path, noted_png(figure, f"{log['games']} games learned from, {log['held_back']} held back"))
