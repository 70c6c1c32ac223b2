"""The game MULTIREF: its actions, its context, and its rules, which `compiled.rules` has.

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
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from multiref_gym.compiled import entries
from multiref_gym.compiled.record import GAME, Records, bits, positions
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
        """Reads the text of an action in a record; what listeners write is for `multiref_gym.answers` to read.

        Args:
            text: What `str` makes of an action that clicks anything.
            context_size: The number of tangrams; the letters from A on name them.

        Raises:
            InvalidAction: If the text is anything else.
        """
        found = re.fullmatch(r"(?:deselect((?: [A-Z])+))?(?:(?:^| )select((?: [A-Z])+))?", text)
        deselect, select = found.groups("") if found else ("", "")
        action = cls(*(frozenset(map(LETTERS.index, half.split())) for half in (select, deselect)))
        both = action.select & action.deselect
        if not action.clicks or str(action) != text or both or max(action.clicks) >= context_size:
            letters = f"letters A to {LETTERS[context_size - 1]}"
            raise InvalidAction(f"no action in {text!r}: allowed is e.g. 'deselect F select G' with {letters}")
        return action

    @classmethod
    def of_record(cls, clicks: int, selected: int) -> Action:
        """Returns the action of the clicks in the record of a game, when `selected` are selected after it."""
        return cls(positions(clicks & selected), positions(clicks & ~selected))

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
        return action_text(bits(self.select), bits(self.deselect))


def action_text(select: int, deselect: int) -> str:
    """Returns the canonical text of an action of sets of positions as bits."""
    selecting = f"select {_letters(select)}" if select else ""
    if not deselect:
        return selecting
    return f"deselect {_letters(deselect)} {selecting}".rstrip()


@lru_cache(maxsize=1 << 12)
def _letters(positions: int) -> str:
    return " ".join([letter for position, letter in enumerate(LETTERS) if positions >> position & 1])


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


class Game:
    """One game in play: applies actions and knows when and how it ends.

    Args:
        context: The tangrams, the orders and the targets.
        max_turns: The number of actions after which the game ends in any case.

    Attributes:
        targets: The positions of the targets, in the listener's order.
        records: Its state as numbers, an array of one `GAME`.
    """

    __slots__ = ("context", "max_turns", "records", "targets")

    def __init__(self, context: Context, max_turns: int = MAX_TURNS) -> None:
        self.context = context
        self.max_turns = max_turns
        self.targets = context.target_positions
        self.records = np.zeros(1, GAME)
        self.records["context_size"], self.records["max_turns"] = len(context.listener_order), max_turns
        self.records["targets"] = bits(self.targets)

    @classmethod
    def of_records(cls, context: Context, records: Records) -> Game:
        """Returns a game that is played elsewhere, as a view of its record."""
        game = cls.__new__(cls)
        game.context, game.records = context, records
        game.targets, game.max_turns = context.target_positions, int(records["max_turns"][0])
        return game

    @property
    def selected(self) -> frozenset[int]:
        """The selected positions, in the listener's order."""
        return positions(self.records["selected"].item())

    @property
    def turn(self) -> int:
        """The number of actions so far."""
        return int(self.records["turn"].item())

    @property
    def success(self) -> bool:
        """Whether the selected set equals the targets."""
        return entries.is_won(self.records)

    @property
    def over(self) -> bool:
        """Whether no further action is possible."""
        return entries.is_over(self.records)

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
        entries.take(self.records, bits(action.clicks))


@cache
def _positions(context_size: int) -> frozenset[int]:
    return frozenset(range(context_size))


def is_action(value: object) -> bool:
    """Whether a value is an Action, and what it selects and deselects are sets of ints."""
    if not isinstance(value, Action):
        return False
    halves: tuple[object, object] = value.select, value.deselect
    for half in halves:
        if not isinstance(half, frozenset):
            return False
        for position in half:
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
    state = f"selected now: {_letters(bits(selected)) or 'nothing'}"
    if again := action.select & selected:
        raise InvalidAction(f"{_letters(bits(again))} cannot be selected again; {state}")
    raise InvalidAction(f"{_letters(bits(action.deselect - selected))} cannot be deselected, as not selected; {state}")
