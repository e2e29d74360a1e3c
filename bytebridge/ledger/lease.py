"""Which of several daemons works: a lease that its holder renews, by the database's own clock.

The holder calls `renew` every `RENEW_EVERY_S`, the others `take`: after a death somebody else works within
`LEASE_S + RENEW_EVERY_S`, which is below 30 s. A holder that slept learns from `renew` that it lost the lease.
"""

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, cast, insert, or_, select, text, update
from sqlalchemy.exc import IntegrityError

from bytebridge.domain.model import Instant
from bytebridge.ledger.engine import Store
from bytebridge.ledger.schema import leases

LEASE_S = 20
RENEW_EVERY_S = 5


def _clock(store: Store) -> ColumnElement[int]:
    """Seconds since 1970 as the database counts them: the daemons' own clocks may differ."""
    words = {
        "postgresql": "CAST(FLOOR(EXTRACT(EPOCH FROM clock_timestamp())) AS BIGINT)",
        "mysql": "UNIX_TIMESTAMP()",
        "sqlite": "CAST(strftime('%s', 'now') AS INTEGER)",
    }
    return cast(text(words[store.dialect]), BigInteger)


def take(store: Store, name: str, holder: str, seconds: int = LEASE_S) -> bool:
    """Takes the lease if it is free, run out or already ours; False while another holds it.

    holder: unique to the process, such as host, pid and a random part.
    """
    now = _clock(store)

    def work(connection: Connection) -> bool:
        done = connection.execute(
            update(leases)
            .where(leases.c.name == name, or_(leases.c.until <= now, leases.c.holder == holder))
            .values(holder=holder, until=now + seconds)
        )
        if done.rowcount == 1:
            return True
        if connection.execute(select(leases.c.name).where(leases.c.name == name)).scalar() is not None:
            return False
        connection.execute(insert(leases).values(name=name, holder=holder, until=now + seconds))
        return True

    try:
        return store.transact(work, in_turn=False)
    except IntegrityError:  # two daemons met at the very first lease: the other one has it
        return False


def renew(store: Store, name: str, holder: str, seconds: int = LEASE_S) -> bool:
    """Holds it for longer; False when it ran out or went to another: stop working, then `take` again."""
    now = _clock(store)
    mine = and_(leases.c.name == name, leases.c.holder == holder, leases.c.until > now)
    statement = update(leases).where(mine).values(until=now + seconds)
    return store.transact(lambda connection: connection.execute(statement).rowcount == 1, in_turn=False)


def release(store: Store, name: str, holder: str) -> None:
    """Gives it up at once; nothing happens when it is another's."""
    mine = and_(leases.c.name == name, leases.c.holder == holder)
    store.transact(lambda connection: connection.execute(update(leases).where(mine).values(until=0)), in_turn=False)


def holder_of(connection: Connection, name: str) -> tuple[str, Instant] | None:
    """Who holds it and until when, run out or not; None when nobody ever did."""
    row = connection.execute(select(leases.c.holder, leases.c.until).where(leases.c.name == name)).one_or_none()
    return (row.holder, Instant(row.until)) if row is not None else None
