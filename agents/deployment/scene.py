"""What somebody sees of a game: all that a page may show, and nothing that its reader may not know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from multiref_gym.agents.deployment.live_game import LiveGame
from multiref_gym.agents.deployment.tables import State
from multiref_gym.game import LETTERS


@dataclass(frozen=True, slots=True)
class Cell:
    """A tangram on somebody's board.

    Attributes:
        picture: The name of its picture.
        letter: On a listener's board, "" on a speaker's.
        selected: Whether it is selected.
        target: Whether it is a target; a listener's board says so of none.
        click: What the last action did to it: "selected", "deselected" or "".
    """

    picture: str
    letter: str
    selected: bool
    target: bool
    click: str


@dataclass(frozen=True, slots=True)
class Line:
    """A turn as it is told.

    Attributes:
        utterance: What was said.
        answered: Whether it has been answered.
        selected: The pictures of the tangrams that were selected then.
        deselected: Of those that were deselected.
    """

    utterance: str
    answered: bool = False
    selected: tuple[str, ...] = ()
    deselected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """What somebody sees of a game.

    Attributes:
        game: Its public id.
        role: Who sees it.
        state: What has become of it.
        turn: How many turns have been taken.
        max_turns: After how many it ends.
        cells: The tangrams in the order of who sees it.
        lines: What was said and done.
        mine: Whether it is theirs to act.
        key: Of the form that they may send now.
    """

    game: str
    role: Literal["speaker", "listener"]
    state: State
    turn: int
    max_turns: int
    cells: tuple[Cell, ...]
    lines: tuple[Line, ...]
    mine: bool
    key: str


def scene(live: LiveGame, role: Literal["speaker", "listener"], pictures: Mapping[str, str], key: str) -> Scene:
    """Returns what somebody sees of a game.

    Args:
        live: The game.
        role: Who sees it.
        pictures: The names of the pictures by tangram.
        key: Of the form that they may send now.
    """
    context, speaks = live.game.context, role == "speaker"
    order = context.speaker_order if speaks else context.listener_order
    place = {tangram: position for position, tangram in enumerate(context.listener_order)}
    last = live.turns[-1].action if live.turns else None
    cells = []
    for shown, tangram in enumerate(order):
        click = ""
        if last is not None:
            click = "selected" * (place[tangram] in last.select) + "deselected" * (place[tangram] in last.deselect)
        selected, target = place[tangram] in live.game.selected, speaks and tangram in context.targets
        cells.append(Cell(pictures[tangram], "" if speaks else LETTERS[shown], selected, target, click))

    def named(positions: frozenset[int]) -> tuple[str, ...]:
        return tuple(pictures[tangram] for tangram in order if place[tangram] in positions)

    lines = [Line(turn.utterance, True, named(turn.action.select), named(turn.action.deselect)) for turn in live.turns]
    lines += [] if live.pending is None else [Line(live.pending.utterance)]
    plays = live.state in (State.DRAFT, State.OPEN)
    return Scene(
        game=live.row.public_id,
        role=role,
        state=live.state,
        turn=len(live.turns),
        max_turns=live.game.max_turns,
        cells=tuple(cells),
        lines=tuple(lines),
        mine=plays and (live.pending is None) == speaks,
        key=key,
    )
