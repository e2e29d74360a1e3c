"""Copies of an SQLite store: taken while the daemon runs, put back when it does not."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bytebridge.domain.model import Instant
from bytebridge.errors import Refused, StoreBroken
from bytebridge.ledger import lock, migrate, restored
from bytebridge.ledger.engine import Store
from bytebridge.ledger.faults import SQLITE_BUSY
from bytebridge.ledger.verify import verify

TOOLS = {"postgresql": "pg_dump", "mysql": "mariadb-dump --single-transaction --triggers"}
WAIT_S = 2.0  # for a command that is about to end


@dataclass(frozen=True, slots=True)
class Restored:
    """kept: where the store that was there before stands now, None without one. last_recorded: of its entries."""

    entries: int
    last_recorded: Instant
    kept: Path | None


def backup(store: Store, target: Path) -> int:
    """Writes one whole, checked copy to `target` in one step, for its owner alone; gives its size [bytes].

    Writers go on meanwhile. Refused for a store that is no file.
    """
    source = _file_of(store, "dump")
    if target.exists() and (target.is_dir() or (source.exists() and target.samefile(source))):
        raise Refused(f"{target}: name a new file for the copy")
    with _fresh(target) as partial:
        _copy(source, partial)
    return target.stat().st_size


def examine(store: Store, source: Path, side_directory: Path) -> int:
    """Entries of a file that `restore` would take; Refused when it is not a whole backup of this very store."""
    return _examined(source, _file_of(store, "restore"), side_directory)


def restore(store: Store, source: Path, side_directory: Path, now: Instant) -> Restored:
    """Puts a backup in the place of the store, in one step; what was there is kept beside it.

    Refused while any other process uses the store, or when the file is not a whole backup of this very store.
    """
    path = _file_of(store, "restore")
    store.close()
    with lock.alone(store):
        count = _examined(source, path, side_directory)
        if path.exists():
            _let_go(path)
        kept = _free(path) if path.exists() else None
        with _fresh(path, keep=kept) as partial:
            _copy(source, partial)
            last = _mark(partial, now)
    return Restored(count, last, kept)


def _file_of(store: Store, what: str) -> Path:
    if store.path is not None:
        return store.path
    if store.dialect == "sqlite":
        raise Refused("a store in memory has no copies")
    tool = TOOLS[store.dialect] if what == "dump" else "the database's own tools"
    raise Refused(f"the store is a {store.url.get_backend_name()} database: use {tool} on {store.url.database}")


@contextmanager
def _fresh(target: Path, keep: Path | None = None) -> Iterator[Path]:
    """A file beside `target` that takes its place once it is complete and on the disk; nothing is left otherwise."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        if keep is not None:
            _set_aside(target, keep)
        partial.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise StoreBroken(f"{error.filename or target}: {error.strerror}: check disk and rights") from error
    finally:
        partial.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    try:
        with closing(_look(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            whole = new.execute("PRAGMA quick_check").fetchone() == ("ok",)
    except sqlite3.Error as error:
        raise StoreBroken(f"{source} could not be copied to {target.parent}: {error}: check file and disk") from error
    if not whole:
        raise StoreBroken(f"{source} is damaged: no copy was made")


def _look(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=WAIT_S)


def _examined(source: Path, path: Path, side_directory: Path) -> int:
    """The backup's number of entries; Refused unless it is one of this store, whole, and not newer than we are."""
    if not source.is_file():
        raise Refused(f"{source}: there is no such file")
    if path.exists() and source.samefile(path):
        raise Refused(f"{source} is the store itself")
    copy = Store(f"sqlite:///{source}", read_only=True)
    try:
        _refuse_foreign(copy, source, migrate.remembered(side_directory) or _identity_at(path))
        with copy.read() as connection:
            proof = verify(connection)
    except StoreBroken as error:
        raise Refused(f"{source} is no whole backup: {error}") from error
    finally:
        copy.close()
    if proof.fault:
        raise Refused(f"{source} is not whole: {proof.fault}")
    return proof.entries


def _refuse_foreign(copy: Store, source: Path, expected: str | None) -> None:
    found, name = migrate.revision(copy), migrate.identity(copy)
    if found is None or name is None or not found.isdecimal():
        raise Refused(f"{source} is no backup of a bytebridge store")
    if int(found) > int(migrate.HEAD):
        raise Refused(f"{source} has schema {found}, newer than this program's: install the newer bytebridge")
    if expected and expected != name:
        raise Refused(f"{source} is a backup of another store ({name[:8]}, not {expected[:8]})")


def _identity_at(path: Path) -> str | None:
    """Identity of the store that is to be replaced; None when it cannot be read, which is why one restores."""
    if not path.exists():
        return None
    present = Store(f"sqlite:///{path}", read_only=True)
    try:
        return migrate.identity(present)
    except StoreBroken:
        return None
    finally:
        present.close()


def _let_go(path: Path) -> None:
    """Refused while another process has the store open; else its log is folded into it."""
    try:
        with closing(sqlite3.connect(path, timeout=WAIT_S)) as old:
            old.execute("PRAGMA journal_mode=DELETE")  # leaving the log's mode needs every other connection gone
    except sqlite3.DatabaseError as error:
        # a damaged file has nothing to fold: that is why one restores
        if error.sqlite_errorcode & 0xFF in SQLITE_BUSY:
            raise Refused(f"{path} is in use by another bytebridge: let it end first") from error


def _free(path: Path) -> Path:
    first = path.with_name(f"{path.name}.before-restore")
    later = (path.with_name(f"{first.name}-{number}") for number in range(2, 10_000))
    return next(place for place in (first, *later) if not place.exists())


def _set_aside(path: Path, keep: Path) -> None:
    os.link(path, keep)  # never a moment without a store
    for ending in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            Path(f"{path}{ending}").replace(f"{keep}{ending}")


def _mark(path: Path, now: Instant) -> Instant:
    copy = Store(f"sqlite:///{path}")
    try:
        last = copy.transact(lambda connection: restored.mark(connection, now))
    finally:
        copy.close()
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("PRAGMA journal_mode=DELETE")  # else what was just written may stand in a log beside it
    return last


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
