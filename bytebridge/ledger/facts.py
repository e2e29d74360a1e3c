"""The store's own few facts: identity, creation, whether letters are held, the brake."""

from sqlalchemy import Connection, bindparam, insert, select, update

from bytebridge.domain.model import Instant
from bytebridge.ledger.schema import meta

VALUE = select(meta.c.value).where(meta.c.name == bindparam("which"))
CHANGE = update(meta).where(meta.c.name == bindparam("which"))


def get(connection: Connection, name: str) -> str:
    """The fact's text, empty when it was never set."""
    return connection.execute(VALUE, {"which": name}).scalar() or ""


def put(connection: Connection, name: str, value: str) -> None:
    """Sets the fact. The caller's transaction has the writers' turn, so nobody inserts it meanwhile."""
    done = connection.execute(CHANGE, {"which": name, "value": value[:200]})
    if done.rowcount == 0:
        connection.execute(insert(meta).values(name=name, value=value[:200]))


def created_at(connection: Connection) -> Instant:
    return Instant(int(get(connection, "created_at")))
