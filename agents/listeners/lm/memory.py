"""What a model has read of the games that are played, kept from turn to turn as keys and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor
from transformers import DynamicCache

from multiref_gym.agents.listeners.lm.prompt import shared_start
from multiref_gym.listener import View

Key = tuple[str, tuple[str, ...]]
"""The name of a game, and its tangrams in the listener's order, as a view that is of no game in play has no name."""

Layers = list[list[Tensor]]
"""Keys and values of each layer, (rows, heads, tokens, width)."""


class Game(NamedTuple):
    """What was read of a game.

    Attributes:
        dialogue: The tokens after the opening.
        layers: Keys and values of the opening and of them, with one row.
    """

    dialogue: list[int]
    layers: Layers

    @property
    def bytes(self) -> int:
        """The memory it takes; all layers take the same."""
        return len(self.layers) * sum(part.nbytes for part in self.layers[0])

    def known(self, dialogue: Sequence[int]) -> int:
        """Returns how many tokens of a dialogue are those that were read, from its start."""
        return shared_start(self.dialogue, dialogue)


def key_of(view: View) -> Key:
    """Returns what tells the game of a view from others."""
    return view.game_id, view.tangrams


def layers_of(cache: Any) -> Layers:
    """Returns the keys and values in a cache."""
    return [[layer.keys, layer.values] for layer in cache.layers]


def row_of(cache: Any, row: int, mask: Tensor) -> Layers:
    """Returns a copy of a row without padding.

    Args:
        cache: The cache.
        row: The number of the row.
        mask: Which of its tokens are none of padding, (tokens,).
    """
    there = mask.nonzero().squeeze(1)
    return [[part[row : row + 1, :, there] for part in layer] for layer in layers_of(cache)]


def cache_of(layers: Layers) -> DynamicCache:
    """Returns a cache that can be added to; it keeps all tokens, even for layers that see only the latest."""
    cache = DynamicCache()
    for number, (keys, values) in enumerate(layers):
        cache.update(keys, values, number)
    return cache
