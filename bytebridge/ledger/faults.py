"""What a database's own error means to a user, told by its code: text is translated and may quote a customer."""

import sqlite3
from typing import Any

from sqlalchemy.exc import DBAPIError, OperationalError

from bytebridge.errors import StoreBroken, StoreBusy

# codes of sqlite.org/rescode.html, the low byte
SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
SQLITE_BROKEN = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_NOTADB,
}
# PostgreSQL, appendix A: deadlock, serialisation, lock and statement time-out, too many connections
POSTGRESQL_BUSY = ("40001", "40P01", "55P03", "57014", "53300")
POSTGRESQL_LOST = ("08", "57P", "25P03")  # 25P03: it stood still within a transaction
# full disk, system error, damaged data, read-only, no such table or database, no right
POSTGRESQL_BROKEN = ("531", "58", "XX", "25006", "42P01", "42501", "28", "3D")
# lock wait time-out, deadlock, query interrupted, statement time-out, too many connections
MARIADB_BUSY = {1205, 1213, 1020, 1317, 1969, 1040, 1203}
# killed, shutting down, cannot connect, gone, lost, sequence lost
MARIADB_LOST = {1927, 1053, 1152, 1158, 1159, 1160, 1161, 2002, 2003, 2006, 2013, 2014, 2055}
# disk or table full, write error, read-only server or transaction, damaged, no such table or database, no right
MARIADB_BROKEN = {3, 1021, 1026, 1114, 1290, 1792, 1034, 1035, 1712, 1146, 1932, 1049, 1044, 1045, 1142, 1698}
REFUSED_AT_THE_DOOR = ("does not exist", "authentication failed", "no password supplied", "pg_hba.conf")


def meaning_of(error: DBAPIError) -> StoreBusy | StoreBroken | None:
    """A driver's error as one a user can act on; None when it is a bug and keeps its own traceback."""
    kind = _kind(error)
    given = error.orig.args if error.orig is not None else ()
    words = str(given[1] if len(given) > 1 and isinstance(given[0], int) else error.orig).strip()
    first = words.splitlines()[0] if words else type(error.orig).__name__
    if kind == "broken":
        return StoreBroken(f"the store cannot be used: {first}: {_cure(error.orig)}")
    if kind == "busy":
        return StoreBusy(f"the store is busy: {first}: try again")
    if kind == "lost" or error.connection_invalidated:
        return StoreBusy(f"the database does not answer: {first}: check that it runs, then try again")
    return None


def _cure(original: BaseException | None) -> str:
    low = getattr(original, "sqlite_errorcode", 0) & 0xFF
    if low in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return "restore a backup (`bytebridge db restore`)"
    return "check that its disk has room, and its owner and rights"


def _kind(error: DBAPIError) -> str | None:
    original: Any = error.orig
    if isinstance(original, sqlite3.Error):
        return _of_sqlite(original)
    code = original.args[0] if original is not None and original.args else None
    if isinstance(code, int):
        return _of_mariadb(code, type(original).__name__)
    state = getattr(original, "sqlstate", None)
    if state is None:  # the connection itself: the driver passes no code on
        return _of_no_connection(str(original)) if isinstance(error, OperationalError) else None
    return _of_postgresql(state)


def _of_sqlite(error: sqlite3.Error) -> str | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    low = code & 0xFF
    if low in SQLITE_BUSY:
        return "busy"
    return "broken" if low in SQLITE_BROKEN or str(error).startswith("no such table") else None


def _of_no_connection(words: str) -> str:
    return "broken" if any(mark in words for mark in REFUSED_AT_THE_DOOR) else "lost"


def _of_postgresql(state: str) -> str | None:
    if state.startswith(POSTGRESQL_BUSY):
        return "busy"
    if state.startswith(POSTGRESQL_LOST):
        return "lost"
    return "broken" if state.startswith(POSTGRESQL_BROKEN) else None


def _of_mariadb(code: int, name: str) -> str | None:
    if code in MARIADB_BUSY:
        return "busy"
    if code in MARIADB_LOST or (name == "InterfaceError" and code == 0):  # (0, ''): used after it was closed
        return "lost"
    return "broken" if code in MARIADB_BROKEN else None
