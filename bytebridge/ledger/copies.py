"""What is still to be written to the ERP: one row an entry, settled an account at a time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from bytebridge.domain.entry import Entry
from bytebridge.domain.model import Instant
from bytebridge.ledger import codec
from bytebridge.ledger.accounts import roots_of
from bytebridge.ledger.many import batches
from bytebridge.ledger.schema import write_backs

ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Copy:
    """event: the operation gets an agenda event too; else only the balance is brought up to date."""

    entry: int
    account: int
    event: bool
    attempts: int


def queue(connection: Connection, added: Sequence[tuple[Entry, bool]], now: Instant) -> None:
    """added: entries, each with whether it gets an event."""
    rows = [
        {"entry": entry.id, "account": entry.account, "event": int(event), "state": "pending", "due": now}
        for entry, event in added
    ]
    if rows:
        connection.execute(insert(write_backs), rows)


def due(connection: Connection, now: Instant, limit: int) -> dict[int, list[Copy]]:
    """By root account, at most `limit` accounts, those waiting longest first."""
    rows = connection.execute(
        select(write_backs)
        .where(write_backs.c.state == "pending", write_backs.c.due <= now)
        .order_by(write_backs.c.entry)
        .limit(ROWS)
    ).all()
    roots = roots_of(connection, {row.account for row in rows})
    found: dict[int, list[Copy]] = defaultdict(list)
    for row in rows:
        root = roots.get(row.account, row.account)
        if root in found or len(found) < limit:
            found[root].append(Copy(row.entry, row.account, bool(row.event), row.attempts))
    return found


def settle(connection: Connection, copies: Sequence[Copy], state: str, why: str) -> None:
    for some in batches(copy.entry for copy in copies):
        connection.execute(
            update(write_backs).where(write_backs.c.entry.in_(some)).values(state=state, why=codec.fit(why, 250))
        )


def later(connection: Connection, copies: Sequence[Copy], attempts: int, due_at: Instant, why: str) -> None:
    values = {"attempts": attempts, "due": due_at, "why": codec.fit(why, 250)}
    for some in batches(copy.entry for copy in copies):
        connection.execute(update(write_backs).where(write_backs.c.entry.in_(some)).values(values))


def retry_parked(connection: Connection, now: Instant) -> None:
    """What was declined for good gets another turn: people mend records."""
    parked = update(write_backs).where(write_backs.c.state == "parked")
    connection.execute(parked.values(state="pending", attempts=0, due=now))


def count(connection: Connection) -> dict[str, int]:
    rows = connection.execute(select(write_backs.c.state, func.count()).group_by(write_backs.c.state))
    return {row[0]: row[1] for row in rows}
