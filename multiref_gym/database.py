"""A database that keeps what it was told to keep: a SQLite file, or any that SQLAlchemy has a driver for by its URL.

All tables of a database are of one schema, whose version it holds itself. A transaction is there as a whole once it is
committed, whatever happens to the process or the power. Several processes may write; they take turns.
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
"""Seconds that it is tried for to empty the log of a SQLite database that others use."""
CONNECTIONS = 40
"""Connections that are kept open for those who come next; a server has so many threads."""
WRITERS = 0x6D756C7469726566
"""The number of PostgreSQL's advisory lock for those who write."""


class StoreError(UserError):
    """Something that a database cannot do or be; the message says where and why."""


class Database:
    """A database of one schema.

    Args:
        where: A path to a SQLite file, or a database URL such as `postgresql+psycopg://host/name`.
        schema: Its tables; one that tells the version is added.
        version: The version of the schema.
        what: What it is ("store of interactions"), for messages.
        create: Whether to make it where there is none.

    Attributes:
        where: Where it is, without a password.
        is_sqlite: Whether it is a SQLite file.

    Raises:
        StoreError: If there is none and none is to be made, or what is there is another one, is damaged, or was written
            by another version of this package.
    """

    def __init__(self, where: str | Path, schema: MetaData, version: int, what: str, *, create: bool = True) -> None:
        self.where, self._what = str(where), what
        try:
            url = make_url(self.where) if "://" in self.where else URL.create("sqlite", database=self.where)
            self.where = url.render_as_string() if url.password else self.where  # a password shows in no message
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
            _have_writers_take_turns(self._engine)
        try:
            self._open(schema, version, create)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    def forget(self) -> None:
        """Has nothing of what was deleted left in the files of a SQLite database.

        Raises:
            StoreError: If others use it for too long.
        """
        if not self.is_sqlite:
            return
        ends, busy = time.monotonic() + PATIENCE, True
        while busy and time.monotonic() < ends:
            connection = self._engine.raw_connection()
            try:  # what is deleted is overwritten, but the log may still have it
                busy, *_ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.close()
            time.sleep(0.1 * bool(busy))
        if busy:
            raise StoreError(f"{self.where}: in use: what was deleted may still be in the log beside it; try again")

    @contextmanager
    def transaction(self, write: bool = False) -> Iterator[Connection]:
        """Yields a connection whose work is committed at the end, or rolled back at an error.

        Args:
            write: Whether it writes: then it waits for other writers before it reads.

        Raises:
            StoreError: If the database refuses what is asked of it.
        """
        try:
            with self._engine.execution_options(write=write).begin() as connection:
                yield connection
        except DBAPIError as error:
            raise StoreError(f"{self.where}: {' '.join(str(error.orig).split())}") from error
        except PoolTimeout as error:
            raise StoreError(f"{self.where}: too much is asked of it at once") from error
        except UnicodeEncodeError as error:  # a name that is looked for is no text
            raise StoreError(f"{self.where}: {error}") from error
        except UnicodeDecodeError as error:  # SQLite names a part of the file that is no text
            raise StoreError(f"{self.where}: damaged: {error}") from error

    def _open(self, schema: MetaData, version: int, create: bool) -> None:
        with self.transaction() as connection:
            there = self._version(connection)
        if there is None and create:
            with self.transaction(write=True) as connection:
                # Another process may have made it meanwhile.
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
            raise StoreError(f"{self.where}: a database, but no {self._what}")
        version: int = versions[0]  # or what somebody has put in its place
        return version


_meta = Table("meta", MetaData(), Column("schema_version", Integer, primary_key=True, autoincrement=False))


def _writable(file: Path) -> bool:
    """Whether a database can be written, for which its folder has to take SQLite's other files."""
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


def _read_only(file: Path) -> URL:
    """Returns the URL by which a database can be read in a folder that takes no other file.

    Raises:
        StoreError: If what was written last is in a file beside it that SQLite cannot read there.
    """
    log, index, journal = (file.with_name(f"{file.name}-{ending}") for ending in ("wal", "shm", "journal"))
    query = {"mode": "ro", "uri": "true"}
    unread = [other for other in (log, journal) if other.exists() and other.stat().st_size]
    if not unread:
        query["immutable"] = "1"  # nobody who writes is at work, or there would be one of these
    elif unread != [log] or not index.exists():
        raise StoreError(
            f"{file}: {unread[0].name} beside it has to be read too, which takes write permission: copy both to a "
            "folder of your own"
        )
    return URL.create("sqlite", database=f"file:{quote(str(file.resolve()))}", query=query)


def _use_sqlite_well(engine: Engine, new: bool) -> None:
    """Makes SQLite durable, strict about foreign keys, and patient between several writers.

    Args:
        engine: The engine.
        new: Whether a database that is empty becomes a store.
    """

    @event.listens_for(engine, "connect")
    def configure(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # the driver must not begin transactions of its own: `begin` does
        if new and not connection.execute("PRAGMA page_count").fetchone()[0]:
            _use_wal(connection)  # of any other database it would change the file
        connection.execute("PRAGMA synchronous = FULL")  # what was acknowledged survives a power cut
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads before it writes fails at once, whatever the timeout, if another one wrote in
        # between; taking the lock at the start makes it wait instead.
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _have_writers_take_turns(engine: Engine) -> None:
    """Has PostgreSQL do what SQLite does: who writes waits for others who do, before it reads what it writes for."""

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("write", False):
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS})")


def _use_wal(connection: sqlite3.Connection) -> None:
    """Lets readers read while one process writes. SQLite does not wait for the lock that the change needs."""
    deadline = time.monotonic() + BUSY_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
