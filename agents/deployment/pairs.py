"""Brings two people together who will play with each other."""

from __future__ import annotations

from sqlalchemy import Connection, func, select, update

from multiref_gym.agents.deployment import people
from multiref_gym.agents.deployment.games import Games
from multiref_gym.agents.deployment.tables import games
from multiref_gym.agents.deployment.tables import people as table

GONE = 20.0
"""Seconds after which a waiting person whose page is silent counts as gone."""


def meet(connection: Connection, rules: Games, person: int, now: float) -> str | None:
    """Lets a person wait for another one or, if one is waiting, begins a game of the two; returns its public id.

    The one who has spoken less often becomes the speaker.
    """
    waits = table.c.waiting_since.is_not(None) & (table.c.seen_at > now - GONE) & (table.c.id != person)
    for other in connection.scalars(select(table.c.id).where(waits).order_by(table.c.waiting_since)).all():
        shown = rules.context_for(connection, person, now)
        if shown is None:
            break
        mine = update(table).where(table.c.id == other, table.c.waiting_since.is_not(None)).values(waiting_since=None)
        if connection.execute(mine).rowcount:  # otherwise somebody else was faster
            people.change(connection, person, waiting_since=None)
            speaker, listener = sorted((other, person), key=lambda who: (_spoken(connection, who), who))
            return rules.new(connection, *shown, now, speaker_id=speaker, listener_id=listener)
    people.change(connection, person, waiting_since=func.coalesce(table.c.waiting_since, now), seen_at=now)
    return None


def stop_waiting(connection: Connection, person: int) -> None:
    """Records that a person no longer waits."""
    people.change(connection, person, waiting_since=None)


def _spoken(connection: Connection, person: int) -> int:
    return connection.scalar(select(func.count()).select_from(games).where(games.c.speaker_id == person)) or 0
