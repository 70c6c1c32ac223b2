"""The tables of a deployment: participants, deployed policies, and the games in play, turn by turn.

They change while people play. A closed round is copied, once and completely, into the run's store, where nothing
changes any more. Times are seconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import ReturningInsert

from multiref_gym.database import Database

SCHEMA_VERSION = 1

DATABASE = "deployment.db"
"""The file in the run's folder, unless another database is named."""


class State(StrEnum):
    """The state of a game.

    A draft is shown to a person who has not said anything yet: it takes no place. A game that was left, or whose
    listener failed, frees its place.
    """

    DRAFT = "draft"
    OPEN = "open"
    WON = "won"
    LOST = "lost"
    ABANDONED = "abandoned"
    FAILED = "failed"


PLAYED = (State.WON, State.LOST)
"""The states of games that were played to their end."""


class RoundState(StrEnum):
    """The state of a round.

    An open round takes new games; a draining one waits for its last games; a closing one no longer changes and is being
    copied into the store; a closed one is in the store.
    """

    OPEN = "open"
    DRAINING = "draining"
    CLOSING = "closing"
    CLOSED = "closed"


schema = MetaData()

people = Table(
    "people",
    schema,
    Column("id", Integer, primary_key=True),
    Column("pseudonym", String, nullable=False, unique=True),
    Column("came_at", Double, nullable=False),
    Column("consent_version", String),
    Column("consent_hash", String),  # of the text that the person agreed to
    Column("consented_at", Double),
    Column("quiz_tries", Integer, nullable=False, default=0),
    Column("quiz_passed_at", Double),
    Column("waiting_since", Double),  # waiting for another person
    Column("seen_at", Double),  # by the waiting page
    Column("done_at", Double),
    Column("erased_at", Double),
)
# The only table with platforms' ids of people. A row is deleted when it is no longer needed to pay.
payees = Table(
    "payees",
    schema,
    Column("person_id", ForeignKey(people.c.id), primary_key=True),
    Column("worker", String, nullable=False, unique=True),
)
sessions = Table(
    "sessions",
    schema,
    Column("hash", String, primary_key=True),  # of the token, which only the browser has
    Column("person_id", ForeignKey(people.c.id), nullable=False, index=True),
    Column("came_at", Double, nullable=False),
)
rounds = Table(
    "rounds",
    schema,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("state", String, nullable=False),
    Column("opened_at", Double, nullable=False),
    Column("closed_at", Double),
    Column("learning_failed_at", Double),  # from this round and the earlier ones
)
# The deployed policies; a game keeps the policy that it began with.
arms = Table(
    "arms",
    schema,
    Column("id", Integer, primary_key=True),
    Column("system", String, nullable=False),
    Column("policy", String, nullable=False),  # the source of the listener
    Column("fingerprint", String, nullable=False),
    Column("round", Integer, nullable=False),  # the round that it was learned for
    Column("learned", Integer, nullable=False),  # the number of games that it learned from
    Column("activated_at", Double),  # null if the gate refused it
    Column("withdrawn_at", Double),
)
# The places for games: each system once in each context.
slots = Table(
    "slots",
    schema,
    Column("id", Integer, primary_key=True),
    Column("round", ForeignKey(rounds.c.number), nullable=False),
    Column("context", Integer, nullable=False),
    Column("system", String, nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("game_id", Integer, index=True),  # the game that has taken it
    UniqueConstraint("round", "context", "system"),
    Index("free_slots", "round", "game_id"),
)
games = Table(
    "games",
    schema,
    Column("id", Integer, primary_key=True),
    Column("public_id", String, nullable=False, unique=True),
    Column("round", ForeignKey(rounds.c.number), nullable=False),
    Column("context", Integer, nullable=False),
    Column("arm_id", ForeignKey(arms.c.id)),
    Column("speaker_id", ForeignKey(people.c.id), index=True),
    Column("listener_id", ForeignKey(people.c.id), index=True),
    Column("speaker_order", String, nullable=False),  # a list in JSON, like the next two
    Column("listener_order", String, nullable=False),
    Column("targets", String, nullable=False),
    Column("state", String, nullable=False),
    Column("drafted_at", Double, nullable=False),
    Column("began_at", Double),
    Column("finished", Integer),  # the number of games played before it began
    Column("ended_at", Double),
    Index("games_of_round", "round", "state"),
    Index("games_by_state", "state"),
)
turns = Table(
    "turns",
    schema,
    Column("game_id", ForeignKey(games.c.id), primary_key=True),
    Column("turn", Integer, primary_key=True, autoincrement=False),  # counted from 0
    Column("key", String, nullable=False, unique=True),  # of the form, so that it counts once
    Column("utterance", String, nullable=False),
    Column("said_at", Double, nullable=False),
    Column("answer_key", String),  # if a person listens
    Column("action", String),  # the canonical text; null until it is answered
    Column("log_prob", Double),
    Column("understood", Boolean),
    Column("answered_at", Double, index=True),
)
_UNANSWERED = turns.c.action.is_(None)
Index("unanswered", turns.c.said_at, sqlite_where=_UNANSWERED, postgresql_where=_UNANSWERED)
surveys = Table(
    "surveys",
    schema,
    Column("person_id", ForeignKey(people.c.id), primary_key=True),
    Column("answers", String, nullable=False),  # an object in JSON
    Column("answered_at", Double, nullable=False),
)
payments = Table(
    "payments",
    schema,
    Column("person_id", ForeignKey(people.c.id), primary_key=True),
    Column("token", String, nullable=False, unique=True),
    Column("games", Integer, nullable=False),
    Column("won", Integer, nullable=False),
    Column("written_at", Double),  # when it was written to a file for the platform
)
events = Table(
    "events",
    schema,
    Column("id", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("kind", String, nullable=False),
    Column("told", String, nullable=False),
)


def open_database(where: str | Path, *, create: bool = True) -> Database:
    """Opens the database of a deployment; see `Database` for the arguments and the errors."""
    return Database(where, schema, SCHEMA_VERSION, "deployment", create=create)


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> list[Row[Any]]:
    """Inserts those rows that violate no uniqueness rule, and returns them."""
    if not rows:
        return []
    return list(connection.execute(_insert_new(connection.dialect.name, table), list(rows)))


@cache
def _insert_new(dialect: str, table: Table) -> ReturningInsert[Any]:
    make = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return make(table).on_conflict_do_nothing().returning(table)
