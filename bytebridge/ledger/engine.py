"""The connection to the store: transactions, their retry, and what a database error means to a user."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import Connection, Engine, event, select, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from bytebridge.errors import StoreBroken, StoreBusy
from bytebridge.ledger import schema

__all__ = ["Connection", "Store"]
T = TypeVar("T")
ATTEMPTS = 6  # of one transaction
BUSY_S = 10.0  # how long SQLite itself waits for a lock
BUSY = (
    "locked",
    "deadlock",
    "lock wait timeout",
    "could not serialize",
    "40001",
    "40p01",
    "55p03",
    "1213",
    "1205",
)
LOST = (
    "server has gone away",
    "lost connection",
    "closed the connection",
    "terminating connection",
    "connection refused",
    "connection reset",
    "can't connect",
    "connection is closed",
    "server closed",
)
BROKEN = (
    "disk is full",
    "malformed",
    "not a database",
    "readonly database",
    "read-only",
    "disk i/o error",
    "unable to open",
    "no such table",
    "no space left",
)


class Store:
    """One database. read: a consistent look; transact: a write that is run again as a whole when it must be."""

    def __init__(self, url: str, *, read_only: bool = False, sleep: Callable[[float], None] | None = None) -> None:
        self.url = sqlalchemy.make_url(url)
        self.dialect = self.url.get_backend_name()
        self.read_only = read_only
        self._sleep = sleep
        self.engine = self._engine()

    def _engine(self) -> Engine:
        if self.dialect == "sqlite":
            return self._sqlite()
        options: dict[str, Any] = {"pool_pre_ping": True, "pool_size": 5, "pool_recycle": 1800}
        if self.dialect in ("mysql", "mariadb"):
            options["isolation_level"] = "READ COMMITTED"
        engine = sqlalchemy.create_engine(self.url, hide_parameters=True, **options)
        if self.read_only:
            words = (
                "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"
                if self.dialect == "postgresql"
                else "SET SESSION TRANSACTION READ ONLY"
            )

            @event.listens_for(engine, "connect")
            def _only_read(connection: Any, _record: Any) -> None:
                cursor = connection.cursor()
                cursor.execute(words)
                cursor.close()
                connection.commit()

        return engine

    def _sqlite(self) -> Engine:
        in_memory = not self.url.database
        pool = sqlalchemy.StaticPool if in_memory else sqlalchemy.QueuePool
        engine = sqlalchemy.create_engine("sqlite://", creator=self._connect, poolclass=pool, hide_parameters=True)

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            # IMMEDIATE for writers only: given to readers too, one open reader locks every writer out
            writes = connection.get_execution_options().get("writes", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine

    def _connect(self) -> sqlite3.Connection:
        if not self.url.database:
            return _opened(":memory:")
        uri = Path(self.url.database).absolute().as_uri()
        if not self.read_only:
            connection = _opened(f"{uri}?mode=rwc")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            return connection
        connection = _opened(f"{uri}?mode=ro")
        try:
            connection.execute("PRAGMA schema_version")
        except sqlite3.OperationalError:
            # a reader makes the log's index anew; in a folder it may not write, a closed store reads without one
            if Path(f"{self.url.database}-wal").exists() or not Path(self.url.database).exists():
                raise
            connection.close()
            connection = _opened(f"{uri}?mode=ro&immutable=1")
        connection.execute("PRAGMA query_only=ON")
        return connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection whose transaction is rolled back at the end."""
        with self._meaning(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._meaning():
            connection = self.engine.connect().execution_options(writes=True)
            with connection, connection.begin():
                if self.dialect != "sqlite":
                    # one writer at a time: whoever settles sees all that was posted before
                    row = select(schema.meta.c.value).where(schema.meta.c.name == "writer").with_for_update()
                    connection.execute(row)
                yield connection

    def transact(self, work: Callable[[Connection], T]) -> T:
        """Runs `work` in one write transaction, again as a whole after a lock, a deadlock or a lost connection.

        `work` must not touch anything outside the database. StoreBusy after the last attempt; StoreBroken at
        once when a person must act.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._write() as connection:
                    return work(connection)
            except StoreBusy:
                if attempt == ATTEMPTS:
                    raise
                if self._sleep is not None:
                    self._sleep(min(0.05 * 2**attempt, 2.0))
        raise AssertionError("unreachable")

    @contextmanager
    def _meaning(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError, DBAPIError) as error:
            meaning = meaning_of(error)
            if meaning is None:
                raise
            raise meaning from error

    def close(self) -> None:
        self.engine.dispose()

    def tables_exist(self) -> bool:
        with self.read() as connection:
            return sqlalchemy.inspect(connection).has_table("meta")

    def scalar(self, statement: str) -> Any:
        with self.read() as connection:
            return connection.execute(text(statement)).scalar()


def meaning_of(error: DBAPIError) -> StoreBusy | StoreBroken | None:
    """A driver's error as one a user can act on; None when it is a bug and keeps its own traceback."""
    words = str(error.orig).lower()
    first = words.splitlines()[0] if words else ""
    if any(mark in words for mark in BROKEN):
        return StoreBroken(f"the store cannot be used: {first}: check the disk, the file's owner and its rights")
    if any(mark in words for mark in BUSY):
        return StoreBusy(f"the store is busy: {first}: try again")
    if error.connection_invalidated or any(mark in words for mark in LOST):
        return StoreBusy(f"the database does not answer: {first}: check that it runs, then try again")
    return None


def _opened(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri,
        uri=uri.startswith("file:"),
        timeout=BUSY_S,
        isolation_level=None,  # BEGIN is ours: the driver would leave DDL outside the transaction
        check_same_thread=False,
    )
    connection.execute("PRAGMA foreign_keys=ON")
    return connection
