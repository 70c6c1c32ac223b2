"""Trains a listener by PPO on a speaker in plain words, from true or decoded reward, and saves it as a policy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from multiref_gym.agents.listeners.ppo.games import Reward, rewarded_games
from multiref_gym.agents.listeners.ppo.training import ROLLOUT, Evaluation, literal_success, train
from multiref_gym.commands.options import DecoderName, Natural, Steps, check_new_folder, make_folder
from multiref_gym.commands.screen import Screen
from multiref_gym.errors import UserError
from multiref_gym.provenance import write_results
from multiref_gym.registry import feedback_name

EVERY = 5 * ROLLOUT
GAMES = 200
"""The number of games in an evaluation during training."""
FINAL_GAMES = 1000


@dataclass(frozen=True, kw_only=True)
class PPOCommand:
    """Trains a listener by PPO on a speaker in plain words, from true or decoded reward, and saves it as a policy.

    Attributes:
        reward: Success (true), decoded feedback on each action (implicit), or progress towards the targets.
        decoder: The decoder for --reward implicit (lexical).
        ternary: The decoder also returns neutral.
        steps: Steps of the environment.
        seed: Seeds all randomness.
        out: The folder of the policy, which must be empty.
    """

    reward: Reward = "true"
    decoder: DecoderName | None = None
    ternary: bool = False
    steps: Steps = 300_000
    seed: Natural = 0
    out: Path = Path("runs/ppo")

    def run(self, screen: Screen) -> None:
        """Trains, shows the success during training, and writes policy, logs and results.

        Raises:
            UserError: If a decoder is named for a reward that is not decoded, there is no such decoder, or the folder
                cannot be written to.
        """
        for name in ("decoder", "ternary"):
            if getattr(self, name) and self.reward != "implicit":
                raise UserError(f"--{name} needs --reward implicit, not {self.reward}")
        check_new_folder(self.out)
        decoder = self.decoder or "lexical"
        make_games = partial(rewarded_games, reward=self.reward, decoder=decoder, ternary=self.ternary)
        make_games(1)  # fail now rather than after the vocabulary is built
        make_folder(self.out)
        formats = ["csv", "tensorboard"] if find_spec("tensorboard") else ["csv"]
        if "tensorboard" not in formats:
            screen.say("logs in progress.csv only: for TensorBoard run `pip install multiref-gym[tensorboard]`")

        def show(evaluation: Evaluation) -> None:
            screen.report("steps", evaluation.steps, self.steps)
            screen.say(f"{evaluation.steps:9,} steps: {evaluation.success.mean:.1%} of {GAMES} games won")

        listener, evaluations = train(
            make_games,
            self.steps,
            self.seed,
            games=GAMES,
            every=EVERY,
            out=self.out,
            formats=formats,
            on_evaluation=show,
        )
        config = {name: getattr(self, name) for name in ("reward", "steps", "seed")}
        config["decoder"] = feedback_name(decoder, self.ternary) if self.reward == "implicit" else None
        listener.save(self.out, config)  # saved now, because the final games take a while
        fixed = np.random.SeedSequence(self.seed, spawn_key=(len("final"),))
        final = {split: asdict(literal_success(listener, split, FINAL_GAMES, fixed)) for split in ("train", "test")}
        results = {"config": config, "success": final, "evaluations": list(map(asdict, evaluations))}
        write_results(self.out / "results.json", results)
        seen, unseen = (f"{final[split]['mean']:.1%}" for split in ("train", "test"))
        screen.say(
            f"{seen} of {FINAL_GAMES} games won, on unseen figures {unseen}; policy, logs and results are in {self.out}"
        )
