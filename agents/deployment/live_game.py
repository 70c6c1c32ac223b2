"""A game played over a network, as stored in the database, and queries for such games."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from multiref_gym.agents.deployment.tables import (
    PLAYED,
    State,
    arms,
    games,
    people,
    turns,
)
from multiref_gym.agents.deployment.tables import slots as places
from multiref_gym.formats.logged_game import LoggedGame
from multiref_gym.game import LETTERS, MAX_TURNS, Action, Context, Game
from multiref_gym.interaction import Interaction, Turn
from multiref_gym.listener import View

# Statements that every turn needs, made once.
_TURNS = select(turns).where(turns.c.game_id.in_(bindparam("of_games", expanding=True))).order_by(turns.c.turn)
GAMES = select(games).where(games.c.public_id.in_(bindparam("public_ids", expanding=True)))
"""The games with some `public_ids`."""


class LiveGame:
    """A game as stored in the database.

    Args:
        row: The game's row.
        said: The rows of its turns, in order.

    Attributes:
        state: The state of the game.
        arm: The id of the arm that plays it, None for people.
        game: The board after all answered turns.
        pending: The turn that waits for an answer, None if there is none.
        turns: The answered turns.
    """

    def __init__(self, row: Row[Any], said: Sequence[Row[Any]]) -> None:
        self.row, self.said, self.state, self.arm = row, list(said), State(row.state), row.arm_id
        self.pending = said[-1] if said and said[-1].action is None else None
        speaker_order, listener_order, targets = map(json.loads, (row.speaker_order, row.listener_order, row.targets))
        self.game = Game(Context(tuple(speaker_order), tuple(listener_order), frozenset(targets)), MAX_TURNS)
        self.turns: list[Turn] = []
        for turn in said[:-1] if self.pending is not None else said:
            self.apply(
                turn.utterance, Action.parse(turn.action, len(LETTERS)) if turn.action else Action(), turn.log_prob
            )

    def apply(self, utterance: str, action: Action, log_prob: float | None) -> None:
        """Takes a turn.

        Raises:
            InvalidAction: If the rules forbid the action.
        """
        self.game.apply(action)
        self.turns.append(Turn(utterance, action, log_prob))

    def wait_for_answer(self, said: Row[Any]) -> None:
        """Adds an utterance, which waits for an answer."""
        self.said.append(said)
        self.pending = said

    @property
    def view(self) -> View:
        """All that the listener knows now."""
        dialogue = tuple((turn.utterance, turn.action) for turn in self.turns)
        utterance = "" if self.pending is None else self.pending.utterance
        return View(self.game.context.listener_order, dialogue, utterance, self.game.selected, self.row.public_id)

    def interaction(self) -> Interaction:
        """Returns the record of the game so far, if its row is one of `named_games`."""
        row = self.row
        speaker, policy = row.speaker or "scripted", row.fingerprint or row.listener or ""
        return Interaction(row.public_id, self.game.context, tuple(self.turns), speaker, policy, row.round)

    def logged(self) -> LoggedGame:
        """Returns the record with the system that played, and whether a player left."""
        return LoggedGame(self.interaction(), system=self.row.system or "", abandoned=self.state not in PLAYED)


def load(connection: Connection, rows: Iterable[Row[Any]]) -> dict[int, LiveGame]:
    """Returns the games of some rows, by id."""
    by_id = {row.id: row for row in rows}
    said = defaultdict[int, list[Row[Any]]](list)
    for turn in connection.execute(_TURNS, {"of_games": list(by_id)}) if by_id else ():
        said[turn.game_id].append(turn)
    return {id: LiveGame(row, said[id]) for id, row in by_id.items()}


def unanswered(connection: Connection, said_before: float) -> dict[int, LiveGame]:
    """Returns the open games in which a model must answer an utterance from before a given time."""
    waits = turns.c.action.is_(None) & (turns.c.said_at < said_before)
    rows = select(games).join(turns).where(games.c.state == State.OPEN, games.c.arm_id.is_not(None), waits)
    return load(connection, connection.execute(rows))


def named_games() -> Select[Any]:
    """Returns a query for games that have begun, with the names of their players and arms.

    The rows have the columns of the game; `system`, `fingerprint` and `learned` of the arm; and `speaker` and
    `listener`, the pseudonyms of people.
    """
    speakers, listeners = people.alias(), people.alias()
    return (
        select(games, func.coalesce(arms.c.system, places.c.system).label("system"))
        .add_columns(arms.c.fingerprint, arms.c.learned)
        .add_columns(speakers.c.pseudonym.label("speaker"), listeners.c.pseudonym.label("listener"))
        .outerjoin(arms, arms.c.id == games.c.arm_id)
        .outerjoin(places, places.c.game_id == games.c.id)
        .outerjoin(speakers, speakers.c.id == games.c.speaker_id)
        .outerjoin(listeners, listeners.c.id == games.c.listener_id)
        .where(games.c.state != State.DRAFT)
    )


def by_public_ids(connection: Connection, public_ids: Sequence[str]) -> list[LiveGame]:
    """Returns the games with these public ids."""
    return list(load(connection, connection.execute(GAMES, {"public_ids": public_ids})).values())
