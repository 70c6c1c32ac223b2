"""A player's view of a game: everything that a page may show, and nothing that its reader must not know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from multiref_gym.agents.deployment.live_game import LiveGame
from multiref_gym.agents.deployment.tables import State
from multiref_gym.game import LETTERS


@dataclass(frozen=True, slots=True)
class Cell:
    """A tangram on a player's board.

    Attributes:
        picture: The name of its picture.
        letter: Its letter on a listener's board, "" on a speaker's.
        selected: Whether it is selected.
        target: Whether it is a target; always False on a listener's board.
        click: The last action's effect on it: "selected", "deselected" or "".
    """

    picture: str
    letter: str
    selected: bool
    target: bool
    click: str


@dataclass(frozen=True, slots=True)
class Line:
    """A turn in the dialogue.

    Attributes:
        utterance: The speaker's words.
        answered: Whether the listener has answered.
        selected: The pictures of the tangrams that were selected.
        deselected: The pictures of the tangrams that were deselected.
    """

    utterance: str
    answered: bool = False
    selected: tuple[str, ...] = ()
    deselected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """A player's view of a game.

    Attributes:
        game: Its public id.
        role: The player's role.
        state: The state of the game.
        turn: The number of turns so far.
        max_turns: The number of turns after which it ends.
        cells: The tangrams in the player's order.
        lines: The dialogue.
        mine: Whether it is the player's turn.
        key: The key of the player's next form.
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
    """Returns a player's view of a game.

    Args:
        live: The game.
        role: The player's role.
        pictures: The names of the pictures by tangram.
        key: The key of the player's next form.
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
