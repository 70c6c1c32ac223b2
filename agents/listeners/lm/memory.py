"""The read parts of games in play, kept from turn to turn as keys and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor
from transformers import DynamicCache

from multiref_gym.agents.listeners.lm.prompt import shared_start
from multiref_gym.listener import View

Key = tuple[str, tuple[str, ...]]
"""The name of a game, and its tangrams in the listener's order, since the view of a game not in play has no name."""

Layers = list[list[Tensor]]
"""Keys and values of each layer, (rows, heads, tokens, width)."""


class Game(NamedTuple):
    """The read part of a game.

    Attributes:
        dialogue: The tokens after the opening.
        layers: Keys and values of the opening and the dialogue, with one row.
    """

    dialogue: list[int]
    layers: Layers

    @property
    def bytes(self) -> int:
        """The memory that it takes; all layers take the same."""
        return len(self.layers) * sum(part.nbytes for part in self.layers[0])

    def count_read(self, dialogue: Sequence[int]) -> int:
        """Returns how many tokens at a dialogue's start are read already."""
        return shared_start(self.dialogue, dialogue)


def key_of(view: View) -> Key:
    """Returns the key that identifies a view's game."""
    return view.game_id, view.tangrams


def layers_of(cache: Any) -> Layers:
    """Returns the keys and values in a cache."""
    return [[layer.keys, layer.values] for layer in cache.layers]


def row_of(cache: Any, row: int, mask: Tensor) -> Layers:
    """Returns a copy of a row without padding.

    Args:
        cache: The cache.
        row: The number of the row.
        mask: Whether each of its tokens is real and not padding, (tokens,).
    """
    there = mask.nonzero().squeeze(1)
    return [[part[row : row + 1, :, there] for part in layer] for layer in layers_of(cache)]


def cache_of(layers: Layers) -> DynamicCache:
    """Returns a cache that can be extended; it keeps all tokens, even for layers that see only the latest ones."""
    cache = DynamicCache()
    for number, (keys, values) in enumerate(layers):
        cache.update(keys, values, number)
    return cache
