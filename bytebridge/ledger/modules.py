"""Modules that customers bought, with the end of their support year."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from bytebridge.domain.model import Instant
from bytebridge.ledger import accounts
from bytebridge.ledger.schema import modules


@dataclass(frozen=True, slots=True)
class Bought:
    account: int
    document: str
    reference: str
    email: str
    ends: Instant


def ending(connection: Connection, after: int, before: int) -> list[Bought]:
    """Support years that end in this span, the latest of each account only: a newer purchase goes on."""
    latest: dict[int, Bought] = {}
    rows = connection.execute(select(modules).where(modules.c.ends > after).order_by(modules.c.ends))
    for row in rows:
        account = accounts.find(connection, row.email, Instant(after))
        if account is not None:
            latest[account] = Bought(account, row.document, row.reference, row.email, Instant(row.ends))
    return [one for one in latest.values() if one.ends <= before]


def end_of(connection: Connection, root: int, now: Instant) -> Instant | None:
    """When the account's support year ends; None when none is running."""
    mine = accounts.emails_of(connection, [root]).get(root, ())
    running = select(func.max(modules.c.ends)).where(modules.c.email.in_(mine), modules.c.ends > now)
    ends = connection.execute(running).scalar()
    return Instant(ends) if ends is not None else None
