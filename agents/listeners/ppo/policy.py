"""The policy: a score for each tangram by shared weights, so that what it learns about one tangram holds for all.

    words -> embeddings -> two weighted means: the wanted tangram, the wanted action --+
    tangrams -> embeddings, with the selection and the last clicks --------------------+-> a score for each tangram

The softmax is over the scores and a constant for no click. The critic reads the same words: once it knows the value of
"yes" and "no", it judges an action long before the game ends.
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
"""The initial addition to the score of a selected tangram, and the initial score of no click: a policy that undoes half
of its actions would hardly ever win a game to learn from."""

Observations = dict[str, Tensor]


class TangramExtractor(BaseFeaturesExtractor):
    """Turns an observation into the scores of all actions, and features for the critic.

    Args:
        observation_space: The observation space of `readable` games.
        features: Features of the tangrams' looks, float32 (tangrams of the set, width of the vision).
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
        # A finite number, because an utterance may be empty.
        weights = (
            F.embedding(ids, self.weights(self.words.weight)).masked_fill((ids == 0).unsqueeze(-1), -1e9).softmax(1)
        )
        what, to_do = (self._sum_of_words(ids, share) for share in weights.unbind(-1))

        state = torch.stack([observations["selected"], observations["clicked"]], -1)
        # Each tangram is processed once, however often it is in the batch.
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
    """Divides the output of `TangramExtractor` between actor and critic, in place of SB3's networks.

    Args:
        actions: The number of scores among the features.
        features: The number of features.
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
        """Returns the critic's input (batch, WIDTH)."""
        return features[:, self.latent_dim_pi :]


class TangramPolicy(ActorCriticPolicy):
    """An actor whose logits are the extractor's scores, and a critic; for `Discrete` clicks.

    Args:
        observation_space: The observation space of `readable` games.
        action_space: Their action space.
        lr_schedule: See SB3.
        features: Features of the tangrams' looks, float32 (tangrams of the set, width of the vision).
        options: Other arguments of SB3's policy.
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
        # SB3 adds a linear layer after the actor, which would give the tangrams different weights.
        self.action_net = nn.Identity()
        self.optimizer = self.optimizer_class(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)  # type: ignore[call-arg]
