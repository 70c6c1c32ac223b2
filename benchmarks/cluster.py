"""What does a Ray cluster cost, and how long would a round of games take on a larger one?

    multiref bench cluster [--games 1000] [--workers 2] [--seed 0] [--network 1.25] [--json FILE]

The small listener plays a round of games and its feedback is decoded: in one process, and by one or more workers on a
cluster of this machine, whose head has no CPU core and whose other nodes have one each. The results must be equal. CPU
seconds of playing are those of the playing processes, once the policy is loaded there. Rounds in one process and on the
cluster take turns; the figures are medians, and ratios are medians of single turns' ratios. Total CPU seconds are those
of the first round and everything before it, from the start of the process, including Ray's own processes.

A plan (`planned`) predicts the time of a round. Its costs are measured in one process, and its predictions for the
cluster are compared with the measurements. Then it plans rounds of a vision-language model with 8B weights on GPUs,
from counted operations and bytes: no model of that size was run.
"""

from __future__ import annotations

import math
import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib import import_module
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple, TypeVar

import numpy as np
from scipy.optimize import nnls

from multiref_gym.agents.decoders.dividing import decode_divided
from multiref_gym.agents.evaluation.tables import Sheet
from multiref_gym.agents.learning.respect import SIMILARITY
from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.agents.play import Player, new_games, play
from multiref_gym.agents.workers import Report, ThisProcess, Workers, divided_into
from multiref_gym.commands.options import Count, FiguresOptions, Natural, Positive
from multiref_gym.commands.screen import Screen
from multiref_gym.episode import Episode
from multiref_gym.errors import UserError
from multiref_gym.feedback import Feedback, decoded_games
from multiref_gym.game import CONTEXT_SIZE
from multiref_gym.interaction import Interaction
from multiref_gym.listener import Listener
from multiref_gym.registry import new_decoder
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import TangramSet, load_tangrams
from multiref_gym.tangrams.tangram_set import SplitName

REPEATS = 5
FRACTIONS = 1, 4, 16, 64
"""The costs of a turn are measured in rounds of these fractions of all games."""
NEW_IMAGES = 100
"""The number of games, with tangrams that nobody has looked at, in which the cost of an image is measured."""
STORE = 200 * 2**20
"""Bytes of a node's memory for sent objects."""
LOSS = 0.1
"""The smallest share of a round's time that counts as a limit."""
LARGE_ROUNDS, LARGE_WORKERS, LARGE_BLOCK = (330, 2_000, 10_000), (1, 2, 4, 8, 16), 32

Found = TypeVar("Found")
Start = Callable[..., list[Episode]]
Load = Callable[[Sequence[Episode]], Listener]


@dataclass(frozen=True, kw_only=True)
class Costs:
    """The costs of a round on one worker, in seconds unless stated otherwise.

    Attributes:
        call: A turn of a block of games, however many of them are still in play.
        view: A turn of one game, in addition.
        game: Starting a game, handing it over at its end, and decoding it.
        load: Loading the policy.
        image: Encoding an image, which a worker does once.
        images: The number of images.
        example: Learning from an example once.
        batch: Examples in a step.
        gradients: Bytes of the gradients, which learners exchange in each step.
        sent: Bytes of the policy, which are sent to each worker.
        network: Bytes per second between two machines.
        cores: CPU cores that a worker keeps busy, if it has them.
    """

    call: float
    view: float
    game: float = 0.0
    load: float = 0.0
    image: float = 0.0
    images: int = 360
    example: float = 0.0
    batch: int = 64
    gradients: float = 0.0
    sent: float = 0.0
    network: float = 1.25e9
    cores: float = 1.0


@dataclass(frozen=True)
class Plan:
    """The planned time of a round of games.

    Attributes:
        seconds: The seconds until all games are over.
        work: The seconds of all workers together.
        losses: The part of `seconds` that is lost, by cause.
    """

    seconds: float
    work: float
    losses: Mapping[str, float]

    @property
    def limit(self) -> str:
        """The cause of the largest loss, a dash if it is small."""
        cause = max(self.losses, key=lambda cause: self.losses[cause])
        return cause if self.losses[cause] > LOSS * self.seconds else "–"


def views_of(turns: Sequence[int], block: int | None) -> list[int]:
    """Returns the number of games still in play, in each turn of each block.

    Args:
        turns: The number of turns of each game.
        block: Games that are played together; None for all.
    """
    size = block or len(turns)
    blocks = [np.asarray(turns[start : start + size]) for start in range(0, len(turns), size)]
    return [int((games > turn).sum()) for games in blocks for turn in range(games.max())]


def planned(costs: Costs, turns: Sequence[int], workers: int, block: int | None, cores: int | None = None) -> Plan:
    """Plans the time of a round.

    Games are divided as in a real round. A part of k games, each with m of all n images, takes

        load + image * n * (1 - (1 - m / n) ** k) + game * k + call * turns of blocks + view * turns of games

    and the round takes as long as its longest part, after the policy was sent to one worker after the other. If workers
    share the cores of one machine, everything is slower by the ratio of wanted to available cores.

    Args:
        costs: The costs on one worker.
        turns: The number of turns of each game.
        workers: The number of workers.
        block: Games that are played together; None for all of a part.
        cores: The cores of the one machine of all workers; None if each worker has enough.
    """

    def part_of(numbers: range) -> dict[str, float]:
        part = turns[numbers.start : numbers.stop]
        views = views_of(part, block)
        full = sum(views) / (block or max(views))
        return {
            "weights": costs.load,
            "images": costs.image * costs.images * (1 - (1 - CONTEXT_SIZE / costs.images) ** len(part)),
            "few games left": costs.call * (len(views) - full),
            "work": costs.game * len(part) + costs.call * full + costs.view * sum(views),
        }

    parts = [part_of(numbers) for numbers in divided_into(range(len(turns)), workers, block)]
    longest = max(parts, key=lambda part: sum(part.values()))
    seconds, work = sum(longest.values()), sum(sum(part.values()) for part in parts)
    sent = costs.sent * len(parts) / costs.network
    losses = {**longest, "weights": costs.load + sent, "too few blocks": seconds - work / workers}
    del losses["work"]
    crowded = max(1.0, costs.cores * len(parts) / cores) if cores else 1.0
    return Plan(seconds * crowded + sent, work, losses)


def epoch(costs: Costs, examples: int, learners: int) -> float:
    """Returns the seconds of an epoch with n learners, each with its share of every batch.

    In a step, each sends 2 * (n - 1) / n times the bytes of the gradients, as in a ring (Patarasuk and Yuan 2009).
    """
    exchanged = 2 * (learners - 1) / learners * costs.gradients / costs.network
    return costs.example * examples / learners + exchanged * math.ceil(examples / costs.batch)


def large_costs(turns: float, network: float) -> Costs:
    """Returns the costs of a model with 8B weights on an NVIDIA H200, as far as operations and bytes can be counted.

    Args:
        turns: The mean number of turns of a game; the seconds counted for a round are divided by it.
        network: See `Costs`.
    """
    peak, memory = 989e12, 4.8e12  # the maker's figures: bfloat16 operations, and bytes of memory, per second
    games, playing, learning = 330, 6.0, 57.0  # seconds of a round at peak speed, as in `multiref respect --help`
    weights, disk = 17e9, 2e9  # bytes, and the assumed bytes per second from a disk
    passes = 1 + 8  # through all weights in a call: one for reading, and one for each token of an answer
    vision, patches = 0.42e9, 27**2  # weights of the vision tower, and patches of an image
    adapter = 4 * 23.3e6  # bytes of the trained weights, as in `VlmConfig`
    return Costs(
        call=passes * weights / memory,
        view=playing / (games * turns),
        load=weights / disk,
        image=2 * vision * patches / peak,
        example=learning / (games * turns),
        gradients=adapter,
        sent=adapter,
        network=network,
    )


class TimedPlayer:
    """Plays parts of a round, and measures this process's CPU seconds for each.

    Args:
        start: See `Player`.
        load: See `Player`; the constructor calls it.
    """

    def __init__(self, start: Start, load: Load) -> None:
        self._player = Player(start, load, "small")
        self._player.listener = load(())

    def __call__(self, numbers: range, report: Report) -> tuple[list[Interaction], float]:
        """Returns the games of these numbers, and the CPU seconds."""
        begun = process_time()
        return self._player(numbers, report), process_time() - begun


class Round(NamedTuple):
    """A round: its games, their feedback, the CPU seconds of playing, and the total seconds."""

    games: list[Interaction]
    feedback: list[list[Feedback]]
    cpu: float
    wall: float


def round_by(workers: Workers, start: Start, load: Load, numbers: range) -> Round:
    """Lets workers play and decode a round."""
    begun = perf_counter()
    found = list(workers.run(partial(TimedPlayer, start, load), workers.divided(numbers, None)))
    games = [game for part, _ in found for game in part]
    decoder = partial(new_decoder, "lexical", False)
    feedback = list(decode_divided(workers, decoder, (game.exchanges() for game in games)))
    return Round(games, feedback, sum(cpu for _, cpu in found), perf_counter() - begun)


def clocked(function: Callable[..., Found], *arguments: Any, **named: Any) -> tuple[Found, float]:
    """Calls a function, and returns its result and its seconds."""
    begun = perf_counter()
    return function(*arguments, **named), perf_counter() - begun


def measured_costs(start: Start, load: Load, other: Start, games: int) -> Costs:
    """Measures the small listener's costs in this process; medians over repeats.

    Args:
        start: Starts games with encoded images.
        load: Loads the listener.
        other: Starts games with new images.
        games: The number of games.
    """
    views = [game.view for game in other(numbers=range(NEW_IMAGES))]
    looks = [clocked(load(()).act, views, [np.random.default_rng(0) for _ in views])[1] for _ in range(2)]
    image = (looks[0] - looks[1]) / len({name for view in views for name in view.tangrams})
    decoder = new_decoder("lexical", False)

    def handed_over(played: list[Interaction]) -> None:
        decoded_games(decoder, [game.exchanges() for game in pickle.loads(pickle.dumps(played))])

    counted, found = [], []
    for size in (math.ceil(games / fraction) for fraction in FRACTIONS):
        repeats = []
        for _ in range(REPEATS):
            started, starting = clocked(start, numbers=range(size))
            listener, loading = clocked(load, ())
            begun = process_time()
            played, playing = clocked(play, listener, started)
            cores = (process_time() - begun) / playing
            repeats.append((playing, loading, cores, (starting + clocked(handed_over, played)[1]) / size))
        found.append(np.median(repeats, axis=0))
        of_turns = views_of([len(game.turns) for game in played], None)
        counted.append((len(of_turns), sum(of_turns)))
    seconds, (_, loading, cores, game) = np.array(found)[:, 0], found[0].tolist()
    # Small rounds count as much as large ones: 1 = call * turns / seconds + view * views / seconds.
    (call, view), _ = nnls(np.array(counted) / seconds[:, None], np.ones(len(seconds)))
    return Costs(call=float(call), view=float(view), game=game, load=loading, image=max(0.0, image), cores=cores)


@contextmanager
def cluster_of(nodes: int) -> Iterator[str]:
    """Yields the address of a cluster on this machine: a head without CPU cores, and `nodes` nodes with one each."""
    from ray.cluster_utils import Cluster

    there = {"object_store_memory": STORE, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **there})
    try:
        for _ in range(nodes):
            cluster.add_node(num_cpus=1, object_store_memory=STORE)
        yield cluster.address
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]


def total_cpu_seconds() -> float:
    """Returns the CPU seconds of this process and all its living descendants."""
    psutil: Any = import_module("psutil")  # the system adds up waited-for children only, and Ray does not wait
    return process_time() + sum(sum(each.cpu_times()[:2]) for each in psutil.Process().children(recursive=True))


@dataclass(frozen=True, kw_only=True)
class ClusterBenchmark(FiguresOptions):
    """What does a Ray cluster cost, and how long would a round of games take on a larger one?

    Attributes:
        games: The number of games.
        workers: The largest number of workers on this machine.
        seed: Seeds all randomness.
        network: GB per second between two machines, in the plan of a large model.
    """

    games: Count = 1000
    workers: Count = 2
    seed: Natural = 0
    network: Positive = 1.25

    def run(self, screen: Screen) -> None:
        """Measures, prints the tables and writes the figures.

        Raises:
            UserError: If Ray is not installed, or the results are not equal.
        """
        try:
            from multiref_gym.agents.workers.on_ray import RayWorkers
        except ImportError as error:
            raise UserError(f"this needs the extra 'ray': pip install 'multiref-gym[ray]' ({error})") from error
        busy, figures, numbers = os.getloadavg()[0], load_tangrams("figures"), range(self.games)
        start, other = (self._start(figures, split) for split in ("dev", "train"))
        load = partial(_loaded, figures)
        screen.report("one process", 0, None)
        before = total_cpu_seconds()
        first = round_by(ThisProcess(), start, load, numbers)
        one: dict[str, float] = {"workers": 0, "first": first.wall, "cpu_in_all": total_cpu_seconds(), "ratio": 1.0}
        costs = measured_costs(start, load, other, self.games)
        warm, turns = replace(costs, image=0.0), [len(game.turns) for game in first.games]
        rows, alone = [one], list[Round]()
        for count in range(1, self.workers + 1):
            begun, cpu = perf_counter(), total_cpu_seconds()
            with cluster_of(count) as address, RayWorkers(address, parts=count) as workers:
                rounds = [round_by(workers, start, load, numbers)]
                row = {
                    "workers": count,
                    "first": perf_counter() - begun,
                    "cpu_in_all": before + total_cpu_seconds() - cpu,
                }
                for repeat in range(REPEATS):
                    screen.report(f"workers: {count}", repeat, REPEATS)
                    alone.append(round_by(ThisProcess(), start, load, numbers))
                    rounds.append(round_by(workers, start, load, numbers))
            if any((each.games, each.feedback) != (first.games, first.feedback) for each in rounds):
                raise UserError(f"games or feedback of {count} workers differ from those of one process")
            pairs = zip(rounds[1:], alone[-REPEATS:], strict=True)
            rows.append(row | {"ratio": median(there.cpu / here.cpu for there, here in pairs)})
            rows[-1] |= _medians(rounds[1:], planned(warm, turns, count, None, os.cpu_count()))
        one |= _medians(alone, planned(warm, turns, 1, None))
        results: dict[str, Any] = {"config": {"games": self.games, "seed": self.seed, "network": self.network}}
        results |= {"load_at_start": busy, "turns": sum(turns), "rounds": rows, "costs": asdict(costs)}
        _show(self.write(results | {"large": _large(turns, 1e9 * self.network)}, "ray"), screen)

    def _start(self, figures: TangramSet, split: SplitName) -> Start:
        seed, make_speaker = np.random.SeedSequence(self.seed), partial(ScriptedSpeaker, figures)
        return partial(new_games, figures.split(split), make_speaker=make_speaker, seed=seed, similarity=SIMILARITY)


def _loaded(figures: TangramSet, games: Sequence[Episode]) -> Listener:
    return SmallListener.load(figures)


def _medians(rounds: Sequence[Round], plan: Plan) -> dict[str, float]:
    wall = median(each.wall for each in rounds)
    found = {"cpu": median(each.cpu for each in rounds), "wall": wall, "planned": plan.seconds}
    return found | {"error": plan.seconds / wall - 1}


def _large(turns: Sequence[int], network: float) -> list[dict[str, Any]]:
    """Plans rounds of a large model, with the turns of the games that were played here."""
    new, found = large_costs(sum(turns) / len(turns), network), []
    for games in LARGE_ROUNDS:
        of_games = [turns[game % len(turns)] for game in range(games)]
        for workers in LARGE_WORKERS:
            plans = [
                planned(costs, of_games, workers, LARGE_BLOCK) for costs in (new, replace(new, load=0.0, image=0.0))
            ]
            times = [(plan.seconds, plan.limit) for plan in plans]
            learning = epoch(new, sum(of_games), workers)
            found.append({"games": games, "workers": workers, "new": times[0], "there": times[1], "epoch": learning})
    return found


def _show(results: dict[str, Any], screen: Screen) -> None:
    rows, costs, machine = results["rounds"], results["costs"], results["machine"]
    lines = {
        "playing, CPU s": ("cpu", ".2f"),
        "ratio to one process": ("ratio", ".2f"),
        "a round, s": ("wall", ".2f"),
        "a round, s, planned": ("planned", ".2f"),
        "error of the plan": ("error", "+.0%"),
        "first round with the start, s": ("first", ".1f"),
        "first round with the start, CPU s": ("cpu_in_all", ".1f"),
    }
    heads = ["", "one process", *(f"Ray, workers: {row['workers']}" for row in rows[1:])]
    cells = [[line, *(format(row[name], form) for row in rows)] for line, (name, form) in lines.items()]
    title = f"{results['config']['games']} games, {results['turns']} turns; games and feedback are equal"
    screen.show(Sheet(title, heads, cells))
    measured = ", ".join(f"{name} {1000 * costs[name]:.3g}" for name in ("call", "view", "game", "load", "image"))
    screen.say(f"costs in one process, ms: {measured}; {costs['cores']:.2f} cores are busy")
    heads = ["games", "GPUs", "new workers, s", "limit", "running workers, s", "limit", "epoch, s"]
    cells = [
        [
            *(f"{row['games']:,}", str(row["workers"])),
            *(text for name in ("new", "there") for text in (f"{row[name][0]:.1f}", row[name][1])),
            f"{row['epoch']:.1f}",
        ]
        for row in results["large"]
    ]
    title = "A round of a model with 8B weights: estimates from counted operations and bytes, none measured"
    screen.show(Sheet(title, heads, cells, "at the peak speed of an NVIDIA H200, which a real run does not reach"))
    note = f"load {results['load_at_start']:.1f} at the start; medians of {REPEATS}; simulated speakers"
    screen.say(f"{machine['processor']}, {machine['cores']} cores, {note}")
