"""The connection to the store: its settings for each database, transactions and their retry."""

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import Connection, Engine, event, select, update
from sqlalchemy.exc import DBAPIError

from bytebridge.errors import StoreBroken, StoreBusy
from bytebridge.ledger import schema
from bytebridge.ledger.faults import meaning_of

__all__ = ["Connection", "Store", "meaning_of"]
T = TypeVar("T")
ATTEMPTS = 6  # of one transaction
LOCK_S = 10  # how long a statement waits for a lock
STALLED_S = 10  # a process that stands still in a transaction holds up every other writer no longer: others take over
PAGE = 8_192  # bytes of SQLite's: each one changed is written by two calls, whatever its size
CHECKPOINT = 2_000  # pages in SQLite's log before they are copied into its file: a load changes the same ones often
KEPT = 2  # connections to a file that stay open: a job reads and writes; more at once are made and closed again
TOKENS = 20  # of the last transactions, in meta.writer
# a server that vanished without a word must not hold a job for ever
NETWORK: dict[str, dict[str, Any]] = {
    "postgresql": {"connect_timeout": 10, "keepalives_idle": 30, "tcp_user_timeout": 60_000},
    "mysql": {"connect_timeout": 10, "read_timeout": 300, "write_timeout": 60},
}
SESSION = {
    "postgresql": [
        "SET lock_timeout = '{lock}s'",
        "SET plan_cache_mode = force_custom_plan",  # one made while the tables were empty would be kept as they grow
    ],
    "mysql": [
        "SET SESSION innodb_lock_wait_timeout = {lock}",
        "SET SESSION idle_write_transaction_timeout = {stalled}",
        "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')",  # text too long is an error, never cut
    ],
}
WRITING = {"postgresql": "SET LOCAL idle_in_transaction_session_timeout = '{stalled}s'"}
ONLY_READ = {
    "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
}


class Store:
    """One database. read: a consistent look; transact: a write that is run again as a whole when it must be.

    read_only: the database itself refuses every write on these connections. sleep: how retries wait, None: not.
    guard: called in each write's turn, when no other process can write; what it raises ends the transaction.
    """

    def __init__(self, url: str, *, read_only: bool = False, sleep: Callable[[float], None] | None = None) -> None:
        self.url = sqlalchemy.make_url(url)
        self.dialect = self.url.get_backend_name().replace("mariadb", "mysql")
        # of SQLite's file; None in memory and on a server
        self.path = Path(self.url.database) if self.dialect == "sqlite" and self.url.database else None
        self.read_only = read_only
        self.guard: Callable[[], None] = lambda: None
        self._sleep = sleep
        self._file: tuple[int, int] | None = None  # that the first connection opened
        self.engine = self._sqlite() if self.dialect == "sqlite" else self._server()

    def _server(self) -> Engine:
        engine = sqlalchemy.create_engine(
            self.url,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_recycle=1800,
            isolation_level="READ COMMITTED",  # a writer sees all that was committed before it got its turn
            connect_args=NETWORK[self.dialect],
        )

        @event.listens_for(engine, "connect")
        def _prepare(connection: Any, _record: Any) -> None:
            with connection.cursor() as cursor:
                for words in SESSION[self.dialect] + ([ONLY_READ[self.dialect]] if self.read_only else []):
                    cursor.execute(words.format(lock=LOCK_S, stalled=STALLED_S))
            connection.commit()

        return engine

    def _sqlite(self) -> Engine:
        pool: dict[str, Any] = {"poolclass": sqlalchemy.StaticPool}
        if self.url.database:
            # each kept one holds pages and prepared statements for itself; the last returned has the warmest
            pool = {"poolclass": sqlalchemy.QueuePool, "pool_size": KEPT, "pool_use_lifo": True}
        engine = sqlalchemy.create_engine("sqlite://", creator=self._connect, hide_parameters=True, **pool)

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            self._refuse_exchanged()
            # IMMEDIATE for writers only: given to readers too, one open reader locks every writer out
            writes = connection.get_execution_options().get("writes", False)
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

        return engine

    def _connect(self) -> sqlite3.Connection:
        path = self.path
        if path is None:
            return _opened(":memory:")
        if self.read_only:
            connection = _for_reading(path)
            self._file = self._file or _file_at(path)
            return connection
        if not path.exists() and os.access(path.parent, os.W_OK):
            path.touch(mode=0o600)  # customers' addresses: for nobody else to read, nor in the log beside it
        connection = _opened(f"{path.absolute().as_uri()}?mode=rw")
        self._file = self._file or _file_at(path)
        connection.execute(f"PRAGMA page_size={PAGE}")  # of a file that is made now
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")  # a letter told as sent must be so after a power cut too
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT}")
        return connection

    def _refuse_exchanged(self) -> None:
        """What is written to a file that was deleted or replaced is lost, and customers would be told all the same."""
        if self.path is not None and _file_at(self.path) != self._file:
            raise StoreBroken(
                f"{self.path} was deleted or replaced while in use: restore a backup (`bytebridge db restore`)"
            )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the store throughout; its transaction is rolled back at the end."""
        with self.meaning(), self.engine.connect() as connection:
            if self.dialect != "sqlite":
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def meaning(self) -> Iterator[None]:
        """Turns the driver's errors into StoreBusy and StoreBroken; a bug keeps its own."""
        try:
            yield
        except DBAPIError as error:
            found = meaning_of(error)
            if found is None:
                raise
            raise found from error

    def transact(self, work: Callable[[Connection], T], *, in_turn: bool = True) -> T:
        """Runs `work` in one write transaction, again as a whole after a lock, a deadlock or a lost connection.

        `work` must not touch anything outside the database. in_turn: waits for every other writer, so that whoever
        settles sees all that was posted before. StoreBusy after the last attempt; StoreBroken at once when a
        person must act.
        """
        token = secrets.token_hex(4)
        done: list[T] = []
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self._write() as connection:
                    if in_turn and self._is_committed(connection, token):
                        break
                    if in_turn:
                        self.guard()
                    done = [work(connection)]
                break
            except StoreBusy:
                if attempt == ATTEMPTS:
                    raise
                if self._sleep is not None:
                    self._sleep(min(0.05 * 2**attempt, 2.0))
        return done[0]

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self.meaning():
            connection = self.engine.connect().execution_options(writes=True)
            with connection, connection.begin():
                if self.dialect in WRITING:
                    connection.exec_driver_sql(WRITING[self.dialect].format(stalled=STALLED_S))
                yield connection

    def _is_committed(self, connection: Connection, token: str) -> bool:
        """Takes the writers' turn, and signs; True when this very transaction was committed by an earlier attempt.

        A server may commit and die before it says so: run again, an adjustment would be posted twice.
        """
        if self.dialect == "sqlite":
            return False
        mine = schema.meta.c.name == "writer"
        row = connection.execute(select(schema.meta.c.value).where(mine).with_for_update()).scalar() or ""
        recent = row.split()
        if token in recent:
            return True
        connection.execute(update(schema.meta).where(mine).values(value=" ".join([*recent, token][-TOKENS:])))
        return False

    def close(self) -> None:
        self.engine.dispose()
        self._file = None


def _file_at(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _for_reading(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    connection = _opened(f"{uri}?mode=ro")
    try:
        connection.execute("PRAGMA schema_version")
    except sqlite3.OperationalError:
        connection.close()
        # a reader makes the log's index anew; in a folder it may not write, a closed store reads without one
        if Path(f"{path}-wal").exists() or not path.exists():
            raise
        connection = _opened(f"{uri}?mode=ro&immutable=1")
    connection.execute("PRAGMA query_only=ON")
    return connection


def _opened(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri,
        uri=uri.startswith("file:"),
        timeout=LOCK_S,
        isolation_level=None,  # BEGIN is ours: the driver would leave DDL outside the transaction
        check_same_thread=False,
    )
    connection.execute("PRAGMA foreign_keys=ON")
    return connection
