"""Random numbers by counter: the n-th number of a game is a hash of the game's key and of n.

So the numbers of a game do not depend on other games. The hash is SplitMix64 (Steele, Lea and Flood 2014, Fast
splittable pseudorandom number generators), with its constants.
"""

from __future__ import annotations

import numpy as np

from multiref_gym.compiled.compiling import compiled
from multiref_gym.compiled.record import Record

GOLDEN, MIX_1, MIX_2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_11, _27, _30, _31, ONE = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31), np.uint64(1)


@compiled
def mixed(x: np.uint64) -> np.uint64:
    """Hashes 64 bits."""
    x = (x ^ (x >> _30)) * MIX_1
    x = (x ^ (x >> _27)) * MIX_2
    return x ^ (x >> _31)


@compiled
def uniform(game: Record) -> float:
    """Returns the next number, from 0 to less than 1."""
    game.drawn += ONE
    return float(mixed(game.key + game.drawn * GOLDEN) >> _11) * 2.0**-53


@compiled
def happens(game: Record, rate: float) -> bool:
    """Returns True with this probability, from 0 for never to 1 for always."""
    return uniform(game) < rate


@compiled
def below(game: Record, count: int) -> int:
    """Returns an int from 0 to `count` - 1; all are equally likely."""
    return int(uniform(game) * count)
