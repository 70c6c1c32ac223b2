"""Trains a listener by PPO, and measures during training how many games it wins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger, configure
from stable_baselines3.common.vec_env import VecMonitor

from multiref_gym.agents.evaluation.intervals import Estimate, estimate
from multiref_gym.agents.listeners.ppo.games import MakeGames, heard_vocabulary, literal_games
from multiref_gym.agents.listeners.ppo.listener import PPOListener
from multiref_gym.agents.listeners.ppo.observation import readable, shared_encoder
from multiref_gym.agents.listeners.ppo.policy import TangramPolicy
from multiref_gym.agents.listeners.ppo.vec_env import GymnasiumVecEnv
from multiref_gym.tangrams import load_tangrams
from multiref_gym.tangrams.tangram_set import SplitName

ENVS = 256
TURNS = 8
"""Steps of each environment between two updates."""
ROLLOUT = ENVS * TURNS
"""Steps of all environments between two updates."""
EPOCHS = 4
"""Passes over a rollout."""
BATCH = 512
"""Examples in a step of gradient descent."""
RATE = 3e-3
"""The initial learning rate; it falls to zero."""
DISCOUNT = 0.9
LAMBDA = 0.6
"""The lambda of generalised advantage estimation: low, since a critic that reads replies knows an action's value."""
ENTROPY = 0.01


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The success of a policy in games that it does not learn from.

    Attributes:
        steps: The environment steps of learning so far.
        success: The share of games won, with its 95 % interval over games.
    """

    steps: int
    success: Estimate


def train(
    make_games: MakeGames,
    steps: int,
    seed: int,
    *,
    games: int,
    every: int,
    out: Path | None = None,
    formats: Sequence[str] = (),
    on_evaluation: Callable[[Evaluation], None] = lambda evaluation: None,
) -> tuple[PPOListener, list[Evaluation]]:
    """Trains a policy from random weights; the same seed gives the same policy on the same machine.

    Args:
        make_games: Makes the games to learn from.
        steps: Environment steps, rounded up to whole rollouts.
        seed: Seeds all randomness, including torch's global generator.
        games: The number of games in an evaluation, the same games each time, on figures of the training split.
        every: Steps between two evaluations, in whole rollouts; there is one before the first step and one at the end.
        out: The folder for SB3's logs.
        formats: The formats of the logs: "csv", "tensorboard".
        on_evaluation: Called after each evaluation.

    Returns:
        The policy and all evaluations.
    """
    encoder, vocabulary = shared_encoder(load_tangrams("figures")), heard_vocabulary()
    # The monitor logs the mean reward and length of the games.
    envs = VecMonitor(GymnasiumVecEnv(readable(make_games(ENVS), vocabulary)))
    for_training, for_evaluation = np.random.SeedSequence(seed).spawn(2)
    ppo = PPO(
        TangramPolicy,
        envs,
        policy_kwargs={"features": encoder.features},
        learning_rate=lambda remaining: RATE * remaining,
        n_steps=TURNS,
        batch_size=BATCH,
        n_epochs=EPOCHS,
        gamma=DISCOUNT,
        gae_lambda=LAMBDA,
        ent_coef=ENTROPY,
        seed=int(for_training.generate_state(1)[0] >> 1),  # each environment adds its number to it
        device="cpu",
    )
    ppo.set_logger(configure(str(out), list(formats)) if formats else Logger(None, []))
    assert isinstance(ppo.policy, TangramPolicy)
    listener = PPOListener(ppo.policy, vocabulary, encoder)
    evaluate = partial(literal_success, listener, "train", games, for_evaluation)
    callback = SuccessCallback(evaluate, every, on_evaluation)
    ppo.learn(steps, callback=callback)
    envs.close()
    return listener, callback.evaluations


class SuccessCallback(BaseCallback):
    """Evaluates the policy before the first rollout, at regular intervals, and after the last update.

    Args:
        evaluate: Plays games and returns the share that was won.
        every: Steps between two evaluations; each waits for the end of an update.
        on_evaluation: Called after each.
    """

    def __init__(
        self, evaluate: Callable[[], Estimate], every: int, on_evaluation: Callable[[Evaluation], None]
    ) -> None:
        super().__init__()
        self.evaluations: list[Evaluation] = []
        self._evaluate, self._every, self._on_evaluation = evaluate, every, on_evaluation

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= len(self.evaluations) * self._every:
            self._measure()

    def _on_training_end(self) -> None:
        self._measure()

    def _measure(self) -> None:
        self.model.policy.set_training_mode(False)
        self.evaluations.append(Evaluation(self.num_timesteps, self._evaluate()))
        self.logger.record("evaluation/success", self.evaluations[-1].success.mean)
        # Log it at once: SB3 itself logs only after the next rollout, as if the policy had learned from that one, too.
        self.logger.record("time/total_timesteps", self.num_timesteps, exclude="tensorboard")
        self.logger.dump(self.num_timesteps)
        self._on_evaluation(self.evaluations[-1])

    def _on_step(self) -> bool:
        return True


def literal_success(listener: PPOListener, split: SplitName, games: int, seed: np.random.SeedSequence) -> Estimate:
    """Returns the share of games with a literal speaker that a listener wins; the same seed gives the same games."""
    of_games, of_clicks = map(int, seed.generate_state(2))
    envs = readable(literal_games(games, split=split), listener.vocabulary)
    rng = np.random.default_rng(of_clicks)
    won, over = np.zeros((2, games), np.bool_)
    observations, _ = envs.reset(seed=of_games)
    while not over.all():
        with torch.inference_mode():
            log_probs = listener.log_probs(observations).numpy()
        # The largest sum of log-probability and Gumbel noise is a random draw.
        observations, _, terminated, _, infos = envs.step((log_probs + rng.gumbel(size=log_probs.shape)).argmax(1))
        if "final_info" in infos:
            won |= infos["final_info"]["success"] & terminated & ~over
        over |= terminated
    return estimate(won.tolist())
