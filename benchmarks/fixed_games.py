"""What has a policy learned, when it explores no more?

    python -m multiref_gym.benchmarks.fixed_games runs/learning_curve/TURNS-*/round-6 [--json FILE]

Deployed policies sample their actions, for that is how they find out more. Here each policy plays the fixed games of
`learning_curve.py` twice, sampling, as there, and taking the likeliest action. Policies of the same system and round
are runs of several seeds: their mean is shown, with 95 % bootstrap intervals over games.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from transformers.utils import logging as transformers_logging

from multiref_gym.agents.evaluation.measures import estimate
from multiref_gym.agents.evaluation.tables import Sheet, percent
from multiref_gym.agents.learning.respect import Config
from multiref_gym.agents.listeners.small.listener import SmallListener
from multiref_gym.benchmarks.learning_systems import FIXED_GAMES, Evaluation, evaluate
from multiref_gym.commands.options import positive
from multiref_gym.errors import UserError
from multiref_gym.files import write_atomically
from multiref_gym.provenance import provenance
from multiref_gym.tangrams import load_tangrams
from multiref_gym.tangrams.tangram_set import SplitName

DEFAULT = Config()
COLUMNS = [(split, way) for split in ("seen", "unseen") for way in ("sampled", "likeliest")]


def played(folder: Path, config: Config, evaluation: Evaluation) -> dict[str, list[int]]:
    """Returns which fixed games the small listener's policy in a folder won, by "split, way"."""
    tangrams = load_tangrams(config.tangrams)
    listener = SmallListener.load(tangrams, folder)
    won = {}
    for way in ("sampled", "likeliest"):
        listener.greedy = way == "likeliest"
        for split, measures in evaluate(listener, tangrams, config, evaluation).items():
            won[f"{split}, {way}"] = [int(game) for game in measures["by_game"]["won"].split()]
    return won


def group_of(folder: Path) -> str:
    """Returns the system and the round of a policy's folder, `SYSTEM-SEED/round-N`.

    Raises:
        UserError: If the folder has another name.
    """
    system, _, seed = folder.resolve().parent.name.rpartition("-")
    if not (system and seed.isdecimal() and folder.name.startswith("round-")):
        raise UserError(f"{folder}: a policy of a run is in a folder SYSTEM-SEED/round-N")
    return f"{system}, {folder.name.replace('-', ' ')}"


def main() -> None:
    """Reads the command line, has the policies play, and prints and writes how they did."""
    parser = argparse.ArgumentParser(
        prog="python -m multiref_gym.benchmarks.fixed_games", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("policies", type=Path, nargs="+", metavar="FOLDER", help="of a round, in the folder of a run")
    parser.add_argument(
        "--tangrams", default=DEFAULT.tangrams, metavar="SET", help="figures (default) or kilogram:PATH"
    )
    splits = get_args(SplitName)
    parser.add_argument("--split", choices=splits, default=DEFAULT.split, help=f"what was deployed ({DEFAULT.split})")
    parser.add_argument("--unseen", choices=splits, default="test", help="what no policy saw (test)")
    parser.add_argument("--games", type=positive, default=1000, help="on either split (1000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the figures are written (not kept)")
    arguments = parser.parse_args()
    try:
        run(arguments)
    except (OSError, UserError) as error:
        parser.exit(2, f"{parser.prog}: error: {' '.join(str(error).split())}\n")


def run(arguments: argparse.Namespace) -> None:
    """Does what the command line asked for.

    Raises:
        UserError: If a folder holds no policy of a run.
    """
    transformers_logging.disable_progress_bar()
    torch.set_num_threads(1)  # so that the outcome depends on no number of cores
    console = Console(highlight=False)
    config = Config(tangrams=arguments.tangrams, split=arguments.split)
    evaluation = Evaluation(arguments.games, arguments.unseen)
    groups: dict[str, list[Path]] = defaultdict(list)
    for folder in arguments.policies:
        groups[group_of(folder)].append(folder)
    won = {
        folder: played(folder, config, evaluation)
        for folder in track(arguments.policies, "policies", console=console, transient=True)
    }
    results: dict[str, Any] = {
        group: {
            "runs": {
                str(folder): {column: float(np.mean(won[folder][column])) for column in won[folder]} for folder in of
            },
            # All play the same games, so it is games that are drawn, with what all runs made of them.
            "mean": {
                column: asdict(estimate(np.mean([won[folder][column] for folder in of], axis=0).tolist()))
                for column in won[of[0]]
            },
        }
        for group, of in groups.items()
    }
    rows = [
        [f"{group}, {len(of)} seeds", *(percent(results[group]["mean"][f"{split}, {way}"]) for split, way in COLUMNS)]
        for group, of in groups.items()
    ]
    title = f"Fixed games won, in percent; simulated speakers, {arguments.games} games on either split"
    sheet = Sheet(title, ["policies", *(f"{split}, {way}" for split, way in COLUMNS)], rows)
    console.print(sheet.printed())
    if arguments.json:
        asked = {"tangrams": arguments.tangrams, "split": arguments.split, **asdict(evaluation), "seed": FIXED_GAMES}
        text = json.dumps({"config": asked, "policies": results, **provenance()}, indent=2)
        write_atomically(arguments.json, text + "\n")


if __name__ == "__main__":
    main()
