"""Modules that customers bought, with the end of their support year.

A module is its account's: that of the purchase, else the owner of its address; where nobody owns it, the address's.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from bytebridge.domain.model import Instant
from bytebridge.ledger.schema import accounts, addresses, modules

Holder = int | str


@dataclass(frozen=True, slots=True)
class Bought:
    """holder: the root account, or the address of a buyer without one."""

    holder: Holder
    document: str
    reference: str
    email: str
    ends: Instant


def ending(connection: Connection, after: int, before: int) -> list[Bought]:
    """Support years that end in this span, the latest of each holder only: a newer purchase goes on."""
    rows = connection.execute(select(modules).where(modules.c.ends > after).order_by(modules.c.ends)).all()
    latest = {
        holder: Bought(holder, row.document, row.reference, row.email, Instant(row.ends))
        for holder, row in zip(_holders(connection, rows), rows, strict=True)
        if holder
    }
    return [one for one in latest.values() if one.ends <= before]


def ends_of(connection: Connection, holders: Collection[Holder]) -> dict[Holder, Instant]:
    """When the support of each ends or ended; absent who bought no listed module."""
    family = select(accounts.c.id).where(accounts.c.root.in_([one for one in holders if isinstance(one, int)]))
    owned = select(addresses.c.email).where(addresses.c.account.in_(family))
    alone = [one for one in holders if isinstance(one, str)]
    theirs = or_(modules.c.account.in_(family), modules.c.email.in_(owned), modules.c.email.in_(alone))
    rows = connection.execute(select(modules).where(theirs).order_by(modules.c.ends)).all()
    found = zip(_holders(connection, rows), rows, strict=True)
    return {holder: Instant(row.ends) for holder, row in found if holder in holders}


def _holders(connection: Connection, rows: Sequence[Row[Any]]) -> list[Holder]:
    emails = sorted({row.email for row in rows if row.account is None})
    history = select(addresses.c.email, addresses.c.account).where(addresses.c.email.in_(emails))
    last = {row.email: row.account for row in connection.execute(history.order_by(addresses.c.since, addresses.c.id))}
    numbers = [row.account if row.account is not None else last.get(row.email) for row in rows]
    known = select(accounts.c.id, accounts.c.root).where(accounts.c.id.in_({one for one in numbers if one is not None}))
    roots = {row.id: row.root for row in connection.execute(known)}
    return [row.email if number is None else roots[number] for number, row in zip(numbers, rows, strict=True)]
