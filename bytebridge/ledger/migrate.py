"""Creating and upgrading the store, and the identity by which a replaced or emptied one is noticed."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy
from sqlalchemy import Connection, insert, select

from bytebridge.errors import StoreBroken
from bytebridge.ledger import schema
from bytebridge.ledger.engine import Store

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"
SIDE_FILE = "store-identity"


def revision(store: Store) -> str | None:
    """Schema revision of the store; None when it has no tables yet."""
    with store.read() as connection:
        inspector = sqlalchemy.inspect(connection)
        if not inspector.has_table("alembic_version"):
            return None
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return str(found) if found else None


def check_usable(store: Store) -> None:
    """StoreBroken unless the store has exactly this program's schema; for commands that only read."""
    found = revision(store)
    if found is None:
        raise StoreBroken(f"there is no store at {store.url.render_as_string()}: run `bytebridge db upgrade` first")
    if found != HEAD:
        newer = found > HEAD
        cure = "install the newer bytebridge again" if newer else "run `bytebridge db upgrade`"
        raise StoreBroken(f"the store's schema is {found}, this program's is {HEAD}: {cure}")


def upgrade(store: Store, now: int, side_directory: Path | None) -> bool:
    """Creates or upgrades the store; True when it did something. A newer schema is StoreBroken.

    side_directory: where the identity of a store known to have existed is remembered; an empty database in
    its place is StoreBroken, never a new firm.
    """
    found = revision(store)
    _refuse_replaced(store, found, side_directory)
    if found is not None and found > HEAD:
        raise StoreBroken(f"the store's schema is {found}, newer than {HEAD}: install the newer bytebridge again")
    changed = found != HEAD
    if changed:
        from alembic import command  # noqa: PLC0415  (slow to import; a store is upgraded once)

        with _lone(store) as connection:
            command.upgrade(_config(connection), "head")
            _identify(connection, now)
    _remember(store, side_directory)
    return changed


def _config(connection: Connection) -> "Config":
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(resources.files("bytebridge.ledger") / "migrations"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _lone(store: Store) -> Iterator[Connection]:
    """A write transaction that shuts out a second upgrade, on databases whose DDL may commit by itself."""
    with store._meaning(), store.engine.connect().execution_options(writes=True) as connection:  # noqa: SLF001
        if store.dialect == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(20170414)")
        elif store.dialect in ("mysql", "mariadb"):
            connection.exec_driver_sql("SELECT GET_LOCK('bytebridge_upgrade', 60)")
            connection.commit()
        yield connection
        connection.commit()
        if store.dialect in ("mysql", "mariadb"):
            connection.exec_driver_sql("SELECT RELEASE_LOCK('bytebridge_upgrade')")


def _identify(connection: Connection, now: int) -> None:
    known = {row.name for row in connection.execute(select(schema.meta.c.name))}
    wanted = {"store": uuid.uuid4().hex, "created_at": str(now), "writer": "", "held": ""}
    rows = [{"name": name, "value": value} for name, value in wanted.items() if name not in known]
    if rows:
        connection.execute(insert(schema.meta), rows)


def identity(store: Store) -> str | None:
    with store.read() as connection:
        if not sqlalchemy.inspect(connection).has_table("meta"):
            return None
        return connection.execute(select(schema.meta.c.value).where(schema.meta.c.name == "store")).scalar()


def _refuse_replaced(store: Store, found: str | None, side_directory: Path | None) -> None:
    path = side_directory / SIDE_FILE if side_directory else None
    if path is None or not path.exists():
        return
    remembered = path.read_text(encoding="utf-8").split()
    present = identity(store) if found is not None else None
    if remembered and present != remembered[0]:
        state = "is empty or gone" if present is None else "is another one"
        raise StoreBroken(
            f"the store at {store.url.render_as_string()} {state}, but {path} remembers {remembered[0][:8]}: "
            f"restore a backup (`bytebridge db restore`), or delete that file to start anew"
        )


def _remember(store: Store, side_directory: Path | None) -> None:
    if side_directory is None:
        return
    path = side_directory / SIDE_FILE
    present = identity(store)
    if present and not path.exists():
        side_directory.mkdir(parents=True, exist_ok=True)
        path.write_text(present + "\n", encoding="utf-8")
