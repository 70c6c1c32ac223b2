"""PPO in one file, in the manner of CleanRL: the whole update from top to bottom, without Stable-Baselines3.

    python docs/examples/ppo_cleanrl.py --reward implicit --steps 200000

The native vector environment plays 128 games at once, with the wrappers for learners that do not read text. The agent
sees the tangrams through the small listener's vision and learns everything else from the reward: the environment's own
at the end of a game (true), or the feedback decoded from the speaker's next utterance (implicit).
"""

from __future__ import annotations

import argparse
import math
from typing import Any

import gymnasium as gym
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor, nn
from torch.distributions import Categorical

import multiref_gym  # noqa: F401 (registers MultiRef-v0)
from multiref_gym.agents.listeners.ppo.observation import shared_encoder
from multiref_gym.simulators.scripted import literal_speaker
from multiref_gym.tangrams import load_tangrams
from multiref_gym.vocabulary import Vocabulary
from multiref_gym.wrappers.vector import DiscreteClick, EncodeUtterance, ImplicitReward, LastClick, TangramObservation

ENVS, TURNS = 128, 16
EPOCHS, RATE = 8, 3e-3
DISCOUNT, LAMBDA = 0.9, 0.6  # a critic that reads the reply knows at once how good an action was
CLIP, ENTROPY, VALUE, LARGEST_GRADIENT = 0.2, 0.01, 0.5, 0.5
LENGTH, WORDS, WIDTH = 24, 600, 64

Observations = dict[str, Tensor]


class Agent(nn.Module):
    """Scores each tangram with the same weights; the critic reads the same words.

    Args:
        words: The number of word ids.
        features: The features of the tangrams' pictures, float32 (tangrams of the set, width).
    """

    def __init__(self, words: int, features: NDArray[np.float32]) -> None:
        super().__init__()
        self.features: Tensor
        self.register_buffer("features", torch.from_numpy(features))
        self.words = nn.Embedding(words, WIDTH, padding_idx=0)
        nn.init.normal_(self.words.weight, std=0.3)
        self.weights = nn.Linear(WIDTH, 1)
        self.look = nn.Linear(features.shape[1], WIDTH)
        self.said = nn.Linear(WIDTH, WIDTH)
        self.score = nn.Sequential(nn.Linear(2 * WIDTH + 2, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 1))
        self.none = nn.Parameter(torch.tensor(-2.0))
        self.value = nn.Sequential(nn.Linear(WIDTH + 2, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 1))

    def forward(self, seen: Observations) -> tuple[Categorical, Tensor]:
        """Returns the policy, over ten clicks and no click, and the values, float32 (batch,)."""
        there = seen["utterance"] > 0
        words = self.words(seen["utterance"].long())
        weights = self.weights(words).squeeze(2).masked_fill(~there, -1e9).softmax(1)
        said = torch.einsum("bw,bwd->bd", weights, words)
        alike = F.embedding(seen["tangrams"], self.look(self.features)) * self.said(said)[:, None]
        selected, clicked = seen["selected"].float(), seen["clicked"].float()
        state = torch.stack([selected, clicked], 2)
        hints = self.score(torch.cat([alike, said[:, None].expand_as(alike), state], 2)).squeeze(2)
        # At first, selected tangrams mostly stay selected: an agent that undoes half of its clicks wins no games to
        # learn from.
        scores = hints + alike.sum(2) / math.sqrt(WIDTH) - 2 * selected
        counts = torch.stack([seen["turn"].float(), selected.sum(1)], 1)
        value = self.value(torch.cat([words.sum(1) / there.sum(1, keepdim=True).clamp(min=1), counts], 1))
        return Categorical(logits=torch.cat([scores, self.none.expand(len(scores), 1)], 1)), value.squeeze(1)


def literal_games(number: int) -> VectorEnv[Any, Any, NDArray[Any]]:
    """Returns games with a speaker in plain words."""
    return gym.make_vec("MultiRef-v0", number, autoreset_mode="SameStep", image=None, speaker=literal_speaker)


def readable_games(number: int, reward: str, vocabulary: Vocabulary) -> VectorEnv[Any, Any, NDArray[Any]]:
    """Returns games whose observations are numbers, with one click a turn."""
    envs = literal_games(number)
    if reward == "implicit":
        envs = ImplicitReward(envs, decoder="lexical")
    return DiscreteClick(LastClick(TangramObservation(EncodeUtterance(envs, LENGTH, vocabulary))))


def first_utterances(games: int) -> list[str]:
    """Returns the first utterances of some games, and the replies to a listener that clicks A twice."""
    envs = literal_games(games)
    heard = [*envs.reset(seed=0)[0]["utterance"]]
    for _ in range(2):
        heard += envs.step(np.eye(1, 10, dtype=np.int8).repeat(games, 0))[0]["utterance"]
    return heard


def train(reward: str, steps: int, seed: int) -> tuple[Agent, list[float]]:
    """Learns from this many steps; returns the agent, and the fraction of games won in each rollout."""
    torch.manual_seed(seed)
    vocabulary = Vocabulary.of(first_utterances(1000), WORDS)
    envs = readable_games(ENVS, reward, vocabulary)
    agent = Agent(len(vocabulary), shared_encoder(load_tangrams("figures")).features)
    optimiser = torch.optim.Adam(agent.parameters(), RATE, eps=1e-5)
    updates = max(1, steps // (ENVS * TURNS))
    successes = []
    seen = tensors(envs.reset(seed=seed)[0])
    for update in range(updates):
        optimiser.param_groups[0]["lr"] = RATE * (1 - update / updates)

        # Play.
        rollout: list[Observations] = []
        actions, log_probs, values, rewards, ends = (torch.zeros(TURNS, ENVS) for _ in range(5))
        won: list[bool] = []
        for turn in range(TURNS):
            with torch.no_grad():
                policy, values[turn] = agent(seen)
            action = policy.sample()
            actions[turn], log_probs[turn] = action, policy.log_prob(action)
            rollout.append(seen)
            observations, reward_of_turn, over, _, infos = envs.step(action.numpy())
            seen = tensors(observations)
            rewards[turn], ends[turn] = torch.from_numpy(reward_of_turn), torch.from_numpy(over)
            if over.any():
                won += infos["final_info"]["success"][over].tolist()
        successes.append(float(np.mean(won)) if won else 0.0)

        # Generalised advantage estimation, from the last turn to the first.
        with torch.no_grad():
            following = agent(seen)[1]
        advantages, advantage = torch.zeros(TURNS, ENVS), torch.zeros(ENVS)
        for turn in reversed(range(TURNS)):
            goes_on = 1 - ends[turn]
            surprise = rewards[turn] + DISCOUNT * goes_on * following - values[turn]
            advantage = surprise + DISCOUNT * LAMBDA * goes_on * advantage
            advantages[turn], following = advantage, values[turn]
        returns = (advantages + values).flatten()
        gains = ((advantages - advantages.mean()) / (advantages.std() + 1e-8)).flatten()

        # Learn, each time from the whole rollout: at first, a smaller batch would hardly have any won game.
        turns = {key: torch.cat([observations[key] for observations in rollout]) for key in seen}
        for _ in range(EPOCHS):
            policy, value = agent(turns)
            ratio = (policy.log_prob(actions.flatten()) - log_probs.flatten()).exp()
            actor = -torch.min(ratio * gains, ratio.clamp(1 - CLIP, 1 + CLIP) * gains).mean()
            loss = actor + VALUE * F.mse_loss(value, returns) - ENTROPY * policy.entropy().mean()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(agent.parameters(), LARGEST_GRADIENT)
            optimiser.step()
        if update % 10 == 9 or update == updates - 1:
            done = (update + 1) * ENVS * TURNS
            Console(highlight=False).print(f"{done:8,} steps: {np.mean(successes[-10:]):.1%} of games won")
    envs.close()
    return agent, successes


def tensors(observations: dict[str, Any]) -> Observations:
    """Returns a batch of observations as tensors, copied."""
    return {key: torch.tensor(array) for key, array in observations.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--reward", choices=("true", "implicit"), default="implicit")
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    train(arguments.reward, arguments.steps, arguments.seed)
