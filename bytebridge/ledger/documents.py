"""Documents as last seen: one by its key, code or number, and those of a source for comparing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, or_, select

from bytebridge.domain.memory import Memory
from bytebridge.domain.model import Credits, Document, Instant, Invoice, Source
from bytebridge.ledger import codec
from bytebridge.ledger.many import among, batches
from bytebridge.ledger.schema import accounts, documents

CHUNK = 1_000
STATE = select(documents.c.key, documents.c.state)
CODE = select(documents.c.key, documents.c.code)
# not by source: SQLite would go by that index and look at every document there is
TO_RECHECK = STATE.where(documents.c.recheck <= bindparam("now")).order_by(documents.c.recheck)


@dataclass(frozen=True, slots=True)
class Stored:
    """A document with what the ledger keeps about it. state: its text as last seen."""

    key: str
    document: Document
    account: int | None
    email: str
    dated: Instant
    memory: Memory
    worth: Credits | None
    state: str
    seen_at: Instant


def _from_row(row: Row[Any]) -> Stored:
    return Stored(
        row.key,
        codec.document(row.source, row.state),
        row.account,
        row.email,
        Instant(row.dated),
        codec.memory(row.memory),
        Credits(row.worth) if row.worth is not None else None,
        row.state,
        Instant(row.seen_at),
    )


def find(connection: Connection, key: str) -> Document | None:
    stored = get(connection, key)
    return stored.document if stored is not None else None


def get(connection: Connection, key: str) -> Stored | None:
    row = connection.execute(select(documents).where(documents.c.key == key)).one_or_none()
    return _from_row(row) if row is not None else None


def named(connection: Connection, source: Source, name: str) -> list[Stored]:
    """Documents of a source with this id, code or ref; a shop's reference may name several."""
    rows = connection.execute(
        select(documents)
        .where(
            documents.c.source == source.value,
            or_(documents.c.key == f"{source.value}:{name}", documents.c.code == name),
        )
        .order_by(documents.c.key)
    )
    return [_from_row(row) for row in rows]


def posted_keys(connection: Connection, source: Source, since: Instant | None, until: Instant | None) -> Iterator[str]:
    """Keys of a source's documents that moved credits and were created in the window."""
    # in no order: with one, a database sorts all of them for each thousand
    question = select(documents.c.key).where(documents.c.source == source.value, documents.c.revision > 0)
    if since is not None:
        question = question.where(documents.c.created_at >= since)
    if until is not None:
        question = question.where(documents.c.created_at < until)
    with connection.execute(question.execution_options(stream_results=True, yield_per=CHUNK)) as rows:
        yield from rows.scalars()


def every(connection: Connection, source: Source, count: int, since: Instant | None) -> list[Instant]:
    """Times of making of every so many documents of a source: bounds of parts that hold about as many."""
    question = select(documents.c.created_at).where(documents.c.source == source.value).order_by(documents.c.created_at)
    if since is not None:
        question = question.where(documents.c.created_at > since)
    bounds: list[Instant] = []
    with connection.execute(question.execution_options(stream_results=True, yield_per=CHUNK)) as rows:
        for number, created in enumerate(rows.scalars()):
            if number and number % count == 0 and (not bounds or created > bounds[-1]):
                bounds.append(Instant(created))
    return bounds


def of_family(connection: Connection, members: Sequence[int], emails: Sequence[str]) -> dict[str, bool]:
    """Keys of the documents that belong to these accounts or came with these addresses; True: it moved credits."""
    found: dict[str, bool] = {}
    for column, values in ((documents.c.account, members), (documents.c.email, emails)):
        for some in batches(values):
            rows = connection.execute(select(documents.c.key, documents.c.revision).where(column.in_(some)))
            found |= {key: revision > 0 for key, revision in rows}
    return found


def of_addresses(connection: Connection, emails: Sequence[str]) -> list[Stored]:
    """Documents that came with one of these addresses."""
    rows = connection.execute(select(documents).where(documents.c.email.in_(emails)).order_by(documents.c.key))
    return [_from_row(row) for row in rows]


def addressed(connection: Connection, keys: Sequence[str]) -> Iterator[tuple[str, str, Instant]]:
    """Key, address and date of these documents."""
    for some in batches(keys):
        rows = connection.execute(
            select(documents.c.key, documents.c.email, documents.c.dated).where(documents.c.key.in_(some))
        )
        yield from ((row.key, row.email, Instant(row.dated)) for row in rows)


def of_account(connection: Connection, root: int) -> list[Stored]:
    """Documents of the account and of all that was merged into it."""
    family = select(accounts.c.id).where(accounts.c.root == root)
    rows = connection.execute(select(documents).where(documents.c.account.in_(family)).order_by(documents.c.key))
    return [_from_row(row) for row in rows]


def codes(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """What customers call these documents: an order's number, a ticket's or an invoice's code."""
    found: dict[str, str] = {}
    for key, code in among(connection, CODE, documents.c.key, keys):
        source, _, number = key.partition(":")
        found[key] = number if source == Source.SHOP else code or number
    return found


def to_recheck(connection: Connection, source: Source, now: Instant) -> dict[str, Document]:
    """Documents as last seen whose worth may have changed while they did not, by id; of a credit note its invoice."""
    rows = connection.execute(TO_RECHECK, {"now": now})
    found = {
        key.partition(":")[2]: codec.document(source, state)
        for key, state in rows
        if key.startswith(f"{source.value}:")
    }
    named = {document.source for document in found.values() if isinstance(document, Invoice) and document.source}
    keys = [f"{source.value}:{number}" for number in sorted(named)]
    stored = among(connection, STATE, documents.c.key, keys)
    invoices = {key.partition(":")[2]: codec.document(source, state) for key, state in stored}
    return {
        number: invoices.get(document.source or "", document) if isinstance(document, Invoice) else document
        for number, document in found.items()
    }
