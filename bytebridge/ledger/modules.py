"""Modules that customers bought, with the end of their support year, and the tickets whose price hangs on it.

A module is its account's: that of the purchase, else the owner of its address; where nobody owns it, the address's.
"""

from collections.abc import Collection, Container, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, or_, select, update

from bytebridge.domain.accounts import normalise
from bytebridge.domain.model import Instant, Kind, Source, Ticket
from bytebridge.domain.rules import Rules
from bytebridge.domain.settlement import Outcome
from bytebridge.domain.tariff import kind_of
from bytebridge.domain.tickets import DONE
from bytebridge.ledger import codec, many
from bytebridge.ledger.many import batches
from bytebridge.ledger.schema import accounts, addresses, documents, modules

Holder = int | str
Purchase = tuple[str, str, int | None, str, int]
"""A row: document, reference, account, address, end of support."""
COLUMNS = ("document", "reference", "account", "email", "ends")


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


def follow(
    connection: Connection, outcomes: Sequence[Outcome], already: Container[str], rules: Rules, now: Instant
) -> None:
    """Keeps the modules that these documents bought; tickets that hang on what changed are looked at again.

    already: keys of documents seen before.
    """
    before: set[Purchase] = set()
    for some in batches(outcome.key for outcome in outcomes if outcome.key in already):
        rows = connection.execute(select(modules).where(modules.c.document.in_(some)))
        before |= {(row.document, row.reference, row.account, row.email, row.ends) for row in rows}
    after = {purchase for outcome in outcomes if outcome.worth.modules for purchase in _purchases(outcome)}
    changed = before ^ after
    if not changed:
        return
    touched = {purchase[0] for purchase in changed}
    for some in batches(sorted({purchase[0] for purchase in before} & touched)):
        connection.execute(delete(modules).where(modules.c.document.in_(some)))
    many.add(connection, modules, COLUMNS, [purchase for purchase in after if purchase[0] in touched])
    _look_again(connection, changed, rules, now)


def _purchases(outcome: Outcome) -> list[Purchase]:
    email = (normalise(outcome.worth.emails[0]) or "") if outcome.worth.emails else ""
    return [
        (outcome.key, codec.fit(reference, 90), outcome.account, email, ends)
        for reference, ends in dict(outcome.worth.modules).items()
    ]


def _look_again(connection: Connection, changed: Collection[Purchase], rules: Rules, now: Instant) -> None:
    """Resolved tickets of module support of these buyers are read anew at the desk's next pass."""
    tickets = documents.c.source == Source.HELPDESK.value
    if connection.execute(select(documents.c.key).where(tickets).limit(1)).first() is None:
        return
    emails = sorted({purchase[3] for purchase in changed if purchase[3]})
    holders = {purchase[2] for purchase in changed if purchase[2] is not None}
    owners = select(addresses.c.account).where(addresses.c.email.in_(emails))
    roots = select(accounts.c.root).where(or_(accounts.c.id.in_(holders), accounts.c.id.in_(owners)))
    family = list(connection.execute(select(accounts.c.id).where(accounts.c.root.in_(roots))).scalars())
    owned = connection.execute(select(addresses.c.email).where(addresses.c.account.in_(family))).scalars()
    theirs = or_(documents.c.account.in_(family), documents.c.email.in_(sorted({*owned, *emails})))
    rows = connection.execute(select(documents.c.key, documents.c.state).where(tickets, theirs))
    for some in batches([key for key, state in rows if _hangs(state, rules)]):
        connection.execute(update(documents).where(documents.c.key.in_(some)).values(recheck=now))


def _hangs(state: str, rules: Rules) -> bool:
    ticket = codec.document(Source.HELPDESK, state)
    return isinstance(ticket, Ticket) and ticket.state in DONE and kind_of(ticket, rules) == Kind.MODULE
