"""A policy trained by PPO as a listener: it clicks one tangram a turn, or none."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from safetensors.torch import load_model, save_model
from scipy.special import softmax
from torch import Tensor

from multiref_gym.agents.learning.learn import Scores, fingerprint
from multiref_gym.agents.listeners.ppo.observation import LENGTH, SilhouetteEncoder, readable, shared_encoder
from multiref_gym.agents.listeners.ppo.policy import TangramPolicy
from multiref_gym.agents.listeners.weights import UNLOADABLE, check_finite, saved
from multiref_gym.checking import read_json
from multiref_gym.errors import UserError
from multiref_gym.files import write_json
from multiref_gym.game import Action
from multiref_gym.listener import Decision, View
from multiref_gym.tangrams import TangramSet
from multiref_gym.vocabulary import Vocabulary, encode

CONFIG, WEIGHTS, VOCABULARY = "config.json", "model.safetensors", "vocabulary.json"
"""The files of a saved policy. Unlike Stable-Baselines3's archives, nothing is pickled, so loading runs no code."""


class PPOListener:
    """Samples from a policy's distribution over single clicks.

    Args:
        policy: The network.
        vocabulary: The vocabulary that it was trained with.
        encoder: The vision that it was trained with, and the tangrams of the views.
    """

    def __init__(self, policy: TangramPolicy, vocabulary: Vocabulary, encoder: SilhouetteEncoder) -> None:
        space = policy.observation_space
        assert isinstance(space, spaces.Dict)
        self.policy = policy
        self.vocabulary = vocabulary
        self._vision = fingerprint(encoder.vision)
        self._places = {tangram: place for place, tangram in enumerate(encoder.tangrams.ids)}
        self._size = int(space["selected"].shape[0])  # type: ignore[index]
        self._turns = int(space["turn"].n) - 1  # type: ignore[attr-defined]

    @classmethod
    def load(cls, tangrams: TangramSet, path: Path | None = None) -> Self:
        """Loads what `save` wrote.

        Raises:
            FileNotFoundError: If the folder holds no policy.
            UserError: If no folder is given, or it holds a policy of another network, with another vision or
                with another vocabulary, or other weights than were saved.
        """
        if path is None:
            raise UserError("a listener of PPO has no base: train one by `multiref ppo` and name its folder")
        if not (path / WEIGHTS).is_file():
            raise FileNotFoundError(f"no policy of PPO in {path}: {WEIGHTS} is missing")
        vocabulary, encoder = Vocabulary.load(path / VOCABULARY), shared_encoder(tangrams)
        try:
            config = read_json(dict[str, Any], path / CONFIG)["policy"]
            policy = new_policy(config["tangrams"], config["turns"], vocabulary, encoder)
            load_model(policy, path / WEIGHTS)
            vision, words, weights = config["vision"], config["vocabulary"], config["weights"]
        except UNLOADABLE as error:
            raise UserError(f"{path} holds no policy of PPO that fits its {CONFIG} and {VOCABULARY}") from error
        if vision != fingerprint(encoder.vision):
            raise UserError(f"the policy in {path} was trained with the vision of another base")
        if words != _digest(vocabulary):
            raise UserError(f"the policy in {path} was trained with other words than those of its {VOCABULARY}")
        check_finite(policy.state_dict(), path)
        if weights != fingerprint(policy):
            raise UserError(f"the weights in {path} are not those that were saved")
        policy.set_training_mode(False)
        return cls(policy, vocabulary, encoder)

    def save(self, path: Path, record: dict[str, Any]) -> None:
        """Saves the policy to a folder; its configuration also holds the fields of `record`."""
        path.mkdir(parents=True, exist_ok=True)
        trained = {
            "tangrams": self._size,
            "turns": self._turns,
            "vision": self._vision,
            "vocabulary": _digest(self.vocabulary),
            "weights": fingerprint(self.policy),
        }
        self.vocabulary.save(path / VOCABULARY)
        write_json(path / CONFIG, record | {"policy": trained})
        with saved(path / WEIGHTS) as unfinished:
            save_model(self.policy, str(unfinished))

    def act(self, views: Sequence[View], rngs: Sequence[np.random.Generator]) -> list[Decision]:
        """Samples an action for each view."""
        with torch.inference_mode():
            log_probs = self.log_probs(self.observe(views)).double().numpy()
        decisions = []
        for view, row, shares, rng in zip(views, log_probs, softmax(log_probs, axis=1), rngs, strict=True):
            number = int(rng.choice(len(row), p=shares))
            action = Action.clicking({number} - {self._size}, view.selected)
            decisions.append(Decision(action, float(row[number]), str(action)))
        return decisions

    def score(self, views: Sequence[View], actions: Sequence[Action]) -> Scores:
        """Returns the log-probability of each action, in one step; an action of several clicks has none."""
        log_probs = self.log_probs(self.observe(views))
        impossible = torch.full((len(views), 1), -math.inf)
        numbers = [self._size + 1 if len(a.clicks) > 1 else min(a.clicks, default=self._size) for a in actions]
        log_prob = torch.cat([log_probs, impossible], 1).gather(1, torch.tensor(numbers)[:, None]).squeeze(1)
        return Scores(log_prob, log_probs.mean(1), torch.ones_like(log_prob))

    def log_probs(self, observations: Mapping[str, NDArray[Any]]) -> Tensor:
        """Returns the log-probability of each click and of no click in `readable` games, float32 (games, actions)."""
        tensors = {key: torch.from_numpy(array) for key, array in observations.items()}
        distribution = self.policy.get_distribution(tensors).distribution
        assert isinstance(distribution, torch.distributions.Categorical)
        return distribution.logits

    def observe(self, views: Sequence[View]) -> dict[str, np.ndarray]:
        """Returns the observations of these views in `readable` games, a row each.

        Raises:
            UserError: If a view has another number of tangrams than the policy was trained with.
        """
        if other := [view for view in views if len(view.tangrams) != self._size]:
            raise UserError(f"a context of {len(other[0].tangrams)} tangrams: this policy clicks on {self._size}")
        selected, clicked = np.zeros((2, len(views), self._size), np.int8)
        for row, view in enumerate(views):
            selected[row, list(view.selected)] = 1
            if view.dialogue:
                clicked[row, list(view.dialogue[-1][1].clicks)] = 1
        return {
            "clicked": clicked,
            "selected": selected,
            "tangrams": np.array([[self._places[name] for name in view.tangrams] for view in views]),
            "turn": np.array([min(len(view.dialogue), self._turns) for view in views]),
            "utterance": np.stack([encode(view.utterance, LENGTH, self.vocabulary) for view in views]),
        }


def new_policy(tangrams: int, turns: int, vocabulary: Vocabulary, encoder: SilhouetteEncoder) -> TangramPolicy:
    """Returns a policy with random weights for games with this number of tangrams and at most this number of turns."""
    # The set may be one split, so contexts are drawn from all of it.
    options: dict[str, Any] = {
        "image": None,
        "context_size": tangrams,
        "targets": (1, 1),
        "max_turns": turns,
        "split": "all",
    }
    games = readable(gym.make_vec("MultiRef-v0", 1, tangrams=encoder.tangrams, **options), vocabulary)
    return TangramPolicy(games.single_observation_space, games.single_action_space, lambda _: 0.0, encoder.features)


def _digest(vocabulary: Vocabulary) -> str:
    """Returns a short hash of the words in the order of their ids."""
    return hashlib.sha256(" ".join(vocabulary.words).encode()).hexdigest()[:16]
