"""Opens the store as the settings name it: to write, to read, or for a rehearsal."""

import time
from pathlib import Path

from bytebridge.domain.model import Instant
from bytebridge.errors import StoreBroken, StoreMissing
from bytebridge.ledger import codec, migrate
from bytebridge.ledger.engine import Store
from bytebridge.logs import log
from bytebridge.settings import Settings, state_directory, store_url


def clock() -> Instant:
    return Instant(int(time.time()))


def open_store(settings: Settings, *, write: bool) -> Store:
    """The store, created or upgraded when it is to be written; StoreBroken says what to do."""
    url = store_url(settings)
    store = Store(url, read_only=not write, sleep=time.sleep)
    if not write:
        migrate.check_usable(store, side_directory(store))
        return store
    side = side_directory(store)
    try:
        side.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreBroken(f"{side}: cannot be made ({error.strerror}): create it or set store.url") from error
    if migrate.upgrade(store, clock(), side):
        log("store_upgraded", after=migrate.HEAD, store=store.url.render_as_string())
    return store


def side_directory(store: Store) -> Path:
    """Where a store's identity is remembered: beside its file, or under the state directory for one on a server."""
    if store.path is not None:
        return store.path.parent
    return state_directory() / f"server-{codec.digest(store.url.render_as_string())}"


def open_for_dry_run(settings: Settings) -> Store:
    """A store that cannot be written: where there never was one, an empty ledger in memory."""
    store = Store(store_url(settings), read_only=True, sleep=time.sleep)
    try:
        migrate.check_usable(store, side_directory(store))
    except StoreMissing:
        if not migrate.is_missing(store):
            raise
        store = Store("sqlite://")
        migrate.upgrade(store, clock(), None)
    return store
