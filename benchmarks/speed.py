"""How fast is the environment?

    multiref bench speed [--seconds 1] [--json FILE]

It measures steps and resets per second under random actions, episode after episode, in one process. It measures other
environments in the same run, because speeds can be compared on one machine only: MiniGrid alone, with an RGB image, and
in Gymnasium's sync vector environment; PettingZoo's connect four; MiniGrid in envpool, which is written in C++ and uses
all cores. It names and leaves out packages that are not installed. Gymnasium's passive checker is off, because it would
take most of the measured time. Measurements take turns, so that a busy moment of the machine affects all; a ratio is
the median of the ratios within turns. The scripted speaker is also measured on its own.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from time import perf_counter
from typing import Any

import gymnasium as gym
import numpy as np

import multiref_gym  # noqa: F401 (registers MultiRef-v0)
from multiref_gym.agents.evaluation.tables import Sheet
from multiref_gym.commands.options import FiguresOptions, Positive
from multiref_gym.commands.screen import Screen
from multiref_gym.contexts import Contexts
from multiref_gym.errors import UserError
from multiref_gym.game import CONTEXT_SIZE, Action, Game
from multiref_gym.simulators.scripted import ScriptedSpeaker
from multiref_gym.tangrams import load_tangrams
from multiref_gym.wrappers import EncodeUtterance

MINIGRID = "MiniGrid-Empty-8x8-v0"
REPEATS = 5
ACTIONS, VECTOR_ACTIONS = 256, 8
"""The number of actions, or batches of them, drawn before the clock starts: only the environment is measured."""
UTTERANCE_BYTES = 128
UNDERSTOOD = 0.7
"""How often the measured speaker gets the action that it wants."""
SEED = 0

RATIOS = (
    ("step", "MultiRef", "MiniGrid"),
    ("step with image", "MultiRef board", "MiniGrid RGB"),
    ("reset with image", "MultiRef board, resets", "MiniGrid RGB, resets"),
    ("step, 8 games", "MultiRef vector 8", "MiniGrid sync 8"),
    ("step, 64 games", "MultiRef vector 64", "MultiRef sync 64"),
    ("step, turn-based", "MultiRef", "connect four"),
    ("step, 64 games", "MultiRef vector 64", "MiniGrid envpool 64"),
    ("step, 1,024 games", "MultiRef vector 1024", "MiniGrid envpool 1024"),
)
"""The comparisons: what is compared, and the names of our environment and the other one."""

Measure = Callable[[int], Iterator[int]]
"""Works forever from a seed, and yields the amount of work after each bout; 0 after a bout that is not measured."""


def steps(env: gym.Env[Any, Any], seed: int) -> Iterator[int]:
    """Takes steps in one environment, with the necessary resets."""
    env.action_space.seed(seed)
    actions = [env.action_space.sample() for _ in range(ACTIONS)]
    env.reset(seed=seed)
    yield 0
    while True:
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        yield len(actions)


def resets(env: gym.Env[Any, Any], seed: int) -> Iterator[int]:
    """Resets one environment."""
    env.reset(seed=seed)
    yield 0
    while True:
        for _ in range(10):
            env.reset()
        yield 10


def vector_steps(envs: Any, num_envs: int, single_action_space: gym.Space[Any], seed: int) -> Iterator[int]:
    """Takes steps in a vector environment that resets itself; each counts as many steps as it has environments."""
    single_action_space.seed(seed)
    # envpool needs int32; the others take any integers.
    batches = np.array(
        [[single_action_space.sample() for _ in range(num_envs)] for _ in range(VECTOR_ACTIONS)], np.int32
    )
    envs.reset()
    yield 0
    while True:
        for actions in batches:
            envs.step(actions)
        yield len(batches) * num_envs


def connect_four_steps(env: Any, seed: int) -> Iterator[int]:
    """Takes steps in PettingZoo's connect four; the time includes finding a legal move for each."""
    numbers = np.random.default_rng(seed).random(ACTIONS).tolist()
    env.reset(seed=seed)
    yield 0
    while True:
        for number in numbers:
            observation, _, terminated, truncated, _ = env.last()
            if terminated or truncated:
                env.reset()
                observation, *_ = env.last()
            legal = observation["action_mask"].nonzero()[0]
            env.step(legal[int(number * len(legal))])
        yield len(numbers)


def utterances(speaker: ScriptedSpeaker, seed: int) -> Iterator[int]:
    """Has the speaker speak to a listener that acts as wanted or at random; the listener's own time is not counted."""
    contexts, rng = Contexts(load_tangrams("figures").split("train")), np.random.default_rng(seed)
    while True:
        game = Game(contexts.draw(rng))
        yield 0
        speaker.start(game, rng)
        yield 1
        while not game.over:
            if rng.random() < UNDERSTOOD:
                action = speaker.wanted
            else:
                action = Action.clicking([int(rng.integers(CONTEXT_SIZE))], game.selected)
            game.apply(action)
            yield 0
            speaker.reply(action)
            yield 1


def ours() -> dict[str, Measure]:
    """Returns the measurements of this package, by the names in the table."""

    def scalar(image: str | None) -> gym.Env[Any, Any]:
        return gym.make("MultiRef-v0", image=image, disable_env_checker=True)

    def vector(num_envs: int, **options: Any) -> Measure:
        options = {"image": None, "utterance_bytes": UTTERANCE_BYTES, "autoreset_mode": "SameStep"} | options
        envs = gym.make_vec("MultiRef-v0", num_envs, **options)
        return partial(vector_steps, envs, num_envs, envs.single_action_space)

    wrappers = [partial(EncodeUtterance, length=UTTERANCE_BYTES)]
    silhouettes = {"image": "tangrams", "image_size": 32}
    sync = gym.make_vec("MultiRef-v0", 64, "sync", wrappers=wrappers, image=None, disable_env_checker=True)
    return {
        "MultiRef": partial(steps, scalar(None)),
        "MultiRef board": partial(steps, scalar("board")),
        "MultiRef tangrams": partial(steps, scalar("tangrams")),
        "MultiRef, resets": partial(resets, scalar(None)),
        "MultiRef board, resets": partial(resets, scalar("board")),
        "MultiRef sync 64": partial(vector_steps, sync, 64, sync.single_action_space),
        "MultiRef vector 1": vector(1),
        "MultiRef vector 8": vector(8),
        "MultiRef vector 64": vector(64),
        "MultiRef vector 1024": vector(1024),
        "MultiRef vector 64, board": vector(64, image="board"),
        "MultiRef vector 64, ten 32x32 silhouettes": vector(64, **silhouettes),
        "Scripted speaker, utterances": partial(utterances, ScriptedSpeaker(load_tangrams("figures"))),
    }


def measure_others() -> tuple[dict[str, Measure], list[str]]:
    """Returns the measurements of other packages, and the names of packages that are not installed.

    Raises:
        UserError: If MiniGrid is not installed, because nothing would be left to compare with.
    """
    try:
        wrappers = import_module("minigrid.wrappers")
    except ImportError as error:
        raise UserError("the comparison needs MiniGrid: run `pip install minigrid`") from error

    def minigrid() -> gym.Env[Any, Any]:
        return gym.make(MINIGRID, disable_env_checker=True)

    def rgb() -> gym.Env[Any, Any]:
        env: gym.Env[Any, Any] = wrappers.RGBImgObsWrapper(minigrid())
        return env

    sync = gym.make_vec(MINIGRID, 8, "sync", disable_env_checker=True)
    measures: dict[str, Measure] = {
        "MiniGrid": partial(steps, minigrid()),
        "MiniGrid RGB": partial(steps, rgb()),
        "MiniGrid, resets": partial(resets, minigrid()),
        "MiniGrid RGB, resets": partial(resets, rgb()),
        "MiniGrid sync 8": partial(vector_steps, sync, 8, sync.single_action_space),
    }
    missing = []
    try:
        connect_four = import_module("pettingzoo").make("aec", "classic/connect_four-v3")
        measures["connect four"] = partial(connect_four_steps, connect_four)
    except ImportError:
        missing.append("pettingzoo")
    try:
        envpool = import_module("envpool")
        for size in (64, 1024):
            envs = envpool.make_gymnasium(MINIGRID, num_envs=size)
            measures[f"MiniGrid envpool {size}"] = partial(vector_steps, envs, size, envs.action_space)
    except ImportError:
        missing.append("envpool")
    return measures, missing


def per_second(measure: Measure, seconds: float, seed: int) -> float:
    """Returns the amount of work per second, measured for about `seconds`."""
    done, spent = 0, 0.0
    bouts = measure(seed)
    while spent < seconds:
        start = perf_counter()
        if count := next(bouts):
            spent += perf_counter() - start
            done += count
    return done / spent


def measured(measures: dict[str, Measure], seconds: float, screen: Screen) -> dict[str, list[float]]:
    """Takes all measurements by turns, after an unmeasured turn in which tangrams are drawn."""
    for measure in measures.values():
        per_second(measure, seconds / 4, SEED)
    turns = []
    for repeat in range(REPEATS):
        screen.report("turns", repeat, REPEATS)
        turns.append([per_second(measure, seconds, SEED + repeat) for measure in measures.values()])
    return dict(zip(measures, map(list, zip(*turns, strict=True)), strict=True))


def ratios(measured: dict[str, list[float]]) -> list[dict[str, Any]]:
    """Returns the ratio of our speed to the other one, if both were measured: the median and all turns."""
    return [
        {"what": what, "ours": ours, "theirs": other, "ratio": float(np.median(turns)), "all": turns.tolist()}
        for what, ours, other in RATIOS
        if other in measured
        for turns in [np.divide(measured[ours], measured[other])]
    ]


def show(results: dict[str, Any], screen: Screen) -> None:
    """Prints the figures as tables."""
    speeds = [
        [name, f"{statistics.median(rates):,.0f}", f"{min(rates):,.0f} to {max(rates):,.0f}"]
        for name, rates in results["measured"].items()
    ]
    ratios = [
        [r["what"], r["ours"], r["theirs"], f"{r['ratio']:.2f}", f"{min(r['all']):.2f} to {max(r['all']):.2f}"]
        for r in results["ratios"]
    ]
    screen.show(Sheet("Speed", ["what", "a second", "least to greatest"], speeds))
    heads = ["what", "ours", "other", "ratio", "least to greatest"]
    screen.show(Sheet("Ratios of our speed to the other", heads, ratios))
    for package in results["missing"]:
        screen.say(f"Left out, because {package} is not installed: pip install {package}")
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    screen.say(
        f"Medians of {REPEATS} turns of {results['seconds']} s; random actions, resets included.\n"
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; {versions}"
    )


@dataclass(frozen=True, kw_only=True)
class Speed(FiguresOptions):
    """How fast is the environment?

    Attributes:
        seconds: The length of each measurement.
    """

    seconds: Positive = 1.0

    def run(self, screen: Screen) -> None:
        """Measures, prints the figures and writes them.

        Raises:
            UserError: If MiniGrid is not installed.
        """
        others, missing = measure_others()
        found = measured(ours() | others, self.seconds, screen)
        results: dict[str, Any] = {"measured": found, "ratios": ratios(found), "missing": missing}
        results |= {"seconds": self.seconds, "seed": SEED}
        show(self.write(results, "minigrid", "pettingzoo", "envpool"), screen)
