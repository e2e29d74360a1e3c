"""Reads the sources anew, compares every document with the ledger, reports the drift and repairs it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bytebridge.connector import Connector, Page
from bytebridge.domain.interpret import Worth
from bytebridge.domain.memory import key_of
from bytebridge.domain.model import Credits, Document, Instant, Source, Ticket
from bytebridge.domain.settlement import Outcome, members
from bytebridge.domain.tariff import Lack
from bytebridge.errors import RemoteError, RemoteSurprise
from bytebridge.jobs.book import Run, book, confirmed, plan, unlike
from bytebridge.jobs.context import Context, PassResult
from bytebridge.jobs.labels import label_of
from bytebridge.jobs.poll import drain_surprises, failed
from bytebridge.ledger import accounts, documents, pages, reviews
from bytebridge.ledger.documents import Stored
from bytebridge.ledger.engine import Connection
from bytebridge.logs import bind, log

APART_S = 3600  # between the two looks after which a document counts as vanished
MANY, SHARE = 50, 10  # so many, or one in so many, missing at once is a source that lost rows, not documents
LOOKED_UP = 200


@dataclass(slots=True)
class Reconciled:
    """Figures of a reconciliation. drift: rows as the command shows them."""

    examined: dict[str, int] = field(default_factory=dict)
    drift: list[dict[str, Any]] = field(default_factory=list)
    review: int = 0
    applied: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Window:
    """Which documents: created from `since` on and before `until`; `account`: only of this root account."""

    since: Instant | None = None
    until: Instant | None = None
    account: int | None = None


def reconcile(sources: Sequence[Source], window: Window, context: Context, run: Run, *, dry_run: bool) -> Reconciled:
    """Walks the sources; with dry_run nothing is written, which a read-only store makes sure of."""
    found = Reconciled()
    for source in sources:
        connector = context.connectors[source]
        result = PassResult()
        with bind(source=source.value):
            try:
                _walk(connector, window, context, run, found, dry_run=dry_run)
            except RemoteError as error:
                failed(error, result)
                found.errors.append(str(error))
            drain_surprises(connector, result)
        if context.stopping():
            break
    with context.store.read() as connection:
        found.review = sum(total for total, _ in reviews.count_open(connection).values())
    return found


def _walk(
    connector: Connector, window: Window, context: Context, run: Run, found: Reconciled, *, dry_run: bool
) -> None:
    source = connector.source
    met: set[str] = set()
    found.examined[source.value] = 0
    for page in _pages(connector, window, context):
        met |= {key_of(member) for document in page.documents for member in members(document)}
        found.examined[source.value] += len(page.documents)
        _take(page, connector, context, run, found, dry_run=dry_run)
        context.progress(source.value, len(page.documents))
        if context.stopping():
            return
    if window.account is None:
        _missing(connector, window, met, context, run, found, dry_run=dry_run)


def _pages(connector: Connector, window: Window, context: Context) -> Iterator[Page]:
    if window.account is None:
        yield from connector.everything(window.since, window.until)
        return
    with context.store.read() as connection:
        emails = accounts.emails_of(connection, [window.account])[window.account]
        ids = [
            stored.document.id
            for stored in documents.of_addresses(connection, emails)
            if stored.key.startswith(f"{connector.source}:")
        ]
    for start in range(0, len(ids), LOOKED_UP):
        yield Page(tuple(connector.by_ids(ids[start : start + LOOKED_UP])))


def _take(page: Page, connector: Connector, context: Context, run: Run, found: Reconciled, *, dry_run: bool) -> None:
    with context.store.read() as connection:
        differing = unlike(connection, page.documents, context.rules_digest)
    if not differing:
        return
    if not page.trusted or connector.source == Source.HELPDESK:
        differing = confirmed(differing, connector, context)
    with context.store.read() as connection:
        outcomes, _ = plan(connection, differing, context)
        known = pages.seen(connection, [outcome.key for outcome in outcomes]).states
    rows = [_drift(outcome, outcome.key in known) for outcome in outcomes if outcome.postings]
    for row in rows:
        log(
            "drift_found",
            document=row["document"],
            account=row["account"],
            posted=row["posted"],
            expected=row["expected"],
            delta=row["delta"],
            reason=row["reason"],
        )
    found.drift += rows
    if not dry_run:
        booked = book(differing, context, run, source=connector.source)
        found.applied += len(booked.entries)


def _drift(outcome: Outcome, known: bool) -> dict[str, Any]:
    posted = sum(posting.was for posting in outcome.postings)
    delta = sum(posting.credits for posting in outcome.postings)
    first = all(posting.revision == 1 for posting in outcome.postings)
    if len(outcome.postings) > 1:
        reason = "wrong account"
    elif first or not known:
        reason = "missing"
    elif delta < 0 and not isinstance(outcome.document, Ticket):
        reason = "taken back"
    else:
        reason = "changed"
    emails = outcome.worth.emails
    return {
        "source": outcome.key.partition(":")[0],
        "document": label_of(outcome.key, outcome.document.code),
        "email": emails[0] if emails else None,
        "account": outcome.account,
        "posted": posted,
        "expected": posted + delta,
        "delta": delta,
        "reason": reason,
    }


def _missing(
    connector: Connector,
    window: Window,
    met: set[str],
    context: Context,
    run: Run,
    found: Reconciled,
    *,
    dry_run: bool,
) -> None:
    """Documents that moved credits and were not met: asked for by id, twice some time apart, then reviewed."""
    source = connector.source
    with context.store.read() as connection:
        posted = list(documents.posted_keys(connection, source, window.since, window.until))
    absent = [key for key, _ in posted if key not in met]
    if not absent:
        return
    if not met or len(absent) > max(MANY, len(posted) // SHARE):
        raise RemoteSurprise(
            source.value,
            "reconcile",
            f"{len(absent)} of {len(posted)} documents are missing at once: a lost right or a restored system?",
        )
    ids = [key.partition(":")[2] for key in absent]
    there: list[Document] = []
    for start in range(0, len(ids), LOOKED_UP):
        there += connector.by_ids(ids[start : start + LOOKED_UP])
    if there:
        _take(Page(tuple(there)), connector, context, run, found, dry_run=dry_run)
    back = {key_of(member) for document in there for member in members(document)}
    gone = [key for key in absent if key not in back]
    if not dry_run:
        _mark(gone, context, found)


def _mark(keys: Sequence[str], context: Context, found: Reconciled) -> None:
    now = context.now()

    def work(connection: Connection) -> int:
        stored = [item for key in keys if (item := documents.get(connection, key)) is not None]
        outcomes = [_vanished(item, now) for item in stored]
        view = pages.load_view(connection, [item.document for item in stored], context.rules, now)
        pages.store_documents(connection, outcomes, context.rules_digest, view, {item.key: "" for item in stored})
        opened, _ = reviews.follow(connection, [one for one in outcomes if one.worth.lack], now)
        return len(opened)

    if keys:
        context.store.transact(work)
        for key in keys:
            found.drift.append(
                {
                    "source": key.partition(":")[0],
                    "document": key,
                    "email": None,
                    "account": None,
                    "posted": None,
                    "expected": None,
                    "delta": 0,
                    "reason": "vanished",
                }
            )


def _vanished(item: Stored, now: Instant) -> Outcome:
    missing = item.memory.missing if item.memory.missing is not None else now
    certain = now - missing >= APART_S
    worth = Worth(
        key=item.key,
        credits=item.worth,
        derivation={},
        dated=item.dated,
        happened=item.dated,
        emails=(item.email,) if item.email else (),
        memory=replace(item.memory, missing=missing),
        lack=Lack("vanished") if certain else None,
        cost=Credits(0),
    )
    return Outcome(item.key, item.document, worth, item.account)
