"""One daemon for one SQLite file: a lock that the operating system drops when its holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

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
    path = store.path.with_name(f"{store.path.name}.lock")
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreBroken(f"{path}: cannot be opened ({error.strerror}): check the folder's rights") from error
    try:
        _take(number, str(store.path))
        yield
    finally:
        os.close(number)


def _take(number: int, name: str) -> None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(number, 20, 0).decode("ascii", "replace").strip()
        raise Refused(f"another bytebridge (process {holder or 'unknown'}) runs on {name}: stop it first") from error
    os.ftruncate(number, 0)
    os.pwrite(number, f"{os.getpid()}\n".encode(), 0)
