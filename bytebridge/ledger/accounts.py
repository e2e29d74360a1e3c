"""Accounts and their addresses: opening, finding, merging, splitting. History is kept, nothing is deleted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, case, func, insert, or_, select, update

from bytebridge.domain.accounts import normalise, owner
from bytebridge.domain.model import Credits, Instant
from bytebridge.errors import NotFound
from bytebridge.ledger import codec, many
from bytebridge.ledger.chains import heads
from bytebridge.ledger.many import batches
from bytebridge.ledger.schema import accounts, addresses, entries, merges

if TYPE_CHECKING:
    from bytebridge.domain.view import View  # who asks for a balance needs nothing of it


@dataclass(frozen=True, slots=True)
class Summary:
    """An account's figures. granted: net of shop and ERP entries; debited: minus the net of help-desk entries."""

    id: int
    emails: tuple[str, ...]
    name: str
    language: str | None
    threshold: Credits | None
    balance: Credits
    granted: Credits
    debited: Credits
    last_entry_at: Instant | None
    muted: str = ""


def open_new(connection: Connection, view: "View") -> None:
    """Stores the accounts and addresses that a page opened."""
    fresh = [
        (
            account.id,
            account.id,
            account.id,
            codec.fit(account.name, 250),
            codec.fit(account.language, 10) if account.language else None,
            view.now,
        )
        for account in view.accounts.values()
        if account.new
    ]
    many.add(connection, accounts, ("id", "root", "parent", "name", "language", "created_at"), fresh)
    rows = [(email, account, since, view.now, "") for email, account, since in view.added]
    many.add(connection, addresses, ("email", "account", "since", "recorded_at", "by"), rows)


def owner_of(connection: Connection, email: str, at: Instant) -> int | None:
    """The account that owns this address at that time, itself, whatever it was merged into."""
    plain = normalise(email)
    if plain is None:
        return None
    history = [(Instant(since), account) for since, account in history_of(connection, plain)]
    return owner({plain: history}, plain, at)


def find(connection: Connection, email: str, at: Instant) -> int | None:
    """Root account that owns this address at that time."""
    found = owner_of(connection, email, at)
    if found is None:
        return None
    return connection.execute(select(accounts.c.root).where(accounts.c.id == found)).scalar()


def get(connection: Connection, email: str, at: Instant) -> int:
    """As `find`; NotFound with the sentence the user sees."""
    found = find(connection, email, at)
    if found is None:
        raise NotFound(f"no account for {email}")
    return found


def emails_of(connection: Connection, roots: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Addresses still owned, by root account, oldest first, the kept account's own before the others'."""
    found: dict[int, list[str]] = {root: [] for root in roots}
    for some in batches(roots):
        members = select(accounts.c.id).where(accounts.c.root.in_(some))
        mine = select(addresses.c.email).where(addresses.c.account.in_(members))
        rows = connection.execute(
            select(addresses.c.email, addresses.c.account, addresses.c.since, addresses.c.id)
            .where(addresses.c.email.in_(mine))
            .order_by(addresses.c.since, addresses.c.id)
        ).all()
        root_of = {
            row.id: row.root
            for row in connection.execute(select(accounts.c.id, accounts.c.root).where(accounts.c.root.in_(some)))
        }
        last = {row.email: row for row in rows}
        kept = [row for row in last.values() if row.account in root_of]
        kept.sort(key=lambda row: (row.account != root_of[row.account], row.since, row.id))
        for row in kept:
            found[root_of[row.account]].append(row.email)
    return {root: tuple(emails) for root, emails in found.items()}


def summaries(connection: Connection, roots: Sequence[int] | None = None) -> list[Summary]:
    """Figures of these root accounts, or of all, by number."""
    question = select(accounts).where(accounts.c.id == accounts.c.root).order_by(accounts.c.id)
    if roots is not None:
        question = question.where(accounts.c.id.in_(roots))
    rows = connection.execute(question).all()
    wanted = [row.id for row in rows]
    bought = or_(entries.c.document.like("shop:%"), entries.c.document.like("erp:%"))
    worked = entries.c.document.like("helpdesk:%")
    total = (
        select(
            accounts.c.root,
            func.sum(entries.c.credits),
            func.sum(case((bought, entries.c.credits), else_=0)),
            func.sum(case((worked, entries.c.credits), else_=0)),
            func.max(entries.c.happened),
        )
        .join(accounts, accounts.c.id == entries.c.account)
        .group_by(accounts.c.root)
    )
    if roots is not None:
        total = total.where(accounts.c.root.in_(roots))
    figures = {root: tuple(sums) for root, *sums in connection.execute(total)}
    nothing = (0, 0, 0, None)
    emails = emails_of(connection, wanted)
    found = []
    for row in rows:
        balance, granted, charged, last = figures.get(row.id, nothing)
        found.append(
            Summary(
                row.id,
                emails[row.id],
                row.name,
                row.language,
                Credits(row.threshold) if row.threshold is not None else None,
                Credits(int(balance)),
                Credits(int(granted)),
                Credits(-int(charged)),
                Instant(last) if last is not None else None,
                row.muted,
            )
        )
    return found


def set_values(
    connection: Connection,
    root: int,
    *,
    language: str | None,
    threshold: int | None,
    name: str | None,
    muted: tuple[str, ...] | None = None,
) -> None:
    """Changes what is given; a negative threshold is the firm's again. muted: kinds of letters not wanted."""
    values: dict[str, object] = {}
    if language is not None:
        values["language"] = language
    if threshold is not None:
        values["threshold"] = threshold if threshold >= 0 else None
    if name is not None:
        values["name"] = codec.fit(name, 250)
    if muted is not None:
        values["muted"] = ",".join(muted)
    if values:
        connection.execute(update(accounts).where(accounts.c.id == root).values(values))


def give_address(
    connection: Connection, email: str, account: int | None, since: Instant, now: Instant, by: str
) -> None:
    """From `since` on the address belongs to this account (None: to nobody); what was before stays."""
    connection.execute(
        insert(addresses).values(email=email, account=account, since=since, recorded_at=now, by=codec.fit(by, 100))
    )


def history_of(connection: Connection, email: str) -> list[tuple[int, int | None]]:
    rows = connection.execute(
        select(addresses.c.since, addresses.c.account)
        .where(addresses.c.email == email)
        .order_by(addresses.c.since, addresses.c.id)
    ).all()
    return [(row.since, row.account) for row in rows]


def addresses_ever(connection: Connection, members: Sequence[int]) -> set[str]:
    """Addresses that any of these accounts owned at some time."""
    found: set[str] = set()
    for some in batches(members):
        found |= set(connection.execute(select(addresses.c.email).where(addresses.c.account.in_(some))).scalars())
    return found


def merge(connection: Connection, keep: int, other: int, now: Instant, by: str) -> None:
    """`other` and all that was merged into it follow `keep`."""
    _remember(connection, other, keep, now, by)
    connection.execute(update(accounts).where(accounts.c.id == other).values(parent=keep))
    connection.execute(update(accounts).where(accounts.c.root == other).values(root=keep))


def _remember(connection: Connection, account: int, parent: int | None, now: Instant, by: str) -> None:
    connection.execute(insert(merges).values(account=account, parent=parent, at=now, by=codec.fit(by, 100)))


def separate(connection: Connection, other: int, now: Instant, by: str) -> None:
    """`other` stands for itself again, with all that had been merged into it before."""
    _remember(connection, other, None, now, by)
    connection.execute(update(accounts).where(accounts.c.id == other).values(parent=other, root=other))
    parents = [other]
    while parents:
        children = select(accounts.c.id).where(accounts.c.parent.in_(parents), accounts.c.id.not_in([*parents, other]))
        parents = list(connection.execute(children).scalars())
        if parents:
            connection.execute(update(accounts).where(accounts.c.id.in_(parents)).values(root=other))


def roots_of(connection: Connection, ids: set[int]) -> dict[int, int]:
    """Root account of each account."""
    found: dict[int, int] = {}
    for some in batches(sorted(ids)):
        rows = connection.execute(select(accounts.c.id, accounts.c.root).where(accounts.c.id.in_(some)))
        found |= {row.id: row.root for row in rows}
    return found


def balances(connection: Connection, roots: set[int]) -> dict[int, Credits]:
    """Balance of each of these root accounts: the sum over its family's last entries."""
    found: dict[int, Credits] = {}
    for some in batches(sorted(roots)):
        family = connection.execute(select(accounts.c.id, accounts.c.root).where(accounts.c.root.in_(some)))
        root_of = {row.id: row.root for row in family}
        for account, (_, balance, _) in heads(connection, list(root_of)).items():
            root = root_of[account]
            found[root] = Credits(found.get(root, 0) + balance)
    return found


def family(connection: Connection, root: int) -> list[int]:
    """The account and all that were merged into it, by number."""
    return list(
        connection.execute(select(accounts.c.id).where(accounts.c.root == root).order_by(accounts.c.id)).scalars()
    )


def parent_of(connection: Connection, account: int) -> int:
    found = connection.execute(select(accounts.c.parent).where(accounts.c.id == account)).scalar()
    return int(found) if found is not None else account


def create(connection: Connection, email: str, name: str, language: str | None, now: Instant, by: str) -> int:
    """A new account that owns this address from the beginning."""
    number = (connection.execute(select(func.max(accounts.c.id))).scalar() or 0) + 1
    connection.execute(
        insert(accounts).values(
            id=number,
            root=number,
            parent=number,
            name=codec.fit(name, 250),
            language=codec.fit(language, 10) if language else None,
            created_at=now,
        )
    )
    known = bool(history_of(connection, email))
    give_address(connection, email, number, now if known else Instant(0), now, by)
    return int(number)


def all_balances(connection: Connection) -> dict[int, Credits]:
    """Balance of every root account that has entries."""
    rows = connection.execute(
        select(accounts.c.root, func.sum(entries.c.credits))
        .join(accounts, accounts.c.id == entries.c.account)
        .group_by(accounts.c.root)
    )
    return {root: Credits(int(credits)) for root, credits in rows}


def names(connection: Connection) -> dict[int, str]:
    """Of every root account, by number."""
    question = select(accounts.c.id, accounts.c.name).where(accounts.c.id == accounts.c.root)
    return {row.id: row.name for row in connection.execute(question)}


def below(connection: Connection, threshold: int) -> list[tuple[int, str, Credits, Credits]]:
    """(number, name, balance, threshold) of every root account below its own threshold, else below the firm's.

    Accounts that never had an entry are left out.
    """
    root = accounts.alias()
    own = func.coalesce(root.c.threshold, threshold)
    sums = (
        select(accounts.c.root, func.sum(entries.c.credits).label("balance"))
        .join(accounts, accounts.c.id == entries.c.account)
        .group_by(accounts.c.root)
        .subquery()
    )
    rows = connection.execute(
        select(root.c.id, root.c.name, sums.c.balance, own)
        .join(sums, sums.c.root == root.c.id)
        .where(sums.c.balance < own)
        .order_by(root.c.id)
    )
    return [(number, name, Credits(int(balance)), Credits(int(own))) for number, name, balance, own in rows]
