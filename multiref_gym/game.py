"""The game MULTIREF: its actions, its context, and its rules (implemented in `compiled.rules`).

Speaker and listener see the same tangrams, each in their own order; the listener's tangrams have letters. Only the
speaker knows the targets. Each turn is one utterance of the speaker and one action of the listener: a set of clicks,
each of which selects a tangram or deselects a selected one. The game is won, and ends at once, when the selected set
equals the targets; it ends at the last turn in any case (arXiv 2410.13852, section 3).

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
    """The rules do not allow the action, or a text is not an action; the message says what is allowed."""


class GameOver(RuntimeError):
    """The game has ended and takes no more actions."""


@dataclass(frozen=True, slots=True)
class Action:
    """The clicks of one turn: the positions to select and the positions to deselect.

    The empty action is legal: it leaves the selection as it is. Its text is empty; `parse` rejects empty text, so
    nobody passes by accident.
    """

    select: frozenset[int] = frozenset()
    deselect: frozenset[int] = frozenset()

    @classmethod
    def clicking(cls, clicks: Iterable[int], selected: Collection[int]) -> Action:
        """Returns the action of clicking these positions while `selected` are selected: a click toggles."""
        clicked = frozenset(clicks)
        deselect = clicked.intersection(selected)
        return cls(clicked - deselect, deselect)

    @classmethod
    def parse(cls, text: str, context_size: int = CONTEXT_SIZE) -> Action:
        """Reads the canonical text of an action; `multiref_gym.answers` reads free text from listeners.

        Args:
            text: The `str` of an action with at least one click.
            context_size: The number of tangrams; their letters begin at A.

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
        """Returns the action of these clicks, after which `selected` are selected; both are positions as bits."""
        return cls(positions(clicks & selected), positions(clicks & ~selected))

    def bits(self, context_size: int) -> NDArray[np.int8]:
        """Returns the clicks as an action of the environment, int8 (context_size,)."""
        bits = np.zeros(context_size, np.int8)
        bits[list(self.clicks)] = 1
        return bits

    @property
    def clicks(self) -> frozenset[int]:
        """The positions clicked."""
        return self.select | self.deselect

    def after(self, selected: frozenset[int]) -> frozenset[int]:
        """Returns the selection after the action, given the selection before it."""
        return (selected - self.deselect) | self.select

    def __str__(self) -> str:
        """Returns the canonical text: "deselect" comes first, letters are sorted; the empty action has empty text."""
        return action_text(bits(self.select), bits(self.deselect))


def action_text(select: int, deselect: int) -> str:
    """Returns the canonical text of an action, given as two sets of positions as bits."""
    selecting = f"select {_letters(select)}" if select else ""
    if not deselect:
        return selecting
    return f"deselect {_letters(deselect)} {selecting}".rstrip()


@lru_cache(maxsize=1 << 12)
def _letters(positions: int) -> str:
    return " ".join([letter for position, letter in enumerate(LETTERS) if positions >> position & 1])


@dataclass(frozen=True, slots=True)
class Context:
    """The tangrams of a game, by id in both orders, and the targets.

    Attributes:
        speaker_order: Tangram ids as the speaker sees them.
        listener_order: The same ids as the listener sees them, lettered from A.
        targets: The ids that the speaker wants selected.

    Raises:
        ValueError: If an id occurs twice, the orders have different tangrams, or a target is not among them.
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
    """One game: applies actions and knows when and how it ends.

    Args:
        context: The tangrams, the orders and the targets.
        max_turns: The number of actions after which the game ends in any case.

    Attributes:
        targets: The positions of the targets, in the listener's order.
        records: The state as numbers, an array of one `GAME`.
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
        """Returns a view of a game that is played elsewhere, by its record."""
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
    """Whether a value is an Action whose two sets hold only ints."""
    if not isinstance(value, Action):
        return False
    halves: tuple[object, object] = value.select, value.deselect
    for half in halves:
        if not isinstance(half, frozenset):
            return False
        for position in half:
            if type(position) is not int and not is_int(position, 0):  # the first test is fast and nearly always enough
                return False
    return True


def check_action(action: Action, selected: frozenset[int], context_size: int = CONTEXT_SIZE) -> None:
    """Raises InvalidAction, which says what is allowed, if the rules forbid the action for this selection."""
    if not is_action(action):
        raise InvalidAction(f"{action!r:.80} is not an action: allowed is an Action of positions")
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
    raise InvalidAction(f"{_letters(bits(action.deselect - selected))} cannot be deselected: not selected; {state}")
