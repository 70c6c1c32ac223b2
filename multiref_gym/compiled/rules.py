"""The rules of MULTIREF, written once: `multiref_gym.game.Game` and all environments use them.

A click toggles a tangram. The game is won when the selection equals the targets, and is over then or after the last
turn.
"""

from __future__ import annotations

from multiref_gym.compiled.compiling import compiled
from multiref_gym.compiled.record import Record
from multiref_gym.compiled.sets import size_of


@compiled
def take(game: Record, clicks: int) -> None:
    """Takes one turn."""
    game.selected ^= clicks
    game.clicks = clicks
    game.turn += 1


@compiled
def is_won(game: Record) -> bool:
    """Whether exactly the targets are selected."""
    return bool(game.selected == game.targets)


@compiled
def is_over(game: Record) -> bool:
    """Whether no further turn is possible."""
    return bool(game.turn >= game.max_turns or game.selected == game.targets)


@compiled
def overlap(game: Record) -> float:
    """Returns the overlap of the selection S and the targets T: `|S ∩ T| / |S ∪ T|` (Jaccard), 1 if they are equal."""
    return size_of(game.selected & game.targets) / size_of(game.selected | game.targets)
