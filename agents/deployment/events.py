"""Events of a deployment besides the games, for its operator."""

from __future__ import annotations

import time
from pathlib import Path
from traceback import extract_tb
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from multiref_gym.agents.deployment.tables import events
from multiref_gym.commands.screen import printable


def note(connection: Connection, kind: str, description: str) -> None:
    """Records an event in one line.

    Args:
        connection: A connection in a transaction that writes.
        kind: The kind of event ("model failed").
        description: A description, without people's words or names.
    """
    connection.execute(
        insert(events).values(at=time.time(), kind=kind, told=printable(" ".join(description.split()))[:500])
    )


def placed(error: BaseException) -> str:
    """Returns the type and place of an error, without its message, which may quote people's words."""
    chain = [error]
    while chain[-1].__cause__ is not None:
        chain.append(chain[-1].__cause__)
    frames = extract_tb(chain[-1].__traceback__)
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return " of ".join(type(each).__name__ for each in chain) + where


def latest(connection: Connection, most: int) -> list[Row[Any]]:
    """Returns the latest events, the last one first."""
    return list(connection.execute(select(events).order_by(events.c.id.desc()).limit(most)))
