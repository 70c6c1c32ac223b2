"""One table row for each tangram, for learners that score tangrams one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from multiref_gym.wrappers.vector.base import Envs, ObservationWrapper, observed


class TangramObservation(ObservationWrapper):
    """Replaces the images by `tangrams`: one row of a table for each tangram, in the listener's order.

    A table of silhouettes or embeddings shows what each tangram looks like. Without a table, each tangram is given by
    its place in `env.unwrapped.tangrams.ids`: a learner that has the table itself can then process each tangram once,
    however often it is in a batch.

    Args:
        env: The native vector environment of MultiRef-v0, wrapped or not, with a `Dict` of observations; `image=None`
            saves drawing boards.
        table: One row for each tangram, in the order of those ids, (tangrams, ...); None for their places alone.

    Raises:
        ValueError: If the environment is another one, or the table has more or fewer rows than tangrams.

    Example:
        >>> import gymnasium as gym
        >>> import multiref_gym
        >>> from multiref_gym.tangrams import shared_atlas
        >>> from multiref_gym.wrappers.vector import TangramObservation
        >>> envs = gym.make_vec("MultiRef-v0", 3, image=None)
        >>> tangrams = envs.unwrapped.tangrams
        >>> pictures = shared_atlas(tangrams, 16).silhouettes(tangrams.ids)
        >>> TangramObservation(envs, pictures).reset(seed=1)[0]["tangrams"].shape
        (3, 10, 16, 16)
        >>> TangramObservation(envs).reset(seed=1)[0]["tangrams"].shape
        (3, 10)
    """

    def __init__(self, env: Envs, table: NDArray[Any] | None = None) -> None:
        super().__init__(env)
        seen = observed(self, "selected", spaces.MultiBinary)
        count = len(self._native.tangrams)
        if table is None:
            table = np.arange(count, dtype=np.int32)
        if len(table) != count:
            raise ValueError(f"a table of {len(table)} rows: allowed is one for each of {count} tangrams")
        self._table = table
        shape = (*(seen["selected"].shape or ()), *table.shape[1:])
        low, high = (-np.inf, np.inf) if table.dtype.kind == "f" else (table.min(), table.max())
        tangrams = spaces.Box(low, high, shape, table.dtype.type)
        self._show({key: space for key, space in seen.items() if key != "image"} | {"tangrams": tangrams})

    def _seen(self, observations: Any, clicks: NDArray[np.int8], tangrams: NDArray[np.int32]) -> dict[str, Any]:
        return {key: rows for key, rows in observations.items() if key != "image"} | {"tangrams": self._table[tangrams]}
