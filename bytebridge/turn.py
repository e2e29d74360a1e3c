"""Which of several daemons on one database server works now; on SQLite there is only one."""

import os
import secrets
import socket
import time

from bytebridge.errors import StoreBusy
from bytebridge.ledger import lease
from bytebridge.ledger.engine import Store
from bytebridge.logs import log

NAME = "daemon"


class Turn:
    """Renews the lease while this process has it, asks for it while it has not."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._alone = store.dialect == "sqlite"
        self._holder = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._mine = self._alone
        self._asked = float("-inf")

    @property
    def mine(self) -> bool:
        """Whether this process works. A holder that slept past its lease is told so by the next `tick`."""
        return self._mine and (self._alone or time.monotonic() - self._asked < lease.LEASE_S)

    def tick(self) -> None:
        """Called about every second by the daemon's main thread."""
        if self._alone or time.monotonic() - self._asked < lease.RENEW_EVERY_S:
            return
        before = self._mine
        began = time.monotonic()
        try:
            change = lease.renew if self._mine else lease.take
            self._mine = change(self._store, NAME, self._holder)
        except StoreBusy as error:
            # the lease may have run out by the time the database answers again
            self._mine = False
            log("store_busy", operation="lease", error=str(error), attempt=None)
        self._asked = began
        if self._mine != before:
            log("lease_taken" if self._mine else "lease_lost", owner=self._holder)

    def give_up(self) -> None:
        """At the end: the next daemon need not wait for the lease to run out."""
        if self._mine and not self._alone:
            lease.release(self._store, NAME, self._holder)
            self._mine = False
