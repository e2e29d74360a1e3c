"""Who alone may do something with a store: locks that the system drops when their holder dies."""

import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from bytebridge.errors import Refused, StoreBroken
from bytebridge.ledger.engine import Store


@contextmanager
def alone(store: Store) -> Iterator[None]:
    """Held by the daemon while it runs, and by a restore. Refused when another process holds it.

    A store on a server needs none: there the lease decides (`ledger/lease.py`).
    """
    if store.path is None:
        yield
        return
    number = _opened(store.path.with_name(f"{store.path.name}.lock"))
    try:
        _take(number, str(store.path))
        yield
    finally:
        os.close(number)


@contextmanager
def turn(store: Store, name: str) -> Iterator[bool]:
    """True for the one job, among all processes on this store, that does this now; False while another does."""
    if store.path is not None:
        number = _opened(store.path.with_name(f"{store.path.name}.{name}.lock"))
        try:
            yield _is_taken(number)
        finally:
            os.close(number)
    elif store.dialect == "sqlite":
        yield True  # in memory: nobody else has it
    else:
        with _server_turn(store, name) as mine:
            yield mine


@contextmanager
def _server_turn(store: Store, name: str) -> Iterator[bool]:
    """A lock of the database session, which outlives transactions and dies with the connection."""
    if store.dialect == "postgresql":  # counted within one database
        take, give = "SELECT pg_try_advisory_lock(:key)", "SELECT pg_advisory_unlock(:key)"
        key: int | str = zlib.crc32(f"bytebridge {name}".encode())
    else:  # counted within the whole server
        take, give = "SELECT GET_LOCK(:key, 0)", "SELECT RELEASE_LOCK(:key)"
        key = f"bytebridge {zlib.crc32(str(store.url.database).encode())} {name}"
    with store.meaning(), store.engine.connect() as opened:
        connection = opened.execution_options(isolation_level="AUTOCOMMIT")
        mine = bool(connection.execute(text(take), {"key": key}).scalar())
        try:
            yield mine
        finally:
            if mine:
                connection.execute(text(give), {"key": key})


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreBroken(f"{path}: cannot be opened ({error.strerror}): check the folder's rights") from error


def _is_taken(number: int) -> bool:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _take(number: int, name: str) -> None:
    if not _is_taken(number):
        holder = os.pread(number, 20, 0).decode("ascii", "replace").strip()
        raise Refused(f"another bytebridge (process {holder or 'unknown'}) runs on {name}: stop it first")
    os.ftruncate(number, 0)
    os.pwrite(number, f"{os.getpid()}\n".encode(), 0)
