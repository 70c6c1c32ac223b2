"""How fast is the environment?

    python -m benchmarks.speed [--seconds 2] [--json FILE]

Steps a second of one environment in one process under random actions, resets included, beside MiniGrid in the same
run, since a figure without its machine says little. All are made by `gymnasium.make` without the passive checker,
which would be most of the time measured. Measurements take turns, so that a busy moment of the machine hits all, and
the median of each counts. The scripted speaker is measured on its own as well, in utterances a second.
"""

from __future__ import annotations

import argparse
import json
import statistics
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import Any

import gymnasium as gym
import numpy as np
from rich.console import Console
from rich.table import Table

import multiref_gym  # noqa: F401 (registers MultiRef-v0)
from multiref_gym.errors import UserError
from multiref_gym.game import CONTEXT_SIZE, Action, Context, Game
from multiref_gym.provenance import provenance
from multiref_gym.tangrams import TangramSet, load_tangrams
from simulators.scripted import ScriptedSpeaker

MINIGRID = "MiniGrid-Empty-8x8-v0"
REPEATS = 5
ACTIONS = 250
UNDERSTOOD = 0.7
"""How often the speaker that is measured sees done what it wants."""
SEED = 0


def environments() -> dict[str, gym.Env[Any, Any]]:
    """Returns the environments to measure by the names that the table shows.

    Raises:
        UserError: If MiniGrid is not installed.
    """
    try:
        import minigrid  # noqa: F401 (registers its environments)
    except ImportError as error:
        raise UserError("MiniGrid is what the speed is compared with: run `pip install minigrid`") from error
    envs = {
        f"MultiRef-v0 image={image}": gym.make("MultiRef-v0", image=image, disable_env_checker=True)
        for image in (None, "board", "tangrams")
    }
    return {**envs, MINIGRID: gym.make(MINIGRID, disable_env_checker=True)}


def steps_per_second(env: gym.Env[Any, Any], seconds: float, seed: int) -> float:
    """Plays random actions for at least so long, through as many episodes as it takes."""
    env.action_space.seed(seed)
    # Drawn before the clock starts: it is the environment that is measured.
    actions = [env.action_space.sample() for _ in range(ACTIONS)]
    env.reset(seed=seed)
    steps, start = 0, perf_counter()
    while (spent := perf_counter() - start) < seconds:
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        steps += len(actions)
    return steps / spent


def utterances_per_second(speaker: ScriptedSpeaker, tangrams: TangramSet, seconds: float, seed: int) -> float:
    """Has the speaker speak for at least so long, to a listener that does what is wanted or clicks at random."""
    rng = np.random.default_rng(seed)
    utterances, spent = 0, 0.0
    while spent < seconds:
        game = Game(Context.sample(tangrams.draw(rng, CONTEXT_SIZE), rng))
        # Only the speaker is measured: the clock stands still while the game is set up and played.
        start = perf_counter()
        speaker.start(game, rng)
        spent += perf_counter() - start
        utterances += 1
        while not game.over:
            action = (
                speaker.wanted
                if rng.random() < UNDERSTOOD
                else Action.clicking([int(rng.integers(CONTEXT_SIZE))], game.selected)
            )
            game.apply(action)
            start = perf_counter()
            speaker.reply(action)
            spent += perf_counter() - start
            utterances += 1
    return utterances / spent


def measure_speaker(seconds: float) -> dict[str, Any]:
    """Returns utterances a second of the scripted speaker: the median and all measurements."""
    tangrams = load_tangrams("figures").split("train")
    speaker = ScriptedSpeaker(tangrams)
    utterances_per_second(speaker, tangrams, seconds / 4, SEED)
    measured = [utterances_per_second(speaker, tangrams, seconds, SEED + repeat) for repeat in range(REPEATS)]
    return {"utterances_per_second": statistics.median(measured), "measured": measured}


def measure(seconds: float) -> dict[str, Any]:
    """Returns steps a second by environment: the median, all measurements, and the ratio to MiniGrid's median."""
    envs = environments()
    for env in envs.values():
        # Tangrams are drawn and modules loaded on the first games.
        steps_per_second(env, seconds / 4, SEED)
    measured: dict[str, list[float]] = {name: [] for name in envs}
    for repeat in range(REPEATS):
        for name, env in envs.items():
            measured[name].append(steps_per_second(env, seconds, SEED + repeat))
    medians = {name: statistics.median(speeds) for name, speeds in measured.items()}
    return {
        name: {"steps_per_second": median, "measured": measured[name], "ratio_to_minigrid": median / medians[MINIGRID]}
        for name, median in medians.items()
    }


def show(results: dict[str, Any]) -> None:
    """Prints the figures as a table."""
    console = Console()
    table = Table("environment", "steps/s", "least to greatest", "ratio to MiniGrid", title="Speed of one environment")
    for name, result in results["environments"].items():
        least, greatest = min(result["measured"]), max(result["measured"])
        table.add_row(
            name,
            f"{result['steps_per_second']:,.0f}",
            f"{least:,.0f} to {greatest:,.0f}",
            f"{result['ratio_to_minigrid']:.2f}",
        )
    console.print(table)
    speaker = results["speaker"]
    least, greatest = min(speaker["measured"]), max(speaker["measured"])
    console.print(
        f"Scripted speaker: {speaker['utterances_per_second']:,.0f} utterances/s ({least:,.0f} to {greatest:,.0f})",
        highlight=False,
    )
    machine, versions = results["machine"], results["versions"]
    console.print(
        f"Median of {REPEATS} measurements of {results['seconds']} s by turns; random actions, resets included; "
        f"gymnasium.make without the passive checker.\n"
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}; "
        + ", ".join(f"{name} {versions[name]}" for name in ("python", "gymnasium", "numpy", "minigrid")),
        highlight=False,
    )


def main() -> None:
    """Reads the command line, prints the figures and writes them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help=f"length of each of the {REPEATS} measurements")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args()
    if arguments.seconds <= 0:
        parser.error(f"--seconds {arguments.seconds}: allowed is a number above 0")
    try:
        results = {
            "environments": measure(arguments.seconds),
            "speaker": measure_speaker(arguments.seconds),
            "seconds": arguments.seconds,
            "seed": SEED,
        }
        results |= provenance()
        results["versions"]["minigrid"] = metadata.version("minigrid")
        show(results)
        if arguments.json:
            arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    except (OSError, UserError) as error:
        parser.exit(2, f"{parser.prog}: error: {error}\n")


if __name__ == "__main__":
    main()
