"""A small picture or embedding of each tangram, for learners that score tangrams one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from multiref_gym.env import IMAGE_SIZE
from multiref_gym.tangrams import shared_atlas
from multiref_gym.wrappers.base import context_size, multiref

Embed = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Maps silhouettes, uint8 (n, size, size), black on white, to embeddings, float32 (n, width)."""


class TangramObservation(gym.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Replaces the image of an observation by `tangrams`: the tangrams one by one, in the listener's order.

    They are silhouettes, uint8 (context_size, size, size), or embeddings made by `embed`, float32 (context_size,
    width). A tangram is drawn and embedded the first time it comes up, and remembered.

    Args:
        env: MultiRef-v0, wrapped or not, with a `Dict` of observations; `image=None` saves drawing images.
        size: The side of a silhouette in pixels, at least 8. Stable-Baselines3's own network for images needs 36.
        embed: Makes embeddings of silhouettes. Use your own vision model, such as
            `lambda images: vision(torch.from_numpy(images)).numpy()`, or `SilhouetteEncoder` of the PPO listeners, with
            the small listener's vision for the usual size. The embedding of a tangram must not depend on the
            tangrams beside it.

    Raises:
        ValueError: If the environment is not MultiRef-v0, it has no `Dict` of observations, the size is too small, or
            `embed` does not return one row for each silhouette.

    Example:
        >>> import gymnasium as gym
        >>> import multiref_gym
        >>> from multiref_gym.wrappers import TangramObservation
        >>> env = TangramObservation(gym.make("MultiRef-v0", image=None), size=16)
        >>> env.reset(seed=1)[0]["tangrams"].shape
        (10, 16, 16)
        >>> def ink_by_row(images):
        ...     return 1 - images.mean(axis=2, dtype="float32") / 255
        >>> env = TangramObservation(gym.make("MultiRef-v0", image=None), size=16, embed=ink_by_row)
        >>> env.observation_space["tangrams"]
        Box(-inf, inf, (10, 16), float32)
    """

    def __init__(self, env: gym.Env[Any, Any], size: int = IMAGE_SIZE, embed: Embed | None = None) -> None:
        # `embed` may hold a large model, which should not be copied.
        RecordConstructorArgs.__init__(self, _disable_deepcopy=True, size=size, embed=embed)
        super().__init__(env)
        game = multiref(self)
        if not isinstance(env.observation_space, spaces.Dict):
            raise ValueError(f"TangramObservation adds to a Dict of observations; {env} has {env.observation_space}")
        self._atlas = shared_atlas(game.tangrams, size)
        self._embed = embed
        self._rows: dict[str, NDArray[np.float32]] = {}
        count = context_size(game)
        kept = {key: space for key, space in env.observation_space.items() if key != "image"}
        if embed is None:
            kept["tangrams"] = spaces.Box(0, 255, (count, size, size), np.uint8)
        else:
            width = self._embedded(game.tangrams.ids[:1]).shape[1]
            kept["tangrams"] = spaces.Box(-np.inf, np.inf, (count, width), np.float32)
        self.observation_space = spaces.Dict(kept)

    def observation(self, observation: dict[str, Any]) -> dict[str, Any]:
        """Returns the observation with the tangrams in place of the image."""
        ids = multiref(self).game.context.listener_order
        tangrams = self._atlas.silhouettes(ids) if self._embed is None else self._embedded(ids)
        return {key: value for key, value in observation.items() if key != "image"} | {"tangrams": tangrams}

    def _embedded(self, ids: tuple[str, ...]) -> NDArray[np.float32]:
        """Returns a fresh array with an embedding for each id."""
        assert self._embed is not None
        if new := [id for id in ids if id not in self._rows]:
            rows = np.asarray(self._embed(self._atlas.silhouettes(new)), np.float32)
            if rows.ndim != 2 or len(rows) != len(new):
                raise ValueError(f"embed made {rows.shape} of {len(new)} silhouettes: allowed is ({len(new)}, width)")
            self._rows.update(zip(new, rows, strict=True))
        return np.stack([self._rows[id] for id in ids])
