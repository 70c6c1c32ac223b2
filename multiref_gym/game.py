"""The rules of MULTIREF, and nothing else.

Speaker and listener see the same tangrams, each in an order of their own; the listener's carry letters.
The speaker alone knows the targets. Each turn is one utterance of the speaker and one action of the
listener: a set of clicks, each of which selects a tangram or deselects a selected one. The game succeeds,
and ends at once, when the selected set equals the targets; it ends at the last turn in any case
(arXiv 2410.13852, section 3).

Positions are counted in the listener's order: position 0 is the tangram with the letter A.
"""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from multiref_gym.errors import UserError, is_int

LETTERS = string.ascii_uppercase
CONTEXT_SIZE = 10
TARGETS = (3, 5)
MAX_TURNS = 10


class InvalidAction(UserError):
    """An action that the rules do not allow, or a text that is no action; the message says what is allowed."""


class GameOver(RuntimeError):
    """An action for a game that has ended."""


@dataclass(frozen=True, slots=True)
class Action:
    """The clicks of one turn: the positions that are selected and those that are deselected.

    The empty action is legal: it is what a listener does that leaves the selection as it is.
    Its text is empty, and the empty text does not parse, so nobody does nothing by a slip of the tongue.
    """

    select: frozenset[int] = frozenset()
    deselect: frozenset[int] = frozenset()

    @classmethod
    def clicking(cls, clicks: Iterable[int], selected: Collection[int]) -> Action:
        """Returns the action of clicking these positions when `selected` are selected: a click toggles."""
        clicked = frozenset(clicks)
        deselect = clicked.intersection(selected)
        return cls(clicked - deselect, deselect)

    @classmethod
    def parse(cls, text: str, context_size: int = CONTEXT_SIZE) -> Action:
        """Reads `deselect F select G`, in any case, with letters apart by spaces, commas or "and".

        Args:
            text: What the listener wrote.
            context_size: The number of tangrams; the letters from A on name them.

        Raises:
            InvalidAction: If the text is empty, holds anything else, or names no or unknown letters.
        """
        letters = LETTERS[:context_size]
        allowed = f"allowed is e.g. 'deselect F select G' with letters {letters[0]} to {letters[-1]}"
        clicks: dict[str, set[int]] = {}
        verb = None
        for token in re.findall(r"\w+|[^\w\s,]", text.strip().rstrip(".")):
            word = token.lower()
            if word in ("select", "deselect"):
                verb = word
                clicks.setdefault(verb, set())
            elif verb is None:
                raise InvalidAction(f"no action in {text!r}: {allowed}")
            elif len(token) == 1 and token in letters + letters.lower():
                clicks[verb].add(letters.index(token.upper()))
            elif word != "and":
                raise InvalidAction(f"{token!r} in {text!r} is no letter of a tangram: {allowed}")
        for verb, positions in clicks.items():
            if not positions:
                raise InvalidAction(f"nothing to {verb} in {text!r}: {allowed}")
        if not clicks:
            raise InvalidAction(f"the action is empty: {allowed}")
        action = cls(frozenset(clicks.get("select", ())), frozenset(clicks.get("deselect", ())))
        if both := action.select & action.deselect:
            raise InvalidAction(f"{_letters(both)} both selected and deselected in {text!r}: {allowed}")
        return action

    @classmethod
    def of_bits(cls, clicks: bytes, selected: Collection[int]) -> Action:
        """Returns the action of clicks as bytes, of 0 or 1 for each position, when `selected` are selected."""
        clicked = _set_bits(clicks)
        deselect = clicked.intersection(selected)
        return cls(clicked - deselect, deselect)

    def bits(self, context_size: int) -> NDArray[np.int8]:
        """Returns the clicks as the environment takes them, int8 (context_size,)."""
        bits = np.zeros(context_size, np.int8)
        bits[list(self.clicks)] = 1
        return bits

    @property
    def clicks(self) -> frozenset[int]:
        """The positions clicked."""
        return self.select | self.deselect

    def after(self, selected: frozenset[int]) -> frozenset[int]:
        """Returns what is selected after the action where these positions were selected before."""
        return (selected - self.deselect) | self.select

    def __str__(self) -> str:
        """Returns the canonical text: deselect first, letters sorted; empty for the empty action."""
        select = f"select {_letters(self.select)}" if self.select else ""
        if not self.deselect:
            return select
        return f"deselect {_letters(self.deselect)} {select}".rstrip()


@lru_cache(maxsize=1 << 12)
def _set_bits(clicks: bytes) -> frozenset[int]:
    return frozenset([position for position, click in enumerate(clicks) if click])


@lru_cache(maxsize=1 << 12)
def _letters(positions: frozenset[int]) -> str:
    return " ".join([LETTERS[position] for position in sorted(positions)])


@dataclass(frozen=True, slots=True)
class Context:
    """What a game is about: tangrams by id in both orders, and the targets.

    Attributes:
        speaker_order: Tangram ids as the speaker sees them.
        listener_order: The same ids as the listener sees them, lettered from A.
        targets: The ids that the speaker wants selected.

    Raises:
        ValueError: If an id comes twice, the orders differ in their tangrams, or a target is not among them.
    """

    speaker_order: tuple[str, ...]
    listener_order: tuple[str, ...]
    targets: frozenset[str]

    def __post_init__(self) -> None:
        tangrams = frozenset(self.listener_order)
        if len(tangrams) != len(self.listener_order) or len(tangrams) > len(LETTERS):
            raise ValueError(f"a context needs at most {len(LETTERS)} distinct tangrams, got {self.listener_order}")
        if len(self.speaker_order) != len(tangrams) or tangrams != frozenset(self.speaker_order):
            raise ValueError("speaker and listener must see the same tangrams")
        if not self.targets or not self.targets <= tangrams:
            raise ValueError(f"targets must be some of the tangrams, got {sorted(self.targets)}")

    @property
    def target_positions(self) -> frozenset[int]:
        """The positions of the targets, in the listener's order."""
        targets = self.targets
        return frozenset([i for i, tangram in enumerate(self.listener_order) if tangram in targets])

    @classmethod
    def sample(cls, tangrams: Sequence[str], rng: np.random.Generator, targets: tuple[int, int] = TARGETS) -> Context:
        """Draws both orders and, uniformly, how many targets (bounds inclusive) and which."""
        size = len(tangrams)
        # One permutation holds three independent ones, at half the cost of three calls.
        order = rng.permutation(3 * size).tolist()
        # Lists, as a tuple is made of a list in half the time that a generator takes.
        speaker_order = [tangrams[i] for i in order if i < size]
        listener_order = [tangrams[i - size] for i in order if size <= i < 2 * size]
        ranked = [tangrams[i - 2 * size] for i in order if i >= 2 * size]
        count = targets[0] + int(rng.random() * (targets[1] - targets[0] + 1))
        return cls(tuple(speaker_order), tuple(listener_order), frozenset(ranked[:count]))


class Game:
    """One game in play: applies actions and knows when and how it ends.

    Args:
        context: The tangrams, the orders and the targets.
        max_turns: The number of actions after which the game ends in any case.

    Attributes:
        selected: The selected positions, in the listener's order.
        turn: The number of actions so far.
        targets: The positions of the targets, in the listener's order.
    """

    __slots__ = ("context", "max_turns", "selected", "targets", "turn")

    def __init__(self, context: Context, max_turns: int = MAX_TURNS) -> None:
        self.context = context
        self.max_turns = max_turns
        self.selected: frozenset[int] = frozenset()
        self.turn = 0
        self.targets = context.target_positions

    @property
    def success(self) -> bool:
        """Whether the selected set equals the targets."""
        return self.selected == self.targets

    @property
    def over(self) -> bool:
        """Whether no further action is possible."""
        return self.turn >= self.max_turns or self.selected == self.targets

    def apply(self, action: Action) -> None:
        """Takes one turn.

        Raises:
            GameOver: If the game has ended.
            InvalidAction: If the action selects a selected tangram, deselects one that is not, or clicks a
                position that does not exist. The game is unchanged then.
        """
        if self.over:
            raise GameOver(f"the game ended after turn {self.turn}; start another one")
        check_action(action, self.selected, len(self.context.listener_order))
        self.selected = action.after(self.selected)
        self.turn += 1


def overlap(selected: frozenset[int], targets: frozenset[int]) -> float:
    """Returns how far a selection is from the targets: |S ∩ T| / |S ∪ T| (Jaccard), 1 where they are the same."""
    return len(selected & targets) / len(selected | targets)


@cache
def _positions(context_size: int) -> frozenset[int]:
    return frozenset(range(context_size))


def is_action(value: object) -> bool:
    """Whether a value is an Action, and what it selects and deselects are sets of ints."""
    if not isinstance(value, Action):
        return False
    halves: tuple[object, object] = value.select, value.deselect
    for positions in halves:
        if not isinstance(positions, frozenset):
            return False
        for position in positions:
            if type(position) is not int and not is_int(position, 0):  # mostly it is, and that is soon known
                return False
    return True


def check_action(action: Action, selected: frozenset[int], context_size: int = CONTEXT_SIZE) -> None:
    """Raises InvalidAction, saying what is allowed, if the rules forbid the action for this selection."""
    if not is_action(action):
        raise InvalidAction(f"{action!r:.80} is no action: allowed is an Action of positions")
    positions = _positions(context_size)
    if action.select.isdisjoint(selected) and action.deselect <= selected and action.select <= positions:
        return
    if not action.clicks <= positions:
        raise InvalidAction(
            f"no such position among {sorted(action.clicks)}: allowed are 0 to {context_size - 1}, "
            f"letters A to {LETTERS[context_size - 1]}"
        )
    state = f"selected now: {_letters(selected) or 'nothing'}"
    if again := action.select & selected:
        raise InvalidAction(f"{_letters(again)} cannot be selected again; {state}")
    raise InvalidAction(f"{_letters(action.deselect - selected)} cannot be deselected, as not selected; {state}")
