"""An account as it stood at a time: what was one with it then, which entries were its own, its figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, select

from bytebridge.domain.accounts import owner
from bytebridge.domain.entry import Entry
from bytebridge.domain.model import Credits, Instant
from bytebridge.errors import NotFound
from bytebridge.ledger import accounts, entries
from bytebridge.ledger.accounts import Summary
from bytebridge.ledger.many import batches
from bytebridge.ledger.schema import accounts as table
from bytebridge.ledger.schema import addresses, documents, merges

OPENING = "opening:"


@dataclass(frozen=True, slots=True)
class Standing:
    """members: the root account and all that were one with it at that time."""

    at: Instant
    root: int
    members: tuple[int, ...]


def standing(connection: Connection, email: str, at: Instant) -> Standing:
    """The account that owned the address at that time, merged as it was then; NotFound as `accounts.get`."""
    number = accounts.owner_of(connection, email, at)
    if number is None:
        raise NotFound(f"no account for {email}")
    changes = _changes(connection)
    root = _roots(changes, at)
    top = root(number)
    return Standing(at, top, tuple(sorted({top, *(row.account for row in changes if root(row.account) == top)})))


def history(connection: Connection, found: Standing, known_before: Instant | None = None) -> list[Entry]:
    """The entries that were the account's own, by when they happened, then id, also those that came later.

    What was booked after that time on an account only because another had been merged into it is the other's.
    """
    changes = _changes(connection)
    kin = _kin(changes, found.members)
    known_at = Instant(known_before - 1) if known_before is not None else None
    rows = entries.of_members(connection, kin, known_at)
    late = [entry for entry in rows if entry.recorded > found.at] if len(kin) > 1 else []
    homes = _homes(connection, late)

    def account_of(entry: Entry) -> int:
        home = homes.get(entry.id)
        through = home is not None and _roots(changes, entry.recorded)(home) == entry.account
        return home if home is not None and through else entry.account

    return [entry for entry in rows if account_of(entry) in found.members]


def _changes(connection: Connection) -> Sequence[Row[Any]]:
    return connection.execute(select(merges).order_by(merges.c.id)).all()


def _roots(changes: Sequence[Row[Any]], at: Instant) -> Callable[[int], int]:
    """The root of each account at that time."""
    parents: dict[int, int] = {}
    for row in changes:
        if row.at <= at:
            parents[row.account] = row.parent if row.parent is not None else row.account

    def root(account: int) -> int:
        while parents.get(account, account) != account:
            account = parents[account]
        return account

    return root


def _kin(changes: Sequence[Row[Any]], members: Sequence[int]) -> list[int]:
    """These accounts and all that were ever merged with one of them."""
    pairs = [{row.account, row.parent} for row in changes if row.parent is not None]
    kin = set(members)
    while more := {one for pair in pairs if pair & kin for one in pair - kin}:
        kin |= more
    return sorted(kin)


def _homes(connection: Connection, late: Sequence[Entry]) -> dict[int, int | None]:
    """By entry's id the account whose address its document or opening came with."""
    came: dict[str, tuple[str, Instant]] = {}
    keys = sorted({entry.document for entry in late})
    for some in batches(keys):
        rows = connection.execute(
            select(documents.c.key, documents.c.email, documents.c.dated).where(documents.c.key.in_(some))
        )
        came |= {key: (email, Instant(dated)) for key, email, dated in rows}
    for entry in late:
        if entry.document.startswith(OPENING):
            came[entry.document] = entry.document.removeprefix(OPENING), entry.recorded
    owners = {
        email: [(Instant(since), account) for since, account in accounts.history_of(connection, email)]
        for email in {email for email, _ in came.values()}
    }
    return {entry.id: owner(owners, *came[entry.document]) for entry in late if entry.document in came}


def summary(
    connection: Connection, email: str, before: Instant | None, known_before: Instant | None, now: Instant
) -> Summary:
    """An account's figures by what happened before one time and was recorded before another; None: up to now.

    Accounts merged later are not part of it.
    """
    if before is None and known_before is None:
        return accounts.summaries(connection, [accounts.get(connection, email, now)])[0]
    found = standing(connection, email, Instant(min(t - 1 for t in (before, known_before, now + 1) if t is not None)))
    own = [one for one in history(connection, found, known_before) if before is None or one.happened < before]
    bought = [one.credits for one in own if one.document.startswith(("shop:", "erp:"))]
    worked = [one.credits for one in own if one.document.startswith("helpdesk:")]
    return replace(
        as_it_stood(connection, found),
        balance=Credits(sum(one.credits for one in own)),
        granted=Credits(sum(bought)),
        debited=Credits(-sum(worked)),
        last_entry_at=own[-1].happened if own else None,
    )


def as_it_stood(connection: Connection, found: Standing) -> Summary:
    """Name, language and own threshold as they are now, the addresses of that time; no figures."""
    row = connection.execute(select(table).where(table.c.id == found.root)).one()
    emails = []
    for email in accounts.addresses_ever(connection, found.members):
        rows = connection.execute(
            select(addresses).where(addresses.c.email == email).order_by(addresses.c.since, addresses.c.id)
        ).all()
        number = owner({email: [(Instant(one.since), one.account) for one in rows]}, email, found.at)
        if number in found.members:
            given = next(one for one in rows if one.account == number)
            emails.append((number != found.root, given.since, given.id, email))
    return Summary(
        row.id,
        tuple(email for *_, email in sorted(emails)),
        row.name,
        row.language,
        Credits(row.threshold) if row.threshold is not None else None,
        Credits(0),
        Credits(0),
        Credits(0),
        None,
        row.muted,
    )
