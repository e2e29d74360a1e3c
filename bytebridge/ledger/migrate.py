"""Creating and upgrading the store, and the identity by which a replaced or emptied one is noticed."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy
from sqlalchemy import Connection, insert, select

from bytebridge.errors import StoreBroken, StoreBusy, StoreMissing
from bytebridge.ledger import schema
from bytebridge.ledger.engine import Store

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"
SIDE_FILE = "store-identity"
LOCK_S = 60  # how long an upgrade waits for another one


def revision(store: Store) -> str | None:
    """Schema revision of the store; None when it has no tables yet."""
    with store.read() as connection:
        inspector = sqlalchemy.inspect(connection)
        if not inspector.has_table("alembic_version"):
            return None
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return str(found) if found else None


def check_usable(store: Store, side_directory: Path | None = None) -> None:
    """StoreBroken unless the store has exactly this program's schema; for commands that only read.

    StoreMissing when there never was one, as far as side_directory remembers.
    """
    found = None if is_missing(store) else revision(store)
    if found is None:
        _refuse_replaced(store, None, side_directory)
        raise StoreMissing(f"there is no store at {_named(store)}: run `bytebridge db upgrade` first")
    _refuse_unknown(store, found)
    if found != HEAD:
        raise StoreBroken(f"the store's schema is {found}, this program's is {HEAD}: run `bytebridge db upgrade`")


def is_missing(store: Store) -> bool:
    return store.path is not None and not store.path.exists()


def upgrade(store: Store, now: int, side_directory: Path | None) -> bool:
    """Creates or upgrades the store; True when it did something. A newer schema is StoreBroken.

    side_directory: where the identity of a store known to have existed is remembered; an empty database in
    its place is StoreBroken, never a new firm.
    """
    if is_missing(store):
        _refuse_replaced(store, None, side_directory)  # before the mere look makes an empty file
    found = revision(store)
    _refuse_replaced(store, identity(store), side_directory)
    if found is not None:
        _refuse_unknown(store, found)
    changed = found != HEAD
    if changed:
        from alembic import command  # noqa: PLC0415  (slow to import; a store is upgraded once)

        with _lone(store) as connection:
            command.upgrade(_config(connection), "head")
            _identify(connection, now)
    _remember(store, side_directory)
    return changed


def identity(store: Store) -> str | None:
    """What tells this store from any other, also from one made anew in its place; None before it is made."""
    with store.read() as connection:
        if not sqlalchemy.inspect(connection).has_table("meta"):
            return None
        return connection.execute(select(schema.meta.c.value).where(schema.meta.c.name == "store")).scalar()


def remembered(side_directory: Path) -> str | None:
    """Identity of the store that is known to have existed; "" when its file was emptied, None without one."""
    path = side_directory / SIDE_FILE
    return path.read_text(encoding="utf-8").strip() if path.exists() else None


def _named(store: Store) -> str:
    return store.url.render_as_string(hide_password=True)


def _refuse_unknown(store: Store, found: str) -> None:
    if not found.isdecimal():
        raise StoreBroken(f"{_named(store)} belongs to another program (schema {found}): set store.url")
    if int(found) > int(HEAD):
        raise StoreBroken(
            f"the store's schema is {found}, newer than this program's {HEAD}: install the newer bytebridge again"
        )


def _config(connection: Connection) -> "Config":
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(resources.files("bytebridge.ledger") / "migrations"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _lone(store: Store) -> Iterator[Connection]:
    """A write transaction that shuts out a second upgrade, on databases whose DDL may commit by itself."""
    with store.meaning(), store.engine.connect().execution_options(writes=True) as connection:
        if store.dialect == "postgresql":
            # waits by itself, longer than a statement may
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_S}s'")
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(20170414)")
        if store.dialect != "mysql":
            yield connection
            connection.commit()
            return
        # the database's name keeps two stores on one server apart
        lock = "CONCAT('bytebridge_upgrade_', LEFT(MD5(DATABASE()), 16))"
        if connection.exec_driver_sql(f"SELECT GET_LOCK({lock}, {LOCK_S})").scalar() != 1:
            raise StoreBusy("another bytebridge is upgrading the store: try again")
        try:
            connection.commit()
            yield connection
            connection.commit()
        finally:
            connection.rollback()
            connection.exec_driver_sql(f"SELECT RELEASE_LOCK({lock})")


def _identify(connection: Connection, now: int) -> None:
    known = {row.name for row in connection.execute(select(schema.meta.c.name))}
    wanted = {"store": uuid.uuid4().hex, "created_at": str(now), "writer": "", "held": "", "last_entry": ""}
    rows = [{"name": name, "value": value} for name, value in wanted.items() if name not in known]
    if rows:
        connection.execute(insert(schema.meta), rows)


def _refuse_replaced(store: Store, present: str | None, side_directory: Path | None) -> None:
    expected = remembered(side_directory) if side_directory else None
    if expected is None or expected == present or (present is not None and not expected):
        return
    state = "is empty or gone" if present is None else "is another one"
    raise StoreBroken(
        f"the store at {_named(store)} {state}, but {side_directory}/{SIDE_FILE} remembers {expected[:8] or 'one'}: "
        f"restore a backup (`bytebridge db restore`), or delete that file to start anew"
    )


def _remember(store: Store, side_directory: Path | None) -> None:
    present = identity(store)
    if side_directory is None or present is None or remembered(side_directory):
        return
    side_directory.mkdir(parents=True, exist_ok=True)
    fresh = side_directory / f".{SIDE_FILE}.new"
    with fresh.open("w", encoding="utf-8") as file:
        file.write(present + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(side_directory / SIDE_FILE)
