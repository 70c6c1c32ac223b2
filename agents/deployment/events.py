"""What happens in a deployment beside the games, for its operator to read."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from multiref_gym.agents.deployment.tables import events
from multiref_gym.commands.screen import printable


def note(connection: Connection, kind: str, told: str) -> None:
    """Notes something in one line.

    Args:
        connection: In a transaction that writes.
        kind: What it is ("model failed").
        told: What there is to say of it, without anything that a person said or is called.
    """
    connection.execute(insert(events).values(at=time.time(), kind=kind, told=printable(" ".join(told.split()))[:500]))


def latest(connection: Connection, most: int) -> list[Row[Any]]:
    """Returns the latest events, the last one first."""
    return list(connection.execute(select(events).order_by(events.c.id.desc()).limit(most)))
