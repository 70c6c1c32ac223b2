"""A reliable database: a SQLite file, or any database that SQLAlchemy has a driver for, given by its URL.

The database records the version of its schema. A transaction is stored completely once it is committed, even if the
process is killed or the power fails. Several processes may write; they take turns.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    create_engine,
    event,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from multiref_gym.errors import UserError

BUSY_TIMEOUT = 60.0
"""Seconds that a writer waits for another one."""


PATIENCE = 10.0
"""Seconds to keep trying to empty the log of a SQLite database that others use."""
CONNECTIONS = 40
"""Connections kept open for reuse; a server has this many threads."""
WRITERS = 0x6D756C7469726566
"""The number of the PostgreSQL advisory lock for writers."""


class StoreError(UserError):
    """A database cannot be used as asked; the message says where and why."""


class Database:
    """A database of one schema.

    Args:
        where: A path to a SQLite file, or a database URL such as `postgresql+psycopg://host/name`.
        schema: The tables; a table for the version is added.
        version: The version of the schema.
        what: The kind of database ("store of interactions"), for messages.
        create: Whether to create a missing database.

    Attributes:
        where: The path or the URL, without a password.
        is_sqlite: Whether it is a SQLite file.

    Raises:
        StoreError: If the database is missing and `create` is False, or it has another schema, is damaged, or was
            written by another version of this package.
    """

    def __init__(self, where: str | Path, schema: MetaData, version: int, what: str, *, create: bool = True) -> None:
        self.where, self._what = str(where), what
        try:
            url = make_url(self.where) if "://" in self.where else URL.create("sqlite", database=self.where)
            self.where = url.render_as_string() if url.password else self.where  # keep passwords out of messages
            self.is_sqlite = url.get_backend_name() == "sqlite"
            file = Path(url.database or "") if self.is_sqlite else None
            if file and not create and not file.is_file():
                raise StoreError(f"{self.where}: there is no such store")
            read_only = file is not None and file.is_file() and not _writable(file)
            url = _read_only(file) if file and read_only else url
            waits = {"timeout": BUSY_TIMEOUT} if self.is_sqlite else {}
            self._engine = create_engine(
                url, connect_args=waits, pool_size=CONNECTIONS, pool_pre_ping=not self.is_sqlite, hide_parameters=True
            )
        except (SQLAlchemyError, ImportError) as error:
            raise StoreError(f"{self.where}: {error}") from error
        if self.is_sqlite:
            _use_sqlite_well(self._engine, new=create and not read_only)
        elif self._engine.dialect.name == "postgresql":
            _use_postgresql_as_sqlite(self._engine)
        try:
            self._open(schema, version, create)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    def forget(self) -> None:
        """Removes all traces of deleted rows from the files of a SQLite database.

        Raises:
            StoreError: If others use the database for too long.
        """
        if not self.is_sqlite:
            return
        ends, busy = time.monotonic() + PATIENCE, True
        while busy and time.monotonic() < ends:
            connection = self._engine.raw_connection()
            try:  # deleted rows are overwritten, but the log may still hold them
                busy, *_ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.close()
            time.sleep(0.1 * bool(busy))
        if busy:
            raise StoreError(f"{self.where}: in use: deleted rows may still be in the log beside it; try again")

    @contextmanager
    def transaction(self, write: bool = False) -> Iterator[Connection]:
        """Yields a connection whose work is committed at the end, or rolled back after an error.

        Args:
            write: Whether the transaction writes: then it waits for other writers before it reads.

        Raises:
            StoreError: If the database refuses a statement.
        """
        try:
            with self._engine.execution_options(write=write).begin() as connection:
                yield connection
        except DBAPIError as error:
            raise StoreError(f"{self.where}: {' '.join(str(error.orig).split())}") from error
        except PoolTimeout as error:
            raise StoreError(f"{self.where}: all connections are in use") from error
        except UnicodeEncodeError as error:  # a name in the query is not valid text
            raise StoreError(f"{self.where}: {error}") from error
        except UnicodeDecodeError as error:  # SQLite quotes a damaged part of the file
            raise StoreError(f"{self.where}: damaged: {error}") from error

    def _open(self, schema: MetaData, version: int, create: bool) -> None:
        with self.transaction() as connection:
            there = self._version(connection)
        if there is None and create:
            with self.transaction(write=True) as connection:
                # Another process may have created it meanwhile.
                there = self._version(connection)
                if there is None:
                    schema.create_all(connection)
                    _meta.create(connection)
                    connection.execute(insert(_meta).values(schema_version=version))
                    there = version
        if there is None:
            raise StoreError(f"{self.where}: there is no such store")
        if there != version:
            raise StoreError(
                f"{self.where}: written in schema {there} by another version of multiref-gym; "
                f"this one reads schema {version}"
            )

    def _version(self, connection: Connection) -> int | None:
        """Returns the version of the schema that is there, or None if the database is empty."""
        tables = inspect(connection).get_table_names()
        if not tables:
            return None
        versions = list(connection.scalars(select(_meta.c.schema_version))) if _meta.name in tables else []
        if len(versions) != 1:
            raise StoreError(f"{self.where}: a database, but not a {self._what}")
        version: int = versions[0]  # in a foreign database it may be anything
        return version


_meta = Table("meta", MetaData(), Column("schema_version", Integer, primary_key=True, autoincrement=False))


def _writable(file: Path) -> bool:
    """Whether SQLite can write to a database: it also needs to create files in the folder."""
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


def _read_only(file: Path) -> URL:
    """Returns the URL to read a database in a folder that SQLite cannot write to.

    Raises:
        StoreError: If the latest changes are in a log file that SQLite cannot read there.
    """
    log, index, journal = (file.with_name(f"{file.name}-{ending}") for ending in ("wal", "shm", "journal"))
    query = {"mode": "ro", "uri": "true"}
    unread = [other for other in (log, journal) if other.exists() and other.stat().st_size]
    if not unread:
        query["immutable"] = "1"  # no process is writing, or one of these files would exist
    elif unread != [log] or not index.exists():
        raise StoreError(
            f"{file}: {unread[0].name} beside it has to be read too, which takes write permission: copy both to a "
            "folder of your own"
        )
    return URL.create("sqlite", database=f"file:{quote(str(file.resolve()))}", query=query)


def _use_sqlite_well(engine: Engine, new: bool) -> None:
    """Makes SQLite durable, strict about foreign keys, and patient with several writers.

    Args:
        engine: The engine.
        new: Whether an empty database becomes a store.
    """

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # `begin` starts transactions, not the driver
        if new and not connection.execute("PRAGMA page_count").fetchone()[0]:
            _use_wal(connection)  # it changes the file, so only in a database of ours
        connection.execute("PRAGMA synchronous = FULL")  # committed work survives a power cut
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # deleted rows are overwritten

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads before it writes fails at once, whatever the timeout, if another one wrote in
        # between. Taking the lock at the start makes it wait instead.
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _use_postgresql_as_sqlite(engine: Engine) -> None:
    """Makes PostgreSQL behave like SQLite: writers take turns, and a reader reads all rows as they are at one time."""

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("write", False):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS})")
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Lets readers read while one process writes; retries, since SQLite does not wait for the lock it needs."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
