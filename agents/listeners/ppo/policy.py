"""The policy: one score for each tangram, by the same weights for all, so that what is learned of one holds for any.

    words    -> embeddings -> two weighted means: what is looked for, what is to be done -+
    tangrams -> embeddings, with what is selected and what was clicked last --------------+-> a score a tangram

The softmax is over the scores and a constant for no click. The critic reads the same words: once it knows what "yes"
and "no" are worth, it tells how good an action was long before the end of the game does.
"""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

WIDTH = 64
SELECTED, NONE = -2.0, -2.0
"""What is added at first to the score of a selected tangram, and the first score of no click: a policy that undoes what
it did half of the time hardly ever wins a game to learn from."""

Observations = dict[str, Tensor]


class TangramExtractor(BaseFeaturesExtractor):
    """Makes of an observation the scores of all actions, and features for the critic.

    Args:
        observation_space: That of `readable` games.
        features: What the tangrams look like, float32 (tangrams of the set, width of the vision).
    """

    def __init__(self, observation_space: spaces.Dict, features: NDArray[np.float32]) -> None:
        [tangrams] = observation_space["tangrams"].shape or ()
        super().__init__(observation_space, tangrams + 1 + WIDTH)
        utterance, turn = observation_space["utterance"], observation_space["turn"]
        assert isinstance(utterance, spaces.Box)
        assert isinstance(turn, spaces.Discrete)
        self.words = nn.Embedding(int(utterance.high.max()) + 1, WIDTH, padding_idx=0)
        with torch.no_grad():
            self.words.weight *= 0.3
        self.weights = nn.Linear(WIDTH, 2)
        self.features: Tensor
        self.register_buffer("features", torch.from_numpy(features), persistent=False)
        self.look = nn.Linear(features.shape[1], WIDTH)
        self.what = nn.Linear(WIDTH, WIDTH)
        self.to_do = nn.Linear(WIDTH, WIDTH)
        self.hidden = nn.Linear(WIDTH + 3, WIDTH)
        self.score = nn.Linear(WIDTH, 1)
        self.state = nn.Parameter(torch.tensor([SELECTED, 0.0]))
        self.none = nn.Parameter(torch.tensor(NONE))
        self.worth = nn.Sequential(nn.Linear(2 * WIDTH + 3 + int(turn.n), WIDTH), nn.ReLU())

    def forward(self, observations: Observations) -> Tensor:
        """Maps a batch of observations, float32, to scores and features (batch, actions + WIDTH)."""
        ids = observations["utterance"].long()
        # Finite, as an utterance may be empty.
        weights = (
            F.embedding(ids, self.weights(self.words.weight)).masked_fill((ids == 0).unsqueeze(-1), -1e9).softmax(1)
        )
        what, to_do = (self._sum_of_words(ids, share) for share in weights.unbind(-1))

        state = torch.stack([observations["selected"], observations["clicked"]], -1)
        # Each tangram is looked at once, however often it is in the batch.
        different, places = observations["tangrams"].long().unique(return_inverse=True)
        looks = F.embedding(places, self.look(self.features[different]))
        alike = looks * self.what(what)[:, None]
        match = alike.sum(-1, keepdim=True) / math.sqrt(WIDTH)
        hidden = self.hidden(torch.cat([alike, match, state], -1)) + self.to_do(to_do)[:, None]
        scores = self.score(hidden.relu()) + match + (state @ self.state)[..., None]
        scores = torch.cat([scores.squeeze(-1), self.none.expand(len(ids), 1)], 1)

        mean = F.embedding_bag(ids, self.words.weight, mode="mean", padding_idx=0)
        worth = [mean, to_do, state.sum(1), match.amax(1), observations["turn"].flatten(1)]
        return torch.cat([scores, self.worth(torch.cat(worth, 1))], 1)

    def _sum_of_words(self, ids: Tensor, shares: Tensor) -> Tensor:
        return F.embedding_bag(
            ids, self.words.weight, mode="sum", padding_idx=0, per_sample_weights=shares.contiguous()
        )


class ScoresAndWorth(nn.Module):
    """Divides what `TangramExtractor` makes between actor and critic, in place of the networks SB3 has there.

    Args:
        actions: How many of the features are scores.
        features: How many there are.
    """

    def __init__(self, actions: int, features: int) -> None:
        super().__init__()
        self.latent_dim_pi, self.latent_dim_vf = actions, features - actions

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Returns both parts."""
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: Tensor) -> Tensor:
        """Returns the scores (batch, actions)."""
        return features[:, : self.latent_dim_pi]

    def forward_critic(self, features: Tensor) -> Tensor:
        """Returns what the critic reads (batch, WIDTH)."""
        return features[:, self.latent_dim_pi :]


class TangramPolicy(ActorCriticPolicy):
    """An actor whose logits are the extractor's scores as they are, and a critic beside it; for `Discrete` clicks.

    Args:
        observation_space: That of `readable` games.
        action_space: Theirs too.
        lr_schedule: As SB3 has it.
        features: What the tangrams look like, float32 (tangrams of the set, width of the vision).
        options: Others of SB3's.
    """

    def __init__(
        self,
        observation_space: gym.Space[Any],
        action_space: gym.Space[Any],
        lr_schedule: Schedule,
        features: NDArray[np.float32],
        **options: Any,
    ) -> None:
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            ortho_init=False,
            features_extractor_class=TangramExtractor,
            features_extractor_kwargs={"features": features},
            **options,
        )

    def _build_mlp_extractor(self) -> None:
        assert isinstance(self.action_space, spaces.Discrete)
        self.mlp_extractor = ScoresAndWorth(int(self.action_space.n), self.features_dim)  # type: ignore[assignment]

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        # SB3 mixes the actor's output by a linear layer, which would undo that all tangrams have the same weights.
        self.action_net = nn.Identity()
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)  # type: ignore[call-arg]
