"""The entries: append and read. There is no update and no delete."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Integer, Row, and_, func, select

from bytebridge.domain import entry as domain
from bytebridge.domain.entry import Entry, EntryKind, Posting
from bytebridge.domain.model import Credits, Instant
from bytebridge.ledger import facts, many
from bytebridge.ledger.chains import NO_HEAD, Head, heads
from bytebridge.ledger.many import batches
from bytebridge.ledger.schema import accounts, entries

DAY_S = 86_400
CHUNK = 2_000  # rows held at a time while everything is read
COLUMNS = tuple(column.name for column in entries.columns)
NUMBERS = tuple(column.name for column in entries.columns if isinstance(column.type, Integer))
TEXTS = tuple(name for name in COLUMNS if name not in NUMBERS)
_in_order = itemgetter(*map((*NUMBERS, *TEXTS).index, COLUMNS))
HIGHEST = select(func.max(entries.c.id))
KIND, DERIVATION = COLUMNS.index("kind"), COLUMNS.index("derivation")
KINDS = {kind.value: kind for kind in EntryKind}
decode = msgspec.json.Decoder(dict[str, Any]).decode
LAST = "last_entry"  # fact: id and hash of the entry added last


def append(
    connection: Connection,
    postings: Sequence[Posting],
    run: int,
    now: Instant,
    last: Mapping[int, Head] | None = None,
) -> list[Entry]:
    """Adds the postings to their accounts' chains, in order, and gives the entries back.

    last: the accounts' heads as read in this transaction, which holds the writer's lock; None: they are read here.
    """
    if not postings:
        return []
    ends = dict(heads(connection, sorted({posting.account for posting in postings})) if last is None else last)
    first = (connection.execute(HIGHEST).scalar() or 0) + 1
    added: list[Entry] = []
    rows: list[tuple[Any, ...]] = []
    for number, posting in enumerate(postings, first):
        account, credits, kind = posting.account, posting.credits, str(posting.kind)
        seq, balance, previous = ends.get(account, NO_HEAD)
        seq += 1
        balance += credits
        if balance != posting.balance:
            raise AssertionError(f"balance of account {account} moved under {posting.document}")
        document, revision, was, happened = posting.document, posting.revision, posting.was, posting.happened
        derivation = domain.encode(posting.derivation)
        digest = domain.chain(
            previous,
            account,
            seq,
            document,
            revision,
            kind,
            credits,
            balance,
            was,
            happened,
            now,
            derivation,
            number,
            run,
        )
        ends[account] = seq, balance, digest
        rows.append(
            (
                number,
                account,
                seq,
                document,
                revision,
                kind,
                credits,
                balance,
                was,
                happened,
                now,
                run,
                derivation,
                digest,
            )
        )
        added.append(
            Entry(
                number,
                account,
                seq,
                document,
                revision,
                posting.kind,
                credits,
                posting.balance,
                was,
                happened,
                now,
                run,
                posting.derivation,
                digest,
            )
        )
    many.add(connection, entries, COLUMNS, rows)
    facts.put(connection, LAST, f"{added[-1].id} {added[-1].hash}")
    return added


def from_row(row: Sequence[Any]) -> Entry:
    """row: its values in the order of the table's columns, which is that of an entry; more may follow."""
    values = list(row[: len(COLUMNS)])
    values[KIND], values[DERIVATION] = KINDS[values[KIND]], decode(values[DERIVATION])
    return Entry(*values)


def of_family(connection: Connection, root: int) -> list[Entry]:
    """All entries of an account and of those merged into it, by when they happened, then id."""
    members = connection.execute(select(accounts.c.id).where(accounts.c.root == root)).scalars()
    return of_members(connection, list(members))


def of_members(connection: Connection, members: Sequence[int], known_at: Instant | None = None) -> list[Entry]:
    """All entries on these accounts' chains, by when they happened, then id.

    known_at: only what was recorded by then.
    """
    question = select(entries).where(entries.c.account.in_(members)).order_by(entries.c.happened, entries.c.id)
    if known_at is not None:
        question = question.where(entries.c.recorded <= known_at)
    return list(map(from_row, connection.execute(question).all()))


def of_documents(connection: Connection, keys: Sequence[str]) -> list[Entry]:
    found: list[Entry] = []
    for some in batches(keys):
        question = select(entries).where(entries.c.document.in_(some)).order_by(entries.c.id)
        found += map(from_row, connection.execute(question).all())
    return found


def posted(connection: Connection, key: str) -> dict[int, Credits]:
    """Credits posted for one document, per account as they stand in the ledger."""
    rows = connection.execute(
        select(entries.c.account, func.sum(entries.c.credits))
        .where(entries.c.document == key)
        .group_by(entries.c.account)
    )
    return {account: Credits(int(credits)) for account, credits in rows}


def last_revision(connection: Connection, key: str) -> int:
    return connection.execute(select(func.max(entries.c.revision)).where(entries.c.document == key)).scalar() or 0


def by_ids(connection: Connection, ids: Sequence[int]) -> list[Entry]:
    found: list[Entry] = []
    for some in batches(ids):
        found += map(from_row, connection.execute(select(entries).where(entries.c.id.in_(some))).all())
    return sorted(found, key=lambda entry: entry.id)


def held(connection: Connection, members: Sequence[int]) -> dict[str, dict[int, Credits]]:
    """Credits posted for every document on these accounts, per account, the one posted to first coming first."""
    rows = connection.execute(
        select(entries.c.document, entries.c.account, func.sum(entries.c.credits))
        .where(entries.c.account.in_(members))
        .group_by(entries.c.document, entries.c.account)
        .order_by(func.min(entries.c.id))
    )
    found: dict[str, dict[int, Credits]] = {}
    for document, account, credits in rows:
        found.setdefault(document, {})[account] = Credits(int(credits))
    return found


def adjusted(connection: Connection) -> dict[str, int | None]:
    """Of every adjustment, the account whose address the person named."""
    rows = connection.execute(
        select(entries.c.document, entries.c.derivation).where(entries.c.kind == EntryKind.ADJUSTMENT.value)
    )
    return {document: decode(derivation).get("for") for document, derivation in rows}


def first_recorded(connection: Connection) -> Instant | None:
    """When the first document was booked; None while there are none, or openings alone."""
    booked = entries.c.kind.in_((EntryKind.GRANT.value, EntryKind.DEBIT.value))
    first = connection.execute(select(entries.c.recorded).where(booked).order_by(entries.c.id).limit(1)).scalar()
    return Instant(first) if first is not None else None


def busiest_day(connection: Connection) -> tuple[int, int, int]:
    """Most credits on one day so far [positive].

    Charged by tickets; taken back from purchases; given by documents that had moved some already.
    """
    day = (entries.c.happened // DAY_S).label("day")
    tickets, kinds = entries.c.document.like("helpdesk:%"), ("debit", "correction", "refund")
    lost = and_(entries.c.credits < 0, entries.c.kind.in_(kinds))
    given = and_(entries.c.credits > 0, entries.c.was != 0, entries.c.kind.in_(("grant", "correction")))
    found = []
    for moving in (and_(lost, tickets), and_(lost, ~tickets), given):
        per_day = select(func.sum(func.abs(entries.c.credits)).label("moved")).where(moving).group_by(day).subquery()
        found.append(int(connection.execute(select(func.max(per_day.c.moved))).scalar() or 0))
    return found[0], found[1], found[2]


def by_family(connection: Connection, progress: Callable[[int], None]) -> Iterator[tuple[int, Entry]]:
    """Every entry with its root account, all of one root next to each other, a chunk at a time."""
    root, last = -1, -1
    while True:
        rows = connection.execute(
            select(entries, accounts.c.root)
            .join(accounts, accounts.c.id == entries.c.account)
            .where((accounts.c.root > root) | ((accounts.c.root == root) & (entries.c.id > last)))
            .order_by(accounts.c.root, entries.c.id)
            .limit(CHUNK)
        ).all()
        if not rows:
            return
        yield from ((row.root, from_row(row)) for row in rows)
        root, last = rows[-1].root, rows[-1].id
        progress(len(rows))


def of_run(connection: Connection, run: int) -> list[Entry]:
    rows = connection.execute(select(entries).where(entries.c.run == run).order_by(entries.c.id))
    return list(map(from_row, rows.all()))


def walk(connection: Connection) -> Generator[Sequence[Any]]:
    """Every row by account and seq, its values in the order of the table's columns, streamed from the database.

    Until it is exhausted or closed the connection answers nothing else.
    """
    # one statement: paging by (account, seq) asks MariaDB for a condition that it answers without its index
    joined = connection.dialect.name in ("mysql", "mariadb")
    wanted = [_joined(), *(entries.c[name] for name in TEXTS)] if joined else [entries]
    everything = select(*wanted).order_by(entries.c.account, entries.c.seq)
    with connection.execute(everything.execution_options(stream_results=True, yield_per=CHUNK)) as rows:
        for some in rows.partitions():
            yield from map(_parted, some) if joined else some


def _joined() -> ColumnElement[str]:
    """All numbers of a row as one text: the driver of MariaDB takes as long for each value as others for a row."""
    return func.concat_ws("|", *(entries.c[name] for name in NUMBERS))


def _parted(row: Row[Any]) -> Sequence[Any]:
    found: Sequence[Any] = _in_order((*map(int, row[0].split("|")), *row[1:]))
    return found
